// Atomics: counters, a lock, compare-and-swap loops, exchanges; -march decides between LSE and exclusives (atomic, atomicx).
#include "kernel.h"

static u64 counter, lock, words[64];
u64 run(void) {
  seed = 12345;
  counter = 0;
  for (int i = 0; i < 64; i++) words[i] = i;
  u64 sum = 0;
  for (int i = 0; i < 2000000; i++) {
    sum += __atomic_fetch_add(&counter, i, __ATOMIC_RELAXED);
    u64 *w = &words[rnd() >> 26], old = __atomic_load_n(w, __ATOMIC_ACQUIRE);
    while (!__atomic_compare_exchange_n(w, &old, old * 5 + 1, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
    while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE));
    counter ^= old;
    __atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
  }
  for (int i = 0; i < 64; i++) sum = sum * 31 + words[i];
  return sum + counter;
}
