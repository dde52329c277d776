// What the machine says of itself: auxv, /proc, /sys, uname, rseq, prctl, capabilities.
#include "check.h"
#include <fcntl.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>
static void show(const char *path, int lines) {
  char b[512];
  FILE *f = fopen(path, "r");
  printf("%s:%s\n", path, f ? "" : " absent");
  while (f && lines-- && fgets(b, sizeof b, f)) printf("  %s", b);
  if (f) fclose(f);
}
int main(int argc, char **argv) {
  struct utsname u;
  CHECK(uname(&u) == 0 && !strcmp(u.sysname, "Linux") && !strcmp(u.machine, "aarch64"));
  printf("%s\n", u.release);
  CHECK(getauxval(AT_PAGESZ) == 4096 && getauxval(AT_CLKTCK) == 100 && getauxval(AT_SYSINFO_EHDR) == 0);
  CHECK(!strcmp((char *)getauxval(AT_PLATFORM), "aarch64") && !strcmp((char *)getauxval(AT_EXECFN), argv[0]));
  printf("hwcap %lx %lx\n", getauxval(AT_HWCAP), getauxval(AT_HWCAP2));
  unsigned long midr, ctr, dczid;
  __asm__ volatile("mrs %0, midr_el1\n mrs %1, ctr_el0\n mrs %2, dczid_el0" : "=r"(midr), "=r"(ctr), "=r"(dczid));
  printf("midr %lx ctr %lx dczid %lx\n", midr, ctr, dczid);
  unsigned char r[8];
  CHECK(getrandom(r, 8, 0) == 8);
  for (int i = 0; i < 8; i++) printf("%02x", r[i]);
  printf("\n");
  show("/proc/cpuinfo", 8);
  show("/proc/meminfo", 3);
  show("/sys/devices/system/cpu/online", 1);
  show("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", 1);
  show("/proc/self/maps", 30);
  show("/proc/sys/kernel/numa_balancing", 1);
  char path[64];
  snprintf(path, sizeof path, "/proc/%ld/schedstat", (long)syscall(SYS_gettid));
  FILE *f = fopen(path, "r");
  long a, b;
  CHECK(f && fscanf(f, "%ld %ld", &a, &b) == 2 && a > 0);
  fclose(f);
  CHECK(prctl(PR_SET_NAME, "renamed") == 0 && prctl(PR_GET_NAME, path) == 0 && !strcmp(path, "renamed"));
  struct sysinfo si;
  CHECK(sysinfo(&si) == 0 && si.totalram > 0 && si.procs == 1);
  struct rusage ru;
  CHECK(getrusage(RUSAGE_SELF, &ru) == 0);
  unsigned cpu, node;
  CHECK(syscall(SYS_getcpu, &cpu, &node, 0) == 0 && (int)cpu == sched_getcpu() && node == 0);
  CHECK(syscall(SYS_membarrier, 0, 0, 0) > 0);
  CHECK(syscall(9999) == -1 && errno == ENOSYS);
  int st = system("exit 3");
  (void)st;
  printf("system ok\n");
  return 0;
}
