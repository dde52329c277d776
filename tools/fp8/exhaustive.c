// Every FP8 instruction over all operands that it can be given (two operands: all 65,536 pairs; sums of products: random
// ones), under all formats and saturation settings and some scales. One line for each instruction and setting: the
// number of executions and a hash of everything that they gave, FPSR included. A freestanding aarch64 program, so that two
// CPUs can be compared by what it prints; src/cpu/fp/fp8_exhaustive.test.ts goes the same ways.

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;
typedef u32 v4 __attribute__((vector_size(16)));
typedef u8 v16 __attribute__((vector_size(16)));

// FPMR
#define F8S1(n) ((u64)(n) << 0)
#define F8S2(n) ((u64)(n) << 3)
#define F8D(n) ((u64)(n) << 6)
#define OSM(n) ((u64)(n) << 14)
#define OSC(n) ((u64)(n) << 15)
#define LSCALE(n) ((u64)(n) << 16)
#define NSCALE(n) ((u64)(n) << 24)
#define LSCALE2(n) ((u64)(n) << 32)
// FPCR
enum { AH = 2, FZ = 1 << 24, RZ = 3 << 22 };

static void put(const char *s, u64 n) {
  register u64 x8 __asm__("x8") = 64, x0 __asm__("x0") = 1, x1 __asm__("x1") = (u64)s, x2 __asm__("x2") = n;
  __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
}

static u32 h1, h2;
static u64 executed;
static void start(u64 fpmr, u64 fpcr) {
  h1 = 0x811c9dc5;
  h2 = 0x2545f491;
  executed = 0;
  __asm__ volatile("msr s3_3_c4_c4_2, %0\n msr fpcr, %1" ::"r"(fpmr), "r"(fpcr));
}
static inline void word(u32 w) {
  h1 = (h1 ^ w) * 0x01000193;
  h2 = (h2 + w) * 0x9e3779b1;
  h2 ^= h2 >> 15;
}
static inline void result(v4 v) {
  for (int i = 0; i < 4; i++) word(v[i]);
  executed++;
}
static void hex(char *to, u64 v, int digits) {
  for (int i = digits - 1; i >= 0; i--, v >>= 4) to[i] = "0123456789abcdef"[v & 15];
}
/** NAME fpmr fpcr executions hash */
static void line(const char *name, u64 fpmr, u64 fpcr) {
  char text[80];
  int n = 0;
  while (name[n]) text[n] = name[n], n++;
  text[n] = ' ', hex(text + n + 1, fpmr, 12);
  text[n + 13] = ' ', hex(text + n + 14, fpcr, 8);
  text[n + 22] = ' ', hex(text + n + 23, executed, 6);
  text[n + 29] = ' ', hex(text + n + 30, h1, 8), hex(text + n + 38, h2, 8);
  text[n + 46] = '\n';
  put(text, n + 47);
}
static inline void clearFlags(void) { __asm__ volatile("msr fpsr, xzr"); }
static inline void flags(void) {
  u64 v;
  __asm__ volatile("mrs %0, fpsr" : "=r"(v));
  word(v);
}

// Instructions: v0 is the destination and addend, v1 and v2 the sources.
#define WITH(name, encoding)                                                                     \
  static inline v4 name(v4 acc, v16 a, v16 b) {                                                  \
    register v4 d __asm__("v0") = acc;                                                           \
    register v16 n __asm__("v1") = a, m __asm__("v2") = b;                                       \
    __asm__ volatile(".inst " #encoding : "+w"(d) : "w"(n), "w"(m));                             \
    return d;                                                                                    \
  }
WITH(f1cvtl, 0x2e217820) WITH(f2cvtl, 0x2e617820) WITH(bf1cvtl, 0x2ea17820) WITH(bf2cvtl, 0x2ee17820)
WITH(fcvtn_half, 0x4e42f420) WITH(fcvtn_single, 0x0e02f420)
WITH(fmlalb, 0x0ec2fc20) WITH(fmlalt, 0x4ec2fc20)
WITH(fmlallbb, 0x0e02c420) WITH(fmlallbt, 0x0e42c420) WITH(fmlalltb, 0x4e02c420) WITH(fmlalltt, 0x4e42c420)
WITH(fdot2, 0x4e42fc20) WITH(fdot4, 0x4e02fc20) WITH(fmmla_half, 0x6e02ec20) WITH(fmmla_single, 0x6e82ec20)

static const v4 ZERO = {0, 0, 0, 0};
/** Numbers that a product is added to: 0, 1, -1, the largest, -0, the least, minus the largest, something. */
static const v4 HALVES = {0x3c000000, 0x7bffbc00, 0x00018000, 0x5555fbff};
static const v4 SINGLES = {0x3f800000, 0x7f7fffff, 0x80000001, 0xc2f6e979};

static v16 splat(u8 a) { return (v16){a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a}; }
static v16 from(u8 b) {
  return (v16){b, b + 1, b + 2, b + 3, b + 4, b + 5, b + 6, b + 7, b + 8, b + 9, b + 10, b + 11, b + 12, b + 13, b + 14, b + 15};
}

static void products(u64 fpmr, u64 fpcr) {
  start(fpmr, fpcr);
  clearFlags();
  for (int pass = 0; pass < 2; pass++)
    for (int a = 0; a < 256; a++)
      for (int b = 0; b < 256; b += 16) {
        const v4 acc = pass ? HALVES : ZERO;
        result(fmlalb(acc, splat(a), from(b)));
        result(fmlalt(acc, splat(a), from(b)));
      }
  flags();
  line("FMLAL", fpmr, fpcr);
  start(fpmr, fpcr);
  clearFlags();
  for (int pass = 0; pass < 2; pass++)
    for (int a = 0; a < 256; a++)
      for (int b = 0; b < 256; b += 16) {
        const v4 acc = pass ? SINGLES : ZERO;
        result(fmlallbb(acc, splat(a), from(b)));
        result(fmlallbt(acc, splat(a), from(b)));
        result(fmlalltb(acc, splat(a), from(b)));
        result(fmlalltt(acc, splat(a), from(b)));
      }
  flags();
  line("FMLALL", fpmr, fpcr);
}

static u64 seed;
static u64 next(void) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return seed;
}
static v16 bytes(void) {
  union { u64 w[2]; v16 v; } x;
  x.w[0] = next(), x.w[1] = next();
  return x.v;
}
#define SUMS(name, f, acc)                                                                       \
  start(fpmr, fpcr), clearFlags(), seed = 88172645463325252ul;                                   \
  for (int i = 0; i < 2000; i++) {                                                               \
    v16 a = bytes(), b = bytes();                                                                \
    result(f(i & 1 ? acc : ZERO, a, b));                                                         \
  }                                                                                              \
  flags(), line(name, fpmr, fpcr)
static void sums(u64 fpmr, u64 fpcr) {
  SUMS("FDOT2", fdot2, HALVES);
  SUMS("FDOT4", fdot4, SINGLES);
  SUMS("FMMLA_HALF", fmmla_half, HALVES);
  SUMS("FMMLA_SINGLE", fmmla_single, SINGLES);
}

/** All numbers of both formats, one at a time. */
#define WIDEN(name, f)                                                                           \
  start(fpmr, fpcr);                                                                             \
  for (int a = 0; a < 256; a++) clearFlags(), result(f(ZERO, splat(a), splat(0))), flags();      \
  line(name, fpmr, fpcr)
static void widen(u64 fpmr, u64 fpcr) {
  WIDEN("F1CVTL", f1cvtl);
  WIDEN("F2CVTL", f2cvtl);
  WIDEN("BF1CVTL", bf1cvtl);
  WIDEN("BF2CVTL", bf2cvtl);
}

static v16 singles(u32 high, u32 low) {
  return (v16)(v4){high << 16 | low, (high + 1) << 16 | low, (high + 2) << 16 | low, (high + 3) << 16 | low};
}
static v16 halves(u32 first) {
  v4 v;
  for (int i = 0; i < 4; i++) v[i] = (first + 2 * i) | (first + 2 * i + 1) << 16;
  return (v16)v;
}
static void narrow(u64 fpmr, u64 fpcr) {
  start(fpmr, fpcr);
  for (u32 a = 0; a < 65536; a += 16) clearFlags(), result(fcvtn_half(ZERO, halves(a), halves(a + 8))), flags();
  line("FCVTN_HALF", fpmr, fpcr);
  // Single precision: all upper halves, with a few lower ones.
  static const u32 LOW[] = {0, 1, 0x8000};
  start(fpmr, fpcr);
  for (int l = 0; l < 3; l++)
    for (u32 a = 0; a < 65536; a += 8)
      clearFlags(), result(fcvtn_single(ZERO, singles(a, LOW[l]), singles(a + 4, LOW[l]))), flags();
  line("FCVTN_SINGLE", fpmr, fpcr);
}

void run(void) {
  static const u8 LSCALES[] = {0, 5, 15, 127};
  static const u8 NSCALES[] = {0, 1, 255, 6, 250, 15, 16, 127, 128};
  for (int s1 = 0; s1 < 2; s1++)
    for (int s2 = 0; s2 < 2; s2++)
      for (int osm = 0; osm < 2; osm++)
        for (int l = 0; l < 4; l++) {
          const u64 fpmr = F8S1(s1) | F8S2(s2) | OSM(osm) | LSCALE(LSCALES[l]);
          products(fpmr, 0);
          sums(fpmr, 0);
        }
  // Formats that do not exist, and everything in FPCR that might matter.
  products(F8S1(2) | F8S2(1) | LSCALE(3), 0);
  products(F8S1(1) | F8S2(7) | LSCALE(3), 0);
  products(F8S1(1) | F8S2(0) | LSCALE(1), AH | FZ | RZ);
  sums(F8S1(0) | F8S2(1) | LSCALE(1), AH | FZ | RZ);
  for (int s = 0; s < 2; s++)
    for (int l = 0; l < 64; l++) widen(F8S1(s) | F8S2(1 - s) | LSCALE(l) | LSCALE2(63 - l), 0);
  widen(F8S1(2) | F8S2(7), 0);
  widen(F8S1(0) | F8S2(1) | LSCALE(9) | LSCALE2(2), AH | FZ | RZ);
  for (int d = 0; d < 2; d++)
    for (int osc = 0; osc < 2; osc++)
      for (int n = 0; n < 9; n++) narrow(F8D(d) | OSC(osc) | NSCALE(NSCALES[n]), 0);
  narrow(F8D(2), 0);
  narrow(F8D(0) | NSCALE(250), AH | FZ | RZ);
  narrow(F8D(1) | NSCALE(250), AH | FZ | RZ);
  register u64 x8 __asm__("x8") = 93, x0 __asm__("x0") = 0;
  __asm__ volatile("svc #0" ::"r"(x8), "r"(x0));
}
__asm__(".global _start\n_start: mov x29, xzr\n bl run\n brk #2");
