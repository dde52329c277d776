// A kernel as a process with the C library: natively on this machine, and as an arm64 program.
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include "../kernels/kernel.h"

u64 sys_nop(void) { return syscall(SYS_getppid); }
static void skip(int n, siginfo_t *info, void *context) {
  ucontext_t *u = context;
#ifdef __aarch64__
  u->uc_mcontext.pc += 4;
#else
  u->uc_mcontext.gregs[REG_RIP] += 2;
#endif
}
void fault_once(void) {
#ifdef __aarch64__
  __asm__ volatile("udf #0");
#else
  __asm__ volatile("ud2");
#endif
}
u8 *pages_map(u64 n) {
  return mmap(0, n * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}
void pages_protect(u8 *at, u64 n, int writable) { mprotect(at, n * 4096, PROT_READ | (writable ? PROT_WRITE : 0)); }
void pages_unmap(u8 *at, u64 n) { munmap(at, n * 4096); }

int main(int argc, char **argv) {
  int times = argc > 1 ? atoi(argv[1]) : 1;
  struct sigaction sa = {.sa_sigaction = skip, .sa_flags = SA_SIGINFO};
  sigaction(SIGILL, &sa, 0);
  setvbuf(stdout, 0, _IONBF, 0);
  printf("start\n");
  for (int i = 0; i < times; i++) {
    char line[32];
    int n = snprintf(line, sizeof line, "sum %016llx\n", run());
    if (write(1, line, n) != n) return 1;
  }
  return 0;
}
