// Files and directories, in a directory that may be in memory only.
#include "check.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>
int main(int argc, char **argv) {
  const char *base = argc > 1 ? argv[1] : "/tmp";
  char cwd[4096], buf[4096];
  CHECK(chdir(base) == 0 && mkdir("hy-dir", 0755) == 0 && mkdir("hy-dir", 0755) == -1 && errno == EEXIST);
  CHECK(chdir("hy-dir") == 0 && getcwd(cwd, sizeof cwd) && strstr(cwd, "/hy-dir"));
  int fd = open("a", O_RDWR | O_CREAT | O_EXCL, 0640);
  CHECK(fd >= 0 && write(fd, "hello world", 11) == 11);
  CHECK(open("a", O_RDWR | O_CREAT | O_EXCL, 0640) == -1 && errno == EEXIST);
  struct stat st;
  CHECK(fstat(fd, &st) == 0 && st.st_size == 11 && S_ISREG(st.st_mode) && (st.st_mode & 0777) == 0640 && st.st_nlink == 1);
  CHECK(lseek(fd, -5, SEEK_END) == 6 && read(fd, buf, 100) == 5 && memcmp(buf, "world", 5) == 0 && read(fd, buf, 1) == 0);
  CHECK(pwrite(fd, "W", 1, 6) == 1 && pread(fd, buf, 3, 6) == 3 && memcmp(buf, "Wor", 3) == 0);
  struct iovec iov[2] = {{"ab", 2}, {"cd", 2}};
  CHECK(lseek(fd, 0, SEEK_SET) == 0 && writev(fd, iov, 2) == 4);
  iov[0].iov_base = buf, iov[1].iov_base = buf + 2;
  CHECK(preadv(fd, iov, 2, 0) == 4 && memcmp(buf, "abcd", 4) == 0);
  CHECK(ftruncate(fd, 100000) == 0 && pread(fd, buf, 10, 50000) == 10 && buf[0] == 0 && lseek(fd, 0, SEEK_END) == 100000);
  int ap = open("a", O_WRONLY | O_APPEND);
  CHECK(write(ap, "end", 3) == 3 && fstat(fd, &st) == 0 && st.st_size == 100003);
  CHECK(read(ap, buf, 1) == -1 && errno == EBADF);
  int dup1 = dup(fd);
  CHECK(lseek(dup1, 7, SEEK_SET) == 7 && lseek(fd, 0, SEEK_CUR) == 7);
  CHECK((fcntl(ap, F_GETFL) & (O_ACCMODE | O_APPEND)) == (O_WRONLY | O_APPEND));
  close(ap), close(dup1);
  // names
  CHECK(symlink("a", "l") == 0 && readlink("l", buf, sizeof buf) == 1 && buf[0] == 'a');
  CHECK(lstat("l", &st) == 0 && S_ISLNK(st.st_mode) && stat("l", &st) == 0 && st.st_size == 100003);
  CHECK(link("a", "b") == 0 && stat("b", &st) == 0 && st.st_nlink == 2);
  CHECK(rename("b", "c") == 0 && access("b", F_OK) == -1 && errno == ENOENT && access("c", R_OK) == 0);
  CHECK(mkdir("d", 0700) == 0 && rename("c", "d/c") == 0 && rmdir("d") == -1 && errno == ENOTEMPTY);
  CHECK(rename("d", "d/x") == -1 && errno == EINVAL && unlink("d") == -1 && errno == EISDIR);
  CHECK(symlink("loop", "loop") == 0 && open("loop", O_RDONLY) == -1 && errno == ELOOP);
  CHECK(open("a/b", O_RDONLY) == -1 && errno == ENOTDIR && open("nope/b", O_CREAT | O_RDWR, 0600) == -1 && errno == ENOENT);
  CHECK(chmod("a", 0400) == 0 && stat("a", &st) == 0 && (st.st_mode & 07777) == 0400);
  struct timespec ts[2] = {{1000, 0}, {2000, 500000000}};
  CHECK(utimensat(AT_FDCWD, "a", ts, 0) == 0 && stat("a", &st) == 0 && st.st_mtim.tv_sec == 2000 && st.st_mtim.tv_nsec == 500000000);
  // directories
  DIR *d = opendir(".");
  int n = 0, seen = 0;
  for (struct dirent *e; (e = readdir(d));) n++, seen |= (!strcmp(e->d_name, "a") && e->d_type == DT_REG) | (!strcmp(e->d_name, "d") && e->d_type == DT_DIR) << 1 | (!strcmp(e->d_name, "l") && e->d_type == DT_LNK) << 2;
  CHECK(n == 6 && seen == 7);
  rewinddir(d);
  CHECK(readdir(d) != 0);
  int dfd = dirfd(d), rel = openat(dfd, "d/c", O_RDONLY);
  CHECK(rel >= 0 && fstatat(dfd, "d", &st, 0) == 0 && S_ISDIR(st.st_mode));
  closedir(d);
  // removed, but open
  CHECK(unlink("d/c") == 0 && pread(rel, buf, 4, 0) == 4 && rmdir("d") == 0);
  CHECK(unlink("a") == 0 && unlink("l") == 0 && unlink("loop") == 0 && chdir("..") == 0 && rmdir("hy-dir") == 0);
  // devices and /proc
  int z = open("/dev/zero", O_RDWR), nul = open("/dev/null", O_RDWR), full = open("/dev/full", O_WRONLY);
  buf[0] = 1;
  CHECK(read(z, buf, 10) == 10 && buf[0] == 0 && read(nul, buf, 1) == 0 && write(nul, buf, 10) == 10 && write(full, buf, 1) == -1 && errno == ENOSPC);
  CHECK(stat("/dev/null", &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3));
  int shm = open("/dev/shm/x", O_RDWR | O_CREAT, 0600);
  CHECK(shm >= 0 && write(shm, "s", 1) == 1 && unlink("/dev/shm/x") == 0);
  FILE *f = fopen("/proc/self/status", "r");
  CHECK(f && fgets(buf, sizeof buf, f) && !strncmp(buf, "Name:\t", 6));
  fclose(f);
  CHECK(readlink("/proc/self/exe", buf, sizeof buf) > 0 && readlink("/proc/self/fd/0", buf, sizeof buf) > 0);
  snprintf(buf, sizeof buf, "/proc/self/fd/%d", fd);
  CHECK(lseek(fd, 0, SEEK_SET) == 0);
  int pfd[2];
  CHECK(pipe2(pfd, O_NONBLOCK) == 0 && read(pfd[0], buf, 1) == -1 && errno == EAGAIN);
  CHECK(sendfile(pfd[1], fd, 0, 4) == 4 && read(pfd[0], buf, 10) == 4 && memcmp(buf, "abcd", 4) == 0);
  close(pfd[0]);
  CHECK(close(fd) == 0 && close(fd) == -1 && errno == EBADF);
  printf("files ok\n");
  return 0;
}
