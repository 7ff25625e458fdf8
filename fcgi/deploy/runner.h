/* One runner process: an event loop that claims due work by lease and does all remote I/O. Returns an exit status after TERM. */
#ifndef DEPLOY_RUNNER_H
#define DEPLOY_RUNNER_H
struct conf;
/* instance + slot name the lease holder; a starting runner releases the leases of its predecessor in the same slot, which the supervisor knows to be dead. */
int poller_runner(const struct conf *c, int slot, const char *instance);
#endif
