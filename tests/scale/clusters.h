/* What the pretended clusters know and say: objects of Kubernetes by path, and a KubeFATE behind each API server's service proxy with jobs that take their
 * time. No network here (responder.c). The behaviour is what tests/kubefate/FACTS.md records of the real one, the sizes are those of real answers. */
#ifndef SCALE_CLUSTERS_H
#define SCALE_CLUSTERS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct arena; struct cluster;
struct answer { int status; const char *body; size_t n; };
/* Install jobs take between min_ms and max_ms, spread evenly over the numbers of the jobs. */
void clusters_job_time(int min_ms, int max_ms);
struct cluster *cluster_new(int number);
/* The path is written to. now_ms: the monotonic clock. */
void cluster_answer(struct cluster *c, struct arena *a, const char *method, char *path, const char *body, size_t n, int64_t now_ms, struct answer *out);
#endif
