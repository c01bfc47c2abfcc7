/* Threads of our own: TensorFlow's C interface does not lend its pool. */
#ifndef FLATSCAPE_POOL_H
#define FLATSCAPE_POOL_H

#include <stdint.h>

/* Part of a loop: from `begin` until before `end`. */
typedef void (*Part)(const void *context, int64_t begin, int64_t end);

/* Runs a loop of `total` turns, `grain` or more at a time, on all threads; returns when it is done. */
void parallel(int64_t total, int64_t grain, Part part, const void *context);

/* Threads that take part, the caller's among them. */
int poolThreads(void);

#endif
