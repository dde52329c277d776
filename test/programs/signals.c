// Signals with full contexts: faults that are repaired, jumped out of, handled on another stack, restarted calls.
#include "check.h"
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
static sigjmp_buf back;
static volatile sig_atomic_t count, code, where;
static void *volatile addr;
static void skip(int sig, siginfo_t *i, void *u) {
  ucontext_t *uc = u;
  count++;
  code = i->si_code;
  addr = i->si_addr;
  CHECK(i->si_signo == sig);
  uc->uc_mcontext.pc += 4;
  uc->uc_mcontext.regs[9] = 0x1234;
}
static void jump(int sig, siginfo_t *i, void *u) {
  (void)u;
  code = i->si_code;
  addr = i->si_addr;
  siglongjmp(back, sig);
}
static void plain(int sig) {
  count += sig;
  int here;
  where = (char *)&here >= (char *)addr && (char *)&here < (char *)addr + 65536;
}
static void set(int sig, void (*f)(int, siginfo_t *, void *), int flags) {
  struct sigaction a = {0};
  a.sa_sigaction = f;
  a.sa_flags = SA_SIGINFO | flags;
  CHECK(sigaction(sig, &a, 0) == 0);
}
static void clobber(int sig, siginfo_t *i, void *u) {
  (void)sig, (void)i, (void)u;
  for (int r = 0; r < 1; r++) {
    __asm__ volatile("movi v8.16b, #0\n movi v20.16b, #0\n mov x19, #0" ::: "v8", "v20", "x19");
  }
}
int main(void) {
  // SIGILL, SIGTRAP, SIGSEGV: go on behind the instruction
  set(SIGILL, skip, 0);
  set(SIGTRAP, skip, 0);
  set(SIGSEGV, skip, 0);
  long x9;
  __asm__ volatile("udf #1\n mov %0, x9" : "=r"(x9)::"x9");
  CHECK(count == 1 && code == ILL_ILLOPC && x9 == 0x1234);
  __asm__ volatile("brk #7" ::: "x9");
  CHECK(count == 2 && code == TRAP_BRKPT);
  __asm__ volatile("mov x8, #64\n str x8, [x8]" ::: "x8", "x9", "memory");
  CHECK(count == 3 && code == SEGV_MAPERR && addr == (void *)64);
  // SIGSEGV and SIGBUS: jump out
  set(SIGSEGV, jump, 0);
  set(SIGBUS, jump, 0);
  char *page = mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (sigsetjmp(back, 1) == 0) {
    *(volatile char *)page = 1;
    CHECK(0);
  }
  CHECK(code == SEGV_ACCERR && addr == page);
  int fd = memfd_create("x", 0);
  char *map = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  int sig = sigsetjmp(back, 1);
  if (sig == 0) {
    *(volatile char *)(map + 4096) = 1;
    CHECK(0);
  }
  CHECK(sig == SIGBUS && code == BUS_ADRERR && addr == map + 4096);
  // call through a bad pointer
  if (sigsetjmp(back, 1) == 0) {
    ((void (*)(void))0x1000)();
    CHECK(0);
  }
  CHECK(addr == (void *)0x1000);
  // registers survive a handler
  set(SIGUSR1, clobber, 0);
  double d = 1.25;
  __asm__ volatile("fmov d20, %0" ::"r"(d) : "v20");
  register double keep __asm__("d8") = 2.5;
  __asm__ volatile("" : "+w"(keep));
  kill(getpid(), SIGUSR1);
  __asm__ volatile("" : "+w"(keep));
  CHECK(keep == 2.5);
  // an alternate stack
  stack_t ss = {.ss_sp = malloc(65536), .ss_size = 65536}, old;
  addr = ss.ss_sp;
  CHECK(sigaltstack(&ss, 0) == 0);
  struct sigaction a = {0};
  a.sa_handler = plain;
  a.sa_flags = SA_ONSTACK;
  sigaction(SIGUSR2, &a, 0);
  count = 0;
  raise(SIGUSR2);
  CHECK(count == SIGUSR2 && where == 1);
  CHECK(sigaltstack(0, &old) == 0 && old.ss_flags == 0);
  // masks, pending, queued real-time signals
  sigset_t m, p;
  sigemptyset(&m);
  sigaddset(&m, SIGRTMIN);
  sigaddset(&m, SIGUSR2);
  sigprocmask(SIG_BLOCK, &m, 0);
  for (int i = 0; i < 3; i++) sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 40 + i});
  CHECK(sigpending(&p) == 0 && sigismember(&p, SIGRTMIN) && !sigismember(&p, SIGUSR2));
  for (int i = 0; i < 3; i++) {
    siginfo_t info;
    CHECK(sigwaitinfo(&m, &info) == SIGRTMIN && info.si_value.sival_int == 40 + i && info.si_code == SI_QUEUE);
  }
  struct timespec ts = {0, 1000000};
  CHECK(sigtimedwait(&m, 0, &ts) == -1 && errno == EAGAIN);
  sigprocmask(SIG_UNBLOCK, &m, 0);
  // interrupted and restarted calls
  int fds[2];
  CHECK(pipe(fds) == 0);
  a.sa_flags = 0;
  sigaction(SIGALRM, &a, 0);
  struct itimerval it = {.it_value = {0, 1000}};
  setitimer(ITIMER_REAL, &it, 0);
  char c;
  CHECK(read(fds[0], &c, 1) == -1 && errno == EINTR);
  struct timespec want = {5, 0}, rem;
  setitimer(ITIMER_REAL, &it, 0);
  CHECK(nanosleep(&want, &rem) == -1 && errno == EINTR && rem.tv_sec == 4);
  sigset_t none;
  sigemptyset(&none);
  setitimer(ITIMER_REAL, &it, 0);
  CHECK(sigsuspend(&none) == -1 && errno == EINTR);
  // a child that dies of a signal
  pid_t pid = fork();
  if (pid == 0) {
    signal(SIGSEGV, SIG_DFL);
    *(volatile int *)0 = 0;
  }
  int st;
  CHECK(waitpid(pid, &st, 0) == pid && WIFSIGNALED(st) && WTERMSIG(st) == SIGSEGV);
  pid = fork();
  if (pid == 0) abort();
  CHECK(waitpid(pid, &st, 0) == pid && WIFSIGNALED(st) && WTERMSIG(st) == SIGABRT);
  pid = fork();
  if (pid == 0)
    for (;;) pause();
  kill(pid, SIGSTOP);
  CHECK(waitpid(pid, &st, WUNTRACED) == pid && WIFSTOPPED(st) && WSTOPSIG(st) == SIGSTOP);
  kill(pid, SIGCONT);
  CHECK(waitpid(pid, &st, WCONTINUED) == pid && WIFCONTINUED(st));
  kill(pid, SIGKILL);
  CHECK(waitpid(pid, &st, 0) == pid && WTERMSIG(st) == SIGKILL);
  printf("signals ok\n");
  return 0;
}
