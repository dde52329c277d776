// fork, vfork, execve, waiting; descriptors and memory across them.
#include "check.h"
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
extern char **environ;
static volatile int shared_flag;
static volatile int got;
static void child_handler(int s) {
  (void)s;
  got++;
}
static int clone_main(void *arg) {
  *(int *)arg = 77;
  return 9;
}
int main(int argc, char **argv) {
  if (argc > 1) { // the program executed below
    printf("executed %s %s=%s\n", argv[1], "V", getenv("V") ? getenv("V") : "-");
    CHECK(fcntl(77, F_GETFD) == -1 && errno == EBADF);
    CHECK(fcntl(78, F_GETFD) == 0);
    return 42;
  }
  int st;
  int *anon = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int local = 1;
  pid_t pid = fork();
  if (pid == 0) {
    local = 2;
    *anon = 3;
    _exit(5);
  }
  CHECK(waitpid(pid, &st, 0) == pid && WIFEXITED(st) && WEXITSTATUS(st) == 5 && local == 1 && *anon == 3);
  // a pipe between two processes
  int fds[2];
  CHECK(pipe(fds) == 0);
  pid = fork();
  if (pid == 0) {
    close(fds[0]);
    for (int i = 0; i < 100000; i++) CHECK(write(fds[1], &i, sizeof i) == sizeof i);
    _exit(0);
  }
  close(fds[1]);
  int v, n = 0;
  while (read(fds[0], &v, sizeof v) == sizeof v) CHECK(v == n++);
  CHECK(n == 100000 && waitpid(pid, &st, 0) == pid);
  CHECK(waitpid(-1, &st, 0) == -1 && errno == ECHILD);
  // vfork shares memory until the child is gone
  pid = vfork();
  if (pid == 0) {
    shared_flag = 1;
    _exit(0);
  }
  CHECK(shared_flag == 1 && waitpid(pid, &st, 0) == pid);
  // SIGCHLD, waitid, zombies
  signal(SIGCHLD, child_handler);
  pid = fork();
  if (pid == 0) _exit(3);
  siginfo_t info;
  CHECK(waitid(P_PID, pid, &info, WEXITED | WNOWAIT) == 0 && info.si_pid == pid && info.si_status == 3);
  CHECK(got == 1);
  CHECK(waitpid(pid, &st, WNOHANG) == pid);
  signal(SIGCHLD, SIG_IGN);
  pid = fork();
  if (pid == 0) _exit(0);
  CHECK(waitpid(pid, &st, 0) == -1 && errno == ECHILD);
  signal(SIGCHLD, SIG_DFL);
  // clone with a stack of its own
  char *stack = malloc(65536);
  int arg = 0;
  pid = clone(clone_main, stack + 65536, CLONE_VM | SIGCHLD, &arg);
  CHECK(pid > 0 && waitpid(pid, &st, 0) == pid && WEXITSTATUS(st) == 9 && arg == 77);
  // execve: close-on-exec, arguments, environment
  CHECK(dup2(0, 77) == 77 && fcntl(77, F_SETFD, FD_CLOEXEC) == 0 && dup2(0, 78) == 78);
  fflush(stdout);
  pid = fork();
  if (pid == 0) {
    char *args[] = {"self", "again", 0}, *env[] = {"V=7", 0};
    execve("/proc/self/exe", args, env);
    _exit(99);
  }
  CHECK(waitpid(pid, &st, 0) == pid && WEXITSTATUS(st) == 42);
  char *bad[] = {"x", 0};
  CHECK(execve("/nonexistent", bad, environ) == -1 && errno == ENOENT);
  CHECK(execve("/", bad, environ) == -1 && errno == EACCES);
  // limits
  struct rlimit r;
  CHECK(getrlimit(RLIMIT_NOFILE, &r) == 0);
  r.rlim_cur = 80;
  CHECK(setrlimit(RLIMIT_NOFILE, &r) == 0);
  int last = -1, fd;
  while ((fd = dup(0)) >= 0) last = fd;
  CHECK(errno == EMFILE && last == 79);
  CHECK(getppid() > 0 && getpgrp() > 0 && getsid(0) > 0);
  printf("processes ok\n");
  return 0;
}
