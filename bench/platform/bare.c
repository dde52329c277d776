// A kernel on the bare machine at EL1 with the MMU on: RAM at 0x40000000 in blocks of 2 MiB, a PL011 at 0x09000000, PSCI by
// HVC. The same image runs under qemu-system-aarch64 and as a guest of vmm.c.
#include "../kernels/kernel.h"

#define UART ((volatile u32 *)0x09000000)
#define MRS(reg) ({ u64 v_; __asm__ volatile("mrs %0, " reg : "=r"(v_)); v_; })
#define MSR(reg, v) __asm__ volatile("msr " reg ", %0" ::"r"((u64)(v)))

static u64 l1[512] __attribute__((aligned(4096))), l2[512] __attribute__((aligned(4096)));
static u64 window2[512] __attribute__((aligned(4096))), window3[512] __attribute__((aligned(4096)));
static u8 frames[512][4096] __attribute__((aligned(4096)));
#define WINDOW 0x80000000ull
enum { VALID = 1, TABLE = 3, PAGE = 3, AF = 1 << 10, ISH = 3 << 8, RO = 1 << 7, DEVICE = 1 << 2 };

void *memcpy(void *d, const void *s, unsigned long n) {
  u8 *a = d;
  for (const u8 *b = s; n; n--) *a++ = *b++;
  return d;
}
void *memset(void *d, int c, unsigned long n) {
  for (u8 *a = d; n; n--) *a++ = c;
  return d;
}

static u64 next;
u8 *pages_map(u64 n) {
  if (next + n > 512) next = 0;
  for (u64 i = 0; i < n; i++) {
    u64 *f = (u64 *)frames[next + i];
    for (int k = 0; k < 512; k++) f[k] = 0;
    window3[next + i] = (u64)f | AF | ISH | PAGE;
  }
  __asm__ volatile("dsb ishst; isb" ::: "memory");
  u8 *at = (u8 *)WINDOW + next * 4096;
  next += n;
  return at;
}
static void flush(u64 at) { __asm__ volatile("dsb ishst; tlbi vae1is, %0; dsb ish; isb" ::"r"(at >> 12) : "memory"); }
void pages_protect(u8 *at, u64 n, int writable) {
  u64 first = ((u64)at - WINDOW) / 4096;
  for (u64 i = 0; i < n; i++) {
    window3[first + i] = (window3[first + i] & ~(u64)RO) | (writable ? 0 : RO);
    flush((u64)at + i * 4096);
  }
}
void pages_unmap(u8 *at, u64 n) {
  u64 first = ((u64)at - WINDOW) / 4096;
  for (u64 i = 0; i < n; i++) window3[first + i] = 0, flush((u64)at + i * 4096);
}
u64 sys_nop(void) {
  register u64 x0 __asm__("x0");
  __asm__ volatile("svc #0" : "=r"(x0)::"memory");
  return x0;
}
void fault_once(void) { __asm__ volatile("udf #0"); }

static void print(const char *s) {
  for (; *s; s++) *UART = *s;
}
static void __attribute__((used)) dead(u64 esr, u64 elr, u64 far) {
  print("unexpected exception\n");
  for (;;) __asm__ volatile("mov x0, #0x84000000\n add x0, x0, #8\n hvc #0" ::: "x0", "x1", "x2", "x3");
}
__asm__(
  ".balign 2048\n vectors:\n"
  ".rept 4\n .balign 128\n b unexpected\n .endr\n"
  ".balign 128\n"
  "  stp x16, x17, [sp, #-16]!\n mrs x16, esr_el1\n lsr x16, x16, #26\n"
  "  cmp x16, #0x15\n b.eq 1f\n cbnz x16, unexpected\n" // 0: undefined instruction
  "  mrs x16, elr_el1\n add x16, x16, #4\n msr elr_el1, x16\n ldp x16, x17, [sp], #16\n eret\n"
  "1: mov x0, #7\n ldp x16, x17, [sp], #16\n eret\n"
  ".rept 11\n .balign 128\n b unexpected\n .endr\n"
  "unexpected: mrs x0, esr_el1\n mrs x1, elr_el1\n mrs x2, far_el1\n b dead\n"
  ".section .text.start\n .global _start\n_start:\n"
  "  mov x0, #(3 << 20)\n msr cpacr_el1, x0\n isb\n adrp x0, stack\n add x0, x0, :lo12:stack\n add sp, x0, #0x8000\n b begin\n"
  ".text\n");
static u8 __attribute__((used, aligned(16))) stack[0x8000];
extern const char vectors[];

void __attribute__((used, noreturn)) begin(void) {
  l1[0] = 0 | AF | DEVICE | VALID;
  l1[1] = (u64)l2 | TABLE;
  for (u64 i = 0; i < 512; i++) l2[i] = 0x40000000 + (i << 21) | AF | ISH | VALID;
  l1[2] = (u64)window2 | TABLE;
  window2[0] = (u64)window3 | TABLE;
  MSR("mair_el1", 0x00ff); // 0: write-back memory, 1: Device-nGnRnE
  MSR("tcr_el1", 25 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23 | 2ull << 32);
  MSR("ttbr0_el1", l1);
  MSR("vbar_el1", vectors);
  __asm__ volatile("dsb sy; tlbi vmalle1; dsb sy; isb");
  MSR("sctlr_el1", MRS("sctlr_el1") | 1 | 1 << 2 | 1 << 12);
  __asm__ volatile("isb");
  print("start\n");
  for (int i = 0; i < TIMES; i++) {
    u64 sum = run();
    char line[] = "sum 0000000000000000\n";
    for (int k = 0; k < 16; k++) line[4 + k] = "0123456789abcdef"[sum >> (60 - 4 * k) & 15];
    print(line);
  }
  register u64 x0 __asm__("x0") = 0x84000008; // SYSTEM_OFF
  __asm__ volatile("hvc #0" ::"r"(x0));
  for (;;);
}
