#define _GNU_SOURCE
#include "pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A sleeping thread takes tens of microseconds to wake, about as long as a small kernel takes. */
enum { SPINS = 200, PARTS_PER_THREAD = 4, MOST_THREADS = 256 };

static struct {
  Part part;
  const void *context;
  int64_t total, size;
  /* Parts not yet taken, or fewer than one. A part is taken by lowering it, and the fields above
     hold as long as one is not done. */
  atomic_int left;
  atomic_int done;
} job;

static int threads;
static atomic_int sleeping;
static pthread_mutex_t callers = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t sleep_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work = PTHREAD_COND_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void takeParts(void) {
  int number;
  while ((number = atomic_fetch_sub(&job.left, 1)) > 0) {
    int64_t begin = (number - 1) * job.size;
    int64_t end = begin + job.size < job.total ? begin + job.size : job.total;
    job.part(job.context, begin, end);
    atomic_fetch_add(&job.done, 1);
  }
}

static void *worker(void *unused) {
  for (;;) {
    for (int spin = 0; spin < SPINS && atomic_load(&job.left) <= 0; spin++) sched_yield();
    if (atomic_load(&job.left) <= 0) {
      pthread_mutex_lock(&sleep_mutex);
      atomic_fetch_add(&sleeping, 1);
      while (atomic_load(&job.left) <= 0) pthread_cond_wait(&work, &sleep_mutex);
      atomic_fetch_sub(&sleeping, 1);
      pthread_mutex_unlock(&sleep_mutex);
    }
    takeParts();
  }
  return unused;
}

/* Of the processors that this process may use; hyper-threads of one core count once. */
static int cores(void) {
  int count = 0;
#ifdef __linux__
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0)
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
      if (!CPU_ISSET(cpu, &allowed)) continue;
      char path[96];
      snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
      FILE *file = fopen(path, "r");
      int first = cpu;
      if (file) {
        if (fscanf(file, "%d", &first) != 1) first = cpu;
        fclose(file);
      }
      if (first == cpu || (first < CPU_SETSIZE && !CPU_ISSET(first, &allowed))) count++;
    }
#endif
  return count > 0 ? count : (int)sysconf(_SC_NPROCESSORS_ONLN);
}

static void start(void) {
  /* The variable by which TensorFlow's own threads are limited. */
  const char *wanted = getenv("TF_NUM_INTRAOP_THREADS");
  int want = wanted ? atoi(wanted) : 0;
  if (want < 1) want = cores();
  if (want > MOST_THREADS) want = MOST_THREADS;
  threads = 1;
  pthread_attr_t detached;
  pthread_attr_init(&detached);
  pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
  pthread_t thread;
  while (threads < want && pthread_create(&thread, &detached, worker, NULL) == 0) threads++;
  pthread_attr_destroy(&detached);
}

int poolThreads(void) {
  pthread_once(&once, start);
  return threads;
}

void parallel(int64_t total, int64_t grain, Part part, const void *context) {
  int64_t size = total / (poolThreads() * PARTS_PER_THREAD) + 1;
  if (size < grain) size = grain;
  /* Two callers at a time: the second works alone. */
  if (threads == 1 || size >= total || pthread_mutex_trylock(&callers) != 0) {
    if (total > 0) part(context, 0, total);
    return;
  }
  int parts = (int)((total + size - 1) / size);
  job.part = part;
  job.context = context;
  job.total = total;
  job.size = size;
  atomic_store(&job.done, 0);
  atomic_store(&job.left, parts);
  if (atomic_load(&sleeping) > 0) {
    pthread_mutex_lock(&sleep_mutex);
    pthread_cond_broadcast(&work);
    pthread_mutex_unlock(&sleep_mutex);
  }
  takeParts();
  for (int spin = 0; atomic_load(&job.done) < parts; spin++)
    if (spin > 1000) sched_yield();
  pthread_mutex_unlock(&callers);
}
