// Blocks and strings: copies and fills of many sizes and alignments, lengths, comparisons, searches.
#include "kernel.h"

static u8 from[1 << 16], to[1 << 16];
static void *copy(u8 *d, const u8 *s, u64 n) {
  while (n >= 8 && ((u64)s & 7)) *d++ = *s++, n--;
  for (; n >= 32; n -= 32, d += 32, s += 32) {
    u64 v[4];
    __builtin_memcpy(v, s, 32);
    __builtin_memcpy(d, v, 32);
  }
  while (n--) *d++ = *s++;
  return d;
}
static void fill(u8 *d, u8 c, u64 n) {
  u64 v = c * 0x0101010101010101ull;
  for (; n >= 8; n -= 8, d += 8) __builtin_memcpy(d, &v, 8);
  while (n--) *d++ = c;
}
static u64 length(const char *s) {
  const char *p = s;
  while (*p) p++;
  return p - s;
}
static int compare(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return (u8)*a - (u8)*b;
}
static const char *find(const char *h, const char *n) {
  for (; *h; h++) {
    u64 i = 0;
    while (n[i] && h[i] == n[i]) i++;
    if (!n[i]) return h;
  }
  return 0;
}
u64 run(void) {
  u64 sum = 0;
  seed = 12345;
  for (u32 i = 0; i < sizeof from; i++) from[i] = 'a' + (rnd() >> 24) % 26;
  for (int round = 0; round < 2; round++) {
    for (u32 n = 1; n < 4096; n += 37) {
      u32 at = rnd() % 16384, off = rnd() & 15;
      copy(to + at, from + off, n);
      copy(to + at + n, from + off, n);
      sum = sum * 31 + to[at + n];
      fill(to + at, n, n);
      sum += to[at + n / 2];
    }
    copy(to, from, sizeof from);
    to[16384 + round] = 0;
    const char *s = (const char *)to;
    sum += length(s) + length(s + 777);
    sum += (find(s, "zqx") ? find(s, "zqx") - s : 1) + (find(s, "ab") - s);
    for (int i = 0; i < 2000; i++) sum = sum * 3 + compare(s + i, (const char *)from + i + (i & 1));
  }
  return sum;
}
