// A bare-metal program for EL1 that prints pointer authentication codes over semihosting: golden/pauth/*.txt. Keys are
// set here, so they are known. Build and run:
//   aarch64-linux-gnu-gcc -O1 -ffreestanding -nostdlib -static -fno-pic -mgeneral-regs-only -Wl,-Ttext=0x40200000
//     -o runpauth runpauth.c
//   qemu-system-aarch64 -M virt -cpu max,pauth-impdef=off,pauth-qarma5=on -nographic -semihosting -kernel runpauth

typedef unsigned long u64;

__asm__(".global _start\n_start: ldr x0, =stack + 16384\n mov sp, x0\n bl run\n"
        "mov x0, #0x18\n ldr x1, =0x20026\n str x1, [sp, #-16]!\n str xzr, [sp, #8]\n mov x1, sp\n hlt #0xf000\n b .");
char stack[16384] __attribute__((aligned(16)));

static void print(const char *s) {
  register u64 x0 __asm__("x0") = 4; // SYS_WRITE0
  register const char *x1 __asm__("x1") = s;
  __asm__ volatile("hlt #0xf000" : "+r"(x0) : "r"(x1) : "memory");
}
static void hex(u64 v, char after) {
  char b[18];
  for (int i = 0; i < 16; i++) b[i] = "0123456789abcdef"[v >> (60 - 4 * i) & 15];
  b[16] = after;
  b[17] = 0;
  print(b);
}
static u64 seed = 88172645463325252ul;
static u64 next(void) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  return seed ^= seed << 17;
}
#define WRITE(reg, v) __asm__ volatile("msr " #reg ", %0\n isb" ::"r"((u64)(v)))
#define TWO(name) \
  static u64 name(u64 p, u64 m) { __asm__ volatile(".arch armv8.3-a\n" #name " %0, %1" : "+r"(p) : "r"(m)); return p; }
#define ONE(name) \
  static u64 name(u64 p) { __asm__ volatile(".arch armv8.3-a\n" #name " %0" : "+r"(p)); return p; }
TWO(pacia) TWO(pacib) TWO(pacda) TWO(pacdb) TWO(autia) TWO(autdb) ONE(xpaci) ONE(xpacd)
static u64 pacga(u64 p, u64 m) {
  u64 r;
  __asm__ volatile(".arch armv8.3-a\n pacga %0, %1, %2" : "=r"(r) : "r"(p), "r"(m));
  return r;
}

// TxSZ, then TBI0, TBI1, TBID0, TBID1.
static const struct { u64 t0, t1, tbi0, tbi1, tbid0, tbid1; } REGIMES[] = {
  {16, 16, 0, 0, 0, 0}, {16, 16, 1, 0, 0, 0}, {25, 25, 1, 1, 1, 1}, {16, 25, 1, 1, 0, 0}, {25, 16, 0, 1, 0, 0},
};

void run(void) {
  u64 k[10];
  print("keys ");
  for (int i = 0; i < 10; i++) hex(k[i] = next(), i == 9 ? '\n' : ' ');
  WRITE(S3_0_C2_C1_0, k[0]); WRITE(S3_0_C2_C1_1, k[1]); WRITE(S3_0_C2_C1_2, k[2]); WRITE(S3_0_C2_C1_3, k[3]);
  WRITE(S3_0_C2_C2_0, k[4]); WRITE(S3_0_C2_C2_1, k[5]); WRITE(S3_0_C2_C2_2, k[6]); WRITE(S3_0_C2_C2_3, k[7]);
  WRITE(S3_0_C2_C3_0, k[8]); WRITE(S3_0_C2_C3_1, k[9]);
  u64 sctlr;
  __asm__ volatile("mrs %0, sctlr_el1" : "=r"(sctlr));
  WRITE(sctlr_el1, sctlr | 1ul << 31 | 1ul << 30 | 1ul << 27 | 1ul << 13);
  for (int c = 0; c < 5; c++) {
    u64 tcr = REGIMES[c].t0 | REGIMES[c].t1 << 16 | 2ul << 30 | REGIMES[c].tbi0 << 37 | REGIMES[c].tbi1 << 38 |
              REGIMES[c].tbid0 << 51 | REGIMES[c].tbid1 << 52;
    WRITE(tcr_el1, tcr);
    print("tcr ");
    hex(tcr, '\n');
    for (int i = 0; i < 12; i++) {
      u64 p = next(), m = next();
      u64 upper = i < 4 ? 0xffff000000000000ul : i < 8 ? 0xffffff8000000000ul : i < 10 ? 0x00ff800000000000ul : 0;
      p = i & 1 ? p | upper : p & ~upper;
      u64 a = pacia(p, m), d = pacdb(p, m);
      hex(p, ' '); hex(m, ' ');
      hex(a, ' '); hex(pacib(p, m), ' '); hex(pacda(p, m), ' '); hex(d, ' ');
      hex(xpaci(p), ' '); hex(xpacd(p), ' '); hex(pacga(p, m), ' ');
      hex(xpaci(p) == p ? autia(a, m) : 0, ' '); hex(xpacd(p) == p ? autdb(d, m) : 0, '\n');
    }
  }
}
