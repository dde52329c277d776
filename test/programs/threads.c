// pthreads: create, join, mutexes, conditions, barriers, semaphores, thread-local data, cancellation, affinity.
#include "check.h"
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>
#define N 8
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static sem_t sem;
static __thread int tls = 5;
static int counter, ready;
static atomic_int spin, order;
static void *worker(void *arg) {
  long n = (long)arg;
  tls += n;
  for (int i = 0; i < 1000; i++) {
    pthread_mutex_lock(&lock);
    counter++;
    pthread_mutex_unlock(&lock);
  }
  pthread_barrier_wait(&barrier);
  CHECK(counter == N * 1000);
  pthread_mutex_lock(&lock);
  while (!ready) pthread_cond_wait(&cond, &lock);
  pthread_mutex_unlock(&lock);
  sem_wait(&sem);
  CHECK(tls == 5 + n);
  return (void *)(n * n);
}
static void *spinner(void *arg) {
  (void)arg;
  while (!atomic_load(&spin)) {
  }
  atomic_store(&spin, 2);
  return 0;
}
static void *sleeper(void *arg) {
  (void)arg;
  for (;;) pause();
  return 0;
}
static void *robust(void *arg) {
  pthread_mutex_lock(arg);
  return 0; // dies with the lock held
}
static void *affine(void *arg) {
  long cpu = (long)arg;
  cpu_set_t s;
  CPU_ZERO(&s);
  CPU_SET(cpu, &s);
  CHECK(sched_setaffinity(0, sizeof s, &s) == 0);
  for (int i = 0; i < 100; i++) {
    CHECK(sched_getcpu() == cpu);
    sched_yield();
  }
  atomic_fetch_add(&order, 1);
  return 0;
}
int main(void) {
  pthread_t t[N];
  pthread_barrier_init(&barrier, 0, N);
  sem_init(&sem, 0, 0);
  for (long i = 0; i < N; i++) CHECK(pthread_create(&t[i], 0, worker, (void *)i) == 0);
  usleep(1000);
  pthread_mutex_lock(&lock);
  ready = 1;
  pthread_cond_broadcast(&cond);
  pthread_mutex_unlock(&lock);
  for (int i = 0; i < N; i++) sem_post(&sem);
  for (long i = 0; i < N; i++) {
    void *r;
    CHECK(pthread_join(t[i], &r) == 0 && (long)r == i * i);
  }
  CHECK(pthread_create(&t[0], 0, spinner, 0) == 0);
  atomic_store(&spin, 1);
  while (atomic_load(&spin) != 2) {
  }
  pthread_join(t[0], 0);
  void *r;
  CHECK(pthread_create(&t[0], 0, sleeper, 0) == 0);
  usleep(100);
  CHECK(pthread_cancel(t[0]) == 0 && pthread_join(t[0], &r) == 0 && r == PTHREAD_CANCELED);
  pthread_mutexattr_t a;
  pthread_mutex_t m;
  pthread_mutexattr_init(&a);
  pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(&m, &a);
  CHECK(pthread_create(&t[0], 0, robust, &m) == 0);
  pthread_join(t[0], 0);
  CHECK(pthread_mutex_lock(&m) == EOWNERDEAD && pthread_mutex_consistent(&m) == 0);
  pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_INHERIT);
  pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_STALLED);
  pthread_mutex_t pi;
  CHECK(pthread_mutex_init(&pi, &a) == 0 && pthread_mutex_lock(&pi) == 0 && pthread_mutex_unlock(&pi) == 0);
  long cpus = sysconf(_SC_NPROCESSORS_ONLN);
  for (long i = 0; i < cpus && i < N; i++) CHECK(pthread_create(&t[i], 0, affine, (void *)i) == 0);
  for (long i = 0; i < cpus && i < N; i++) pthread_join(t[i], 0);
  CHECK(order == (cpus < N ? cpus : N));
  struct timespec ts;
  clock_gettime(CLOCK_REALTIME, &ts);
  ts.tv_sec += 1;
  pthread_mutex_lock(&lock);
  CHECK(pthread_cond_timedwait(&cond, &lock, &ts) == ETIMEDOUT);
  printf("threads ok\n");
  return 0;
}
