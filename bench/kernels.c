// Kernels for bench/interp.mjs: freestanding, no library. Each runs long enough to be timed and exits with a checksum.
typedef unsigned long u64;
typedef unsigned int u32;
typedef unsigned char u8;

static void exit_with(u64 sum) {
  register u64 x0 __asm__("x0") = (sum ^ (sum >> 8) ^ (sum >> 16) ^ (sum >> 24)) & 255;
  register u64 x8 __asm__("x8") = 93;
  __asm__ volatile("svc #0" ::"r"(x0), "r"(x8));
  __builtin_unreachable();
}
static u32 seed = 12345;
static u32 rnd(void) { return seed = seed * 1664525u + 1013904223u; }

#if defined(MIX)
struct node { struct node *next; u32 value; };
static struct node nodes[2000];
static int less(const struct node *a, const struct node *b) { return a->value < b->value; }
static struct node *sort(struct node *l, int (*cmp)(const struct node *, const struct node *)) {
  if (!l || !l->next) return l;
  struct node *slow = l, *fast = l->next;
  while (fast && fast->next) slow = slow->next, fast = fast->next->next;
  struct node *b = slow->next, head, *t = &head;
  slow->next = 0;
  struct node *a = sort(l, cmp);
  b = sort(b, cmp);
  while (a && b) {
    if (cmp(b, a)) t->next = b, b = b->next;
    else t->next = a, a = a->next;
    t = t->next;
  }
  t->next = a ? a : b;
  return head.next;
}
static int m1[24][24], m2[24][24], m3[24][24];
static u32 crc16(u32 c, u8 d) {
  for (int i = 0; i < 8; i++, d >>= 1) {
    u32 x = (c ^ d) & 1;
    c >>= 1;
    if (x) c ^= 0xa001;
  }
  return c;
}
static u64 run(void) {
  u64 sum = 0;
  for (int round = 0; round < 20; round++) {
    for (int i = 0; i < 2000; i++) nodes[i].value = rnd() >> 8, nodes[i].next = i < 1999 ? &nodes[i + 1] : 0;
    struct node *l = sort(nodes, less);
    for (; l; l = l->next) sum = sum * 31 + l->value;
    for (int i = 0; i < 24; i++)
      for (int j = 0; j < 24; j++) m1[i][j] = rnd() & 255, m2[i][j] = rnd() & 255;
    for (int i = 0; i < 24; i++)
      for (int j = 0; j < 24; j++) {
        int s = 0;
        for (int k = 0; k < 24; k++) s += m1[i][k] * m2[k][j];
        m3[i][j] = s;
      }
    u32 c = 0xffff;
    for (int i = 0; i < 24 * 24; i++) c = crc16(c, ((u8 *)m3)[i * 4]), c = crc16(c, ((u8 *)m3)[i * 4 + 1]);
    sum += c;
  }
  return sum;
}
#elif defined(MEM)
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
static u64 run(void) {
  u64 sum = 0;
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
#elif defined(VM)
enum { PUSH, ADD, SUB, DUP, SWAP, JNZ, DEC, HALT };
static const u8 program[] = {PUSH, 200, PUSH, 1, SWAP, DUP, PUSH, 3, ADD, SUB, PUSH, 7, ADD, PUSH, 5, SUB, DEC, JNZ, 4, HALT};
static u64 run(void) {
  static void *const go[] = {&&push, &&add, &&sub, &&dup, &&swap, &&jnz, &&dec, &&halt};
  u64 sum = 0;
  for (int round = 0; round < 6000; round++) {
    long stack[64], *sp = stack;
    long counter = 200;
    const u8 *pc = program;
    goto *go[*pc++];
  push: *sp++ = *pc++; goto *go[*pc++];
  add: sp--; sp[-1] += sp[0]; goto *go[*pc++];
  sub: sp--; sp[-1] = sp[0] - sp[-1]; goto *go[*pc++];
  dup: sp[0] = sp[-1]; sp++; goto *go[*pc++];
  swap: { long t = sp[-1]; sp[-1] = sp[-2]; sp[-2] = t; } goto *go[*pc++];
  dec: counter--; goto *go[*pc++];
  jnz: if (counter) pc = program + *pc, sp = stack + 2; else pc++; goto *go[*pc++];
  halt: sum += sp[-1];
  }
  return sum;
}
#elif defined(CALL)
static u64 __attribute__((noinline)) fib(u64 n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
static int __attribute__((noinline)) tak(int x, int y, int z) {
  return y >= x ? z : tak(tak(x - 1, y, z), tak(y - 1, z, x), tak(z - 1, x, y));
}
static u64 run(void) { return fib(29) + tak(18, 12, 6); }
#elif defined(FP)
static double x[512], y[512], a[40][40], b[40][40], c[40][40];
static u64 run(void) {
  for (int i = 0; i < 512; i++) x[i] = rnd() * 1e-9, y[i] = rnd() * 1e-9;
  for (int r = 0; r < 2000; r++)
    for (int i = 0; i < 512; i++) y[i] += 0.001 * x[i];
  for (int i = 0; i < 40; i++)
    for (int j = 0; j < 40; j++) a[i][j] = x[i] + j, b[i][j] = y[j] - i;
  double s = 0;
  for (int r = 0; r < 20; r++)
    for (int i = 0; i < 40; i++)
      for (int j = 0; j < 40; j++) {
        double t = 0;
        for (int k = 0; k < 40; k++) t += a[i][k] * b[k][j];
        c[i][j] = t;
        s += t * 1e-3;
      }
  for (int i = 0; i < 512; i++) s += y[i] / (1.0 + x[i]);
  union { double d; u64 u; } u = {.d = s};
  return u.u;
}
#endif

void _start(void) { exit_with(run()); }
