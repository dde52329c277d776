// Memory: a byte sieve, quicksort, and a chase whose next place depends on what was read.
#include "kernel.h"

static u8 sieve[1 << 22];
static u32 data[1 << 17];
static void quick(u32 *a, long lo, long hi) {
  while (lo < hi) {
    u32 p = a[(lo + hi) / 2];
    long i = lo, j = hi;
    while (i <= j) {
      while (a[i] < p) i++;
      while (a[j] > p) j--;
      if (i <= j) { u32 t = a[i]; a[i] = a[j]; a[j] = t; i++; j--; }
    }
    if (j - lo < hi - i) { quick(a, lo, j); lo = i; }
    else { quick(a, i, hi); hi = j; }
  }
}
u64 run(void) {
  u64 sum = 0;
  seed = 12345;
  for (u64 i = 0; i < sizeof sieve; i++) sieve[i] = 0;
  for (u64 i = 2; i * i < sizeof sieve; i++)
    if (!sieve[i])
      for (u64 j = i * i; j < sizeof sieve; j += i) sieve[j] = 1;
  for (u64 i = 0; i < sizeof sieve; i++) sum += sieve[i];
  for (int i = 0; i < 1 << 17; i++) data[i] = rnd();
  quick(data, 0, (1 << 17) - 1);
  for (int i = 0; i < 1 << 17; i += 97) sum = sum * 31 + data[i];
  u32 at = 0;
  for (int i = 0; i < 2000000; i++) at = (sieve[at] + at * 5 + 1) & (sizeof sieve - 1);
  return sum + at;
}
