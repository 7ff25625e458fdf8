/* What a supervisor looks at before it makes its first process. */
#ifndef MAIN_START_H
#define MAIN_START_H
#include <stdbool.h>
struct arena; struct conf;
/* False, with a sentence on stderr, when the schema is older than this program needs. A database that cannot be reached now does not stop the start: workers
 * answer 503 and runners wait until it is there. */
bool start_schema(const char *program, const struct conf *c, struct arena *a);
/* The name under which this instance's runners hold leases: "HOST:16 hex digits". Whoever holds the locked file gets the name of its last holder on this
 * boot of this machine, and only then: host names and inodes alone repeat themselves on machines made from one image, and in containers.
 * boot: the file with the kernel's id of this boot. */
const char *start_instance(struct arena *a, int lock_fd, const char *boot);
#define START_BOOT_ID "/proc/sys/kernel/random/boot_id"
#endif
