// mmap and friends; with an argument: touch that many MiB.
#include "check.h"
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#define P 4096
static sigjmp_buf back;
static void jump(int s) { siglongjmp(back, s); }
static int faults(volatile char *p, int write) {
  int s = sigsetjmp(back, 1);
  if (s == 0) {
    if (write) *p = 1;
    else (void)*p;
  }
  return s;
}
int main(int argc, char **argv) {
  signal(SIGSEGV, jump);
  signal(SIGBUS, jump);
  if (argc > 1) {
    size_t n = strtoul(argv[1], 0, 0) << 20;
    char *p = mmap(0, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(p != MAP_FAILED);
    for (size_t i = 0; i < n; i += P) *(size_t *)(p + i) = i;
    for (size_t i = 0; i < n; i += P) CHECK(*(size_t *)(p + i) == i);
    printf("touched %zu MiB\n", n >> 20);
    return 0;
  }
  // sparse: 256 GiB
  size_t big = 256ul << 30;
  char *p = mmap(0, big, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHECK(p != MAP_FAILED);
  for (int i = 0; i < 64; i++) p[(size_t)i << 32] = i + 1;
  for (int i = 0; i < 64; i++) CHECK(p[(size_t)i << 32] == i + 1 && p[((size_t)i << 32) + P] == 0);
  CHECK(madvise(p, big, MADV_DONTNEED) == 0 && p[5ul << 32] == 0);
  CHECK(munmap(p + P, big - 2 * P) == 0 && faults(p + P, 0) == SIGSEGV && faults(p, 1) == 0 && faults(p + big - P, 1) == 0);
  // holes and protections
  p = mmap(0, 8 * P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(p, 7, 8 * P);
  CHECK(mprotect(p + 2 * P, P, PROT_NONE) == 0 && faults(p + 2 * P, 0) == SIGSEGV);
  CHECK(mprotect(p + 2 * P, P, PROT_READ) == 0 && p[2 * P] == 7 && faults(p + 2 * P, 1) == SIGSEGV);
  CHECK(mmap(p + 2 * P, P, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED && errno == EEXIST);
  CHECK(mmap(p + 2 * P, P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == p + 2 * P && p[2 * P] == 0);
  // mremap
  char *q = mremap(p, 8 * P, 64 * P, MREMAP_MAYMOVE);
  CHECK(q != MAP_FAILED && q[0] == 7 && q[7 * P] == 7 && q[63 * P] == 0);
  CHECK(mremap(q, 64 * P, 4 * P, 0) == q && faults(q + 5 * P, 0) == SIGSEGV);
  // memfd: shared, private, truncated
  int fd = memfd_create("m", MFD_ALLOW_SEALING);
  CHECK(fd >= 0 && ftruncate(fd, 4 * P) == 0);
  char *s = mmap(0, 4 * P, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  char *c = mmap(0, 4 * P, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  s[0] = 1;
  CHECK(c[0] == 1);
  c[0] = 2;
  CHECK(s[0] == 1);
  s[0] = 3;
  CHECK(c[0] == 2);
  char byte;
  CHECK(pread(fd, &byte, 1, 0) == 1 && byte == 3 && pwrite(fd, "x", 1, P) == 1 && s[P] == 'x' && c[P] == 'x');
  CHECK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, P) == 0 && s[0] == 0 && c[0] == 2);
  CHECK(ftruncate(fd, P) == 0 && faults(s + P, 0) == SIGBUS && faults(c + P, 0) == SIGBUS);
  CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) == 0 && ftruncate(fd, 2 * P) == -1 && errno == EPERM);
  // copy on write across fork; shared memory stays shared
  char *a = mmap(0, P, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  char *b = mmap(0, P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  a[0] = b[0] = 1;
  if (fork() == 0) {
    a[0]++, b[0]++;
    _exit(b[0]);
  }
  int st;
  wait(&st);
  CHECK(WEXITSTATUS(st) == 2 && a[0] == 2 && b[0] == 1);
  // a file, private
  fd = open("/proc/self/exe", O_RDONLY);
  char *e = mmap(0, P, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  CHECK(e != MAP_FAILED && memcmp(e, "\177ELF", 4) == 0);
  e[0] = 0;
  CHECK(mmap(0, P, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EACCES);
  // code made at run time
  unsigned *code = mmap(0, P, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int i = 0; i < 10; i++) {
    code[0] = 0x52800000 | i << 5; // mov w0, #i
    code[1] = 0xd65f03c0;          // ret
    __builtin___clear_cache((char *)code, (char *)(code + 2));
    CHECK(((int (*)(void))code)() == i);
  }
  CHECK(mprotect(code, P, PROT_READ) == 0);
  signal(SIGSEGV, jump);
  if (sigsetjmp(back, 1) == 0) {
    ((int (*)(void))code)();
    CHECK(0);
  }
  // brk
  char *top = sbrk(0);
  CHECK(sbrk(1 << 20) == top && faults(top + (1 << 20) - 1, 1) == 0 && brk(top) == 0);
  unsigned char vec[4];
  p = mmap(0, 4 * P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  p[P] = 1;
  CHECK(mincore(p, 4 * P, vec) == 0 && vec[0] == 0 && vec[1] == 1);
  printf("memory ok\n");
  return 0;
}
