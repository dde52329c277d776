// Waiting: poll, select, epoll, eventfd, timerfd, signalfd, userfaultfd; clocks and timers.
#include "check.h"
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
static long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000l + t.tv_nsec;
}
static void *supply(void *arg) {
  int u = *(int *)arg;
  static char page[4096] __attribute__((aligned(4096))) = "supplied";
  for (int i = 0; i < 2; i++) {
    struct uffd_msg m;
    struct pollfd p = {u, POLLIN, 0};
    CHECK(poll(&p, 1, -1) == 1 && read(u, &m, sizeof m) == sizeof m && m.event == UFFD_EVENT_PAGEFAULT);
    struct uffdio_copy c = {.dst = m.arg.pagefault.address & ~4095ul, .src = (unsigned long)page, .len = 4096};
    CHECK(ioctl(u, UFFDIO_COPY, &c) == 0 && c.copy == 4096);
  }
  return 0;
}
static int expired;
static void on_timer(int s, siginfo_t *i, void *u) {
  (void)s, (void)u;
  CHECK(i->si_code == SI_TIMER && i->si_value.sival_int == 99);
  expired++;
}
int main(void) {
  int p[2], ev = eventfd(3, EFD_NONBLOCK);
  uint64_t v;
  CHECK(pipe(p) == 0 && read(ev, &v, 8) == 8 && v == 3 && read(ev, &v, 8) == -1 && errno == EAGAIN);
  struct pollfd f[2] = {{p[0], POLLIN, 0}, {ev, POLLIN | POLLOUT, 0}};
  CHECK(poll(f, 1, 0) == 0 && poll(f, 2, 0) == 1 && f[1].revents == POLLOUT);
  long t = now();
  CHECK(poll(f, 1, 50) == 0 && now() - t >= 50000000);
  CHECK(write(p[1], "x", 1) == 1 && poll(f, 1, -1) == 1 && f[0].revents == POLLIN);
  fd_set r;
  FD_ZERO(&r);
  FD_SET(p[0], &r), FD_SET(ev, &r);
  CHECK(select(ev + 10, &r, 0, 0, 0) == 1 && FD_ISSET(p[0], &r) && !FD_ISSET(ev, &r));
  int ep = epoll_create1(0);
  struct epoll_event e = {.events = EPOLLIN, .data.u64 = 7}, out[4];
  CHECK(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &e) == 0 && epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &e) == -1 && errno == EEXIST);
  CHECK(epoll_wait(ep, out, 4, -1) == 1 && out[0].data.u64 == 7 && out[0].events == EPOLLIN);
  e.events = EPOLLIN | EPOLLET;
  CHECK(epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &e) == 0 && epoll_wait(ep, out, 4, 0) == 1 && epoll_wait(ep, out, 4, 0) == 0);
  char c;
  CHECK(read(p[0], &c, 1) == 1 && epoll_wait(ep, out, 4, 1) == 0);
  close(p[1]);
  CHECK(epoll_wait(ep, out, 4, -1) == 1 && (out[0].events & EPOLLHUP));
  // timerfd
  int tf = timerfd_create(CLOCK_MONOTONIC, 0);
  struct itimerspec it = {{0, 1000000}, {0, 2000000}};
  CHECK(timerfd_settime(tf, 0, &it, 0) == 0);
  t = now();
  CHECK(read(tf, &v, 8) == 8 && v == 1 && now() - t >= 1900000);
  usleep(10000);
  CHECK(read(tf, &v, 8) == 8 && v >= 9 && v <= 11);
  // POSIX timer with a signal and a value
  struct sigaction a = {.sa_sigaction = on_timer, .sa_flags = SA_SIGINFO};
  sigaction(SIGRTMIN + 1, &a, 0);
  struct sigevent se = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 1, .sigev_value.sival_int = 99};
  timer_t id;
  CHECK(timer_create(CLOCK_MONOTONIC, &se, &id) == 0 && timer_settime(id, 0, &it, 0) == 0);
  while (expired < 3) pause();
  CHECK(timer_delete(id) == 0);
  // signalfd
  sigset_t m;
  sigemptyset(&m);
  sigaddset(&m, SIGUSR1);
  sigprocmask(SIG_BLOCK, &m, 0);
  int sf = signalfd(-1, &m, 0);
  struct signalfd_siginfo si;
  kill(getpid(), SIGUSR1);
  CHECK(read(sf, &si, sizeof si) == sizeof si && si.ssi_signo == SIGUSR1 && si.ssi_pid == (unsigned)getpid());
  // clocks
  struct timespec x, y;
  t = now();
  clock_gettime(CLOCK_REALTIME, &x);
  CHECK(x.tv_sec > 1700000000);
  CHECK(nanosleep(&(struct timespec){1, 500}, 0) == 0 && now() - t >= 1000000500);
  clock_gettime(CLOCK_REALTIME, &y);
  CHECK(y.tv_sec >= x.tv_sec + 1);
  y.tv_sec += 2;
  CHECK(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &y, 0) == 0);
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &x);
  for (volatile int i = 0; i < 100000; i++) {
  }
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &y);
  CHECK(y.tv_nsec > x.tv_nsec);
  unsigned long c1, c2, hz;
  __asm__ volatile("mrs %0, cntvct_el0\n isb\n mrs %1, cntvct_el0\n mrs %2, cntfrq_el0" : "=r"(c1), "=r"(c2), "=r"(hz));
  CHECK(c2 > c1 && hz > 0);
  // userfaultfd: a load by the program, then one by the kernel
  int u = syscall(SYS_userfaultfd, O_CLOEXEC);
  struct uffdio_api api = {.api = UFFD_API};
  CHECK(u >= 0 && ioctl(u, UFFDIO_API, &api) == 0 && (api.ioctls & (1ull << _UFFDIO_REGISTER)));
  char *area = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  struct uffdio_register reg = {{(unsigned long)area, 8192}, UFFDIO_REGISTER_MODE_MISSING, 0};
  CHECK(ioctl(u, UFFDIO_REGISTER, &reg) == 0 && (reg.ioctls & (1ull << _UFFDIO_COPY)));
  pthread_t th;
  pthread_create(&th, 0, supply, &u);
  CHECK(strcmp(area, "supplied") == 0);
  int mf = memfd_create("z", 0);
  CHECK(write(mf, area + 4096, 8) == 8);
  pthread_join(th, 0);
  printf("events ok\n");
  return 0;
}
