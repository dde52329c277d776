// Carries out a script of requests on /dev/kvm and prints what came of each, a line each: the same script, given to our
// own /dev/kvm, must print the same. One line, one deed; numbers of files, lengths, modes and values are decimal, offsets,
// requests and arguments hexadecimal. The buffer is 64 MiB at BASE. A line with # is printed as it is.
//   O n              open /dev/kvm as file n             E n        an eventfd as file n      C n   close     Z  forget all
//   F off hex        bytes into the buffer               X off n    the number of file n into the buffer
//   G off n          file n is the number in the buffer  D off len  print bytes
//   I n cmd arg [m]  ioctl; m: the result is file m      W n v  R n write, read an eventfd
//   Y n v            kvm_run.immediate_exit = v; prints the exit reason
//   K n off len      print bytes of kvm_run              k n off hex  bytes into kvm_run
// A guest that does not come out by itself is interrupted after a while.
//   P n off len      pread                               M n off len prot shared   mmap      A n mode off len   fallocate
// Usage: abi_script [FILE]. With -DSCRIPT='"FILE"' the script is part of the program.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define BASE 0x200000000ul
#define SIZE (64ul << 20)
#define FILES 256
/** Microseconds in which the kernel raises interrupts of eventfds, from a work queue. */
#define SETTLE 1000
/** Seconds that a guest may run. */
#define PATIENCE 20
#ifdef SCRIPT
__asm__(".section .rodata\nscript: .incbin \"" SCRIPT "\"\n.byte 0\n.previous");
extern const char script[];
#endif

static int fds[FILES];
static uint8_t *const mem = (uint8_t *)BASE;

static void wake(int signo) { (void)signo; }
static void result(long r) {
  if (r < 0) printf("-%d", errno);
  else printf("%ld", r);
}
static void bytes(const uint8_t *b, long n) {
  for (long i = 0; i < n; i++) printf("%02x", b[i]);
}

/** @returns whether it printed something */
static int carry_out(const char *line) {
  const char *args = line + 1;
  unsigned n, m, shared;
  unsigned long a, b, c;
  int used = 0;
  long r;
  switch (line[0]) {
  case '#': fputs(line, stdout); break;
  case 'O': sscanf(args, "%u", &n); fds[n] = open("/dev/kvm", O_RDWR); return 0;
  case 'E': sscanf(args, "%u", &n); fds[n] = eventfd(0, EFD_NONBLOCK); return 0;
  case 'C': sscanf(args, "%u", &n); close(fds[n]); fds[n] = -1; return 0;
  case 'Z':
    for (int i = 0; i < FILES; i++) {
      if (fds[i] >= 0) close(fds[i]);
      fds[i] = -1;
    }
    memset(mem, 0, 1 << 20);
    return 0;
  case 'F':
    sscanf(args, "%lx %n", &a, &used);
    for (const char *p = args + used; p[0] && p[1]; p += 2) {
      sscanf(p, "%2x", &n);
      mem[a++] = n;
    }
    return 0;
  case 'X': sscanf(args, "%lx %u", &a, &n); memcpy(mem + a, &fds[n], 4); return 0;
  case 'G': sscanf(args, "%lx %u", &a, &n); memcpy(&fds[n], mem + a, 4); memset(mem + a, 0, 4); return 0;
  case 'D':
    sscanf(args, "%lx %lu", &a, &b);
    bytes(mem + a, b);
    break;
  case 'I': {
    int given = sscanf(args, "%u %lx %lx %u", &n, &a, &b, &m);
    if (a == KVM_RUN) alarm(PATIENCE);
    r = ioctl(fds[n], a, b);
    if (a == KVM_RUN) alarm(0);
    if (given == 4 && r >= 0) {
      fds[m] = r;
      r = 0;
    }
    result(r);
    if (a == KVM_IRQFD) usleep(SETTLE);
    break;
  }
  case 'W': {
    sscanf(args, "%u %lu", &n, &a);
    uint64_t value = a;
    result(write(fds[n], &value, 8));
    usleep(SETTLE);
    break;
  }
  case 'R': {
    uint64_t value = 0;
    sscanf(args, "%u", &n);
    result(read(fds[n], &value, 8));
    printf(" %lu", (unsigned long)value);
    break;
  }
  case 'P': {
    static uint8_t buffer[8192];
    sscanf(args, "%u %lu %lu", &n, &a, &b);
    r = pread(fds[n], buffer, b, a);
    result(r);
    if (r > 0) printf(" ");
    bytes(buffer, r);
    break;
  }
  case 'M': {
    sscanf(args, "%u %lx %lx %lu %u", &n, &a, &b, &c, &shared);
    void *p = mmap(0, b, c, shared ? MAP_SHARED : MAP_PRIVATE, fds[n], a);
    result(p == MAP_FAILED ? -1 : 0);
    if (p != MAP_FAILED) munmap(p, b);
    break;
  }
  case 'Y': {
    sscanf(args, "%u %lu", &n, &a);
    uint8_t *run = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fds[n], 0);
    if (run == MAP_FAILED) {
      result(-1);
      break;
    }
    run[1] = a;
    result(*(uint32_t *)(run + 8));
    munmap(run, 4096);
    break;
  }
  case 'K':
  case 'k': {
    sscanf(args, "%u %lx %n%lu", &n, &a, &used, &b);
    uint8_t *run = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fds[n], 0);
    if (run == MAP_FAILED) {
      result(-1);
      break;
    }
    if (line[0] == 'K') bytes(run + a, b);
    else
      for (const char *p = args + used; p[0] && p[1]; p += 2) {
        sscanf(p, "%2x", &m);
        run[a++] = m;
      }
    munmap(run, 4096);
    if (line[0] == 'k') return 0;
    break;
  }
  case 'A': sscanf(args, "%u %lu %lx %lx", &n, &a, &b, &c); result(fallocate(fds[n], a, b, c)); break;
  default: return 0;
  }
  return 1;
}

int main(int argc, char **argv) {
  static char line[8192];
#ifdef SCRIPT
  FILE *f = argc > 1 ? fopen(argv[1], "r") : fmemopen((void *)script, strlen(script), "r");
#else
  FILE *f = argc > 1 ? fopen(argv[1], "r") : stdin;
#endif
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE;
  if (!f || mmap(mem, SIZE, PROT_READ | PROT_WRITE, flags, -1, 0) != mem) {
    perror("abi_script");
    return 1;
  }
  memset(fds, -1, sizeof fds);
  sigaction(SIGALRM, &(struct sigaction){.sa_handler = wake}, 0);
  while (fgets(line, sizeof line, f)) {
    line[strcspn(line, "\n")] = 0;
    if (carry_out(line)) putchar('\n');
  }
  return 0;
}
