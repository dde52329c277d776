// Calls: recursion two ways, and trees that are built, walked and thrown away.
#include "kernel.h"

static u64 __attribute__((noinline)) fib(u64 n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
static int __attribute__((noinline)) tak(int x, int y, int z) {
  return y >= x ? z : tak(tak(x - 1, y, z), tak(y - 1, z, x), tak(z - 1, x, y));
}
struct tree { struct tree *left, *right; u32 key; };
static struct tree pool[1 << 15];
static u32 used;
static struct tree *__attribute__((noinline)) build(int depth) {
  struct tree *t = &pool[used++];
  t->key = rnd() >> 16;
  t->left = depth ? build(depth - 1) : 0;
  t->right = depth ? build(depth - 1) : 0;
  return t;
}
static u64 __attribute__((noinline)) walk(const struct tree *t) {
  return t ? t->key + 3 * walk(t->left) + 5 * walk(t->right) : 1;
}
u64 run(void) {
  u64 sum = fib(30) + tak(18, 12, 6);
  seed = 12345;
  for (int i = 0; i < 30; i++) used = 0, sum = sum * 31 + walk(build(13));
  return sum;
}
