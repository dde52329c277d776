// Guests whose memory the program moves about while they run: userfaultfd, memslots, dirty log and ring, guest_memfd, kicks.
#include "check.h"
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#ifndef KVM_CAP_DIRTY_LOG_RING_ACQ_REL
#define KVM_CAP_DIRTY_LOG_RING_ACQ_REL 223
#endif
// Older headers do not know what arm64 has.
#define RING_PAGE_OFFSET 64
#define MEM_GUEST_MEMFD (1u << 2)
#define GMEM_MMAP_INIT_SHARED 3
struct gmem { uint64_t size, flags, reserved[6]; };
struct region2 { uint32_t slot, flags; uint64_t gpa, size, hva, gmem_offset; uint32_t gmem, pad1; uint64_t pad2[14]; };
#define CREATE_GUEST_MEMFD _IOWR(KVMIO, 0xd4, struct gmem)
#define SET_REGION2 _IOW(KVMIO, 0x49, struct region2)
#define PAGE 4096ul
#define CODE 0x80000000ul
#define DATA 0x90000000ul
#define DEVICE 0x10000000ul
#define X(n) (KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | (2 * (n)))
#define PC X(32)

// X0: address, X1: pages, X2: what touch stores to each. read leaves the sum of their first words in X5, spin never ends.
extern char guest_start[], guest_touch[], guest_read[], guest_spin[], guest_end[];
__asm__(".globl guest_start, guest_touch, guest_read, guest_spin, guest_end\n.pushsection .rodata\n .balign 8\nguest_start:\n"
        "guest_touch: str x2, [x0]\n add x0, x0, #4096\n subs x1, x1, #1\n b.ne guest_touch\n b done\n"
        "guest_read: mov x5, #0\n1: ldr x6, [x0]\n add x5, x5, x6\n add x0, x0, #4096\n subs x1, x1, #1\n b.ne 1b\n"
        "done: mov x3, #0x10000000\n str w2, [x3]\n b .\n"
        "guest_spin: ldr x5, [x0]\n add x5, x5, #1\n str x5, [x0]\n b guest_spin\nguest_end:\n.popsection");

struct vm { int kvm, fd, vcpu, mmap_size; struct kvm_run *run; };
static struct vm make(int ring_bytes) {
  struct vm v;
  v.kvm = open("/dev/kvm", O_RDWR);
  CHECK(v.kvm >= 0);
  CHECK((v.fd = ioctl(v.kvm, KVM_CREATE_VM, 0)) >= 0);
  if (ring_bytes) {
    struct kvm_enable_cap cap = {.cap = KVM_CAP_DIRTY_LOG_RING_ACQ_REL, .args = {ring_bytes}};
    CHECK(ioctl(v.fd, KVM_ENABLE_CAP, &cap) == 0);
  }
  CHECK((v.vcpu = ioctl(v.fd, KVM_CREATE_VCPU, 0)) >= 0);
  struct kvm_vcpu_init init;
  CHECK(ioctl(v.fd, KVM_ARM_PREFERRED_TARGET, &init) == 0 && ioctl(v.vcpu, KVM_ARM_VCPU_INIT, &init) == 0);
  v.mmap_size = ioctl(v.kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
  v.run = mmap(0, v.mmap_size, PROT_READ | PROT_WRITE, MAP_SHARED, v.vcpu, 0);
  CHECK(v.run != MAP_FAILED);
  return v;
}
static void destroy(struct vm *v) {
  CHECK(munmap(v->run, v->mmap_size) == 0 && close(v->vcpu) == 0 && close(v->fd) == 0 && close(v->kvm) == 0);
}
static int slot(struct vm *v, int n, unsigned flags, uint64_t gpa, uint64_t size, void *hva) {
  struct kvm_userspace_memory_region r = {.slot = n, .flags = flags, .guest_phys_addr = gpa, .memory_size = size, .userspace_addr = (uintptr_t)hva};
  return ioctl(v->fd, KVM_SET_USER_MEMORY_REGION, &r);
}
static void *memory(size_t bytes) {
  void *p = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(p != MAP_FAILED);
  return p;
}
static void *add_code(struct vm *v) {
  void *p = memory(PAGE);
  memcpy(p, guest_start, guest_end - guest_start);
  CHECK(slot(v, 0, 0, CODE, PAGE, p) == 0);
  return p;
}
static void set(struct vm *v, uint64_t id, uint64_t value) {
  struct kvm_one_reg r = {id, (uintptr_t)&value};
  CHECK(ioctl(v->vcpu, KVM_SET_ONE_REG, &r) == 0);
}
static uint64_t get(struct vm *v, uint64_t id) {
  uint64_t value;
  struct kvm_one_reg r = {id, (uintptr_t)&value};
  CHECK(ioctl(v->vcpu, KVM_GET_ONE_REG, &r) == 0);
  return value;
}
static void start(struct vm *v, const char *entry, uint64_t address, uint64_t pages, uint64_t value) {
  set(v, PC, CODE + (entry - guest_start));
  set(v, X(0), address);
  set(v, X(1), pages);
  set(v, X(2), value);
}
/** Runs until the guest says that it is done. */
static void finish(struct vm *v) {
  CHECK(ioctl(v->vcpu, KVM_RUN, 0) == 0);
  CHECK(v->run->exit_reason == KVM_EXIT_MMIO && v->run->mmio.phys_addr == DEVICE && v->run->mmio.is_write);
  v->run->immediate_exit = 1; // the next run moves PC past the store
  CHECK(ioctl(v->vcpu, KVM_RUN, 0) == -1 && errno == EINTR);
  v->run->immediate_exit = 0;
}
static uint64_t sum(struct vm *v, uint64_t address, uint64_t pages) {
  start(v, guest_read, address, pages, 0);
  finish(v);
  return get(v, X(5));
}
static void *run_finish(void *arg) {
  finish(arg);
  return 0;
}

static void with_userfaultfd(void) {
  enum { PAGES = 8 };
  struct vm v = make(0);
  add_code(&v);
  char *data = memory(PAGES * PAGE), *page = memory(PAGE);
  int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
  CHECK(fd >= 0);
  struct uffdio_api api = {.api = UFFD_API};
  struct uffdio_register reg = {.range = {(uintptr_t)data, PAGES * PAGE}, .mode = UFFDIO_REGISTER_MODE_MISSING};
  CHECK(ioctl(fd, UFFDIO_API, &api) == 0 && ioctl(fd, UFFDIO_REGISTER, &reg) == 0);
  CHECK(slot(&v, 1, 0, DATA, PAGES * PAGE, data) == 0);
  start(&v, guest_read, DATA, PAGES, 0);
  pthread_t t;
  CHECK(pthread_create(&t, 0, run_finish, &v) == 0);
  for (int i = 0; i < PAGES; i++) {
    struct pollfd p = {fd, POLLIN, 0};
    struct uffd_msg msg;
    CHECK(poll(&p, 1, -1) == 1 && read(fd, &msg, sizeof msg) == sizeof msg);
    CHECK(msg.event == UFFD_EVENT_PAGEFAULT && msg.arg.pagefault.address / PAGE * PAGE == (uintptr_t)data + i * PAGE);
    *(uint64_t *)page = 1ul << (4 * i);
    struct uffdio_copy c = {.dst = (uintptr_t)data + i * PAGE, .src = (uintptr_t)page, .len = PAGE};
    CHECK(ioctl(fd, UFFDIO_COPY, &c) == 0 && c.copy == (long)PAGE);
  }
  CHECK(pthread_join(t, 0) == 0);
  CHECK(get(&v, X(5)) == 0x11111111);
  // Given back, a page is missing again, also for a guest that has just read it.
  CHECK(madvise(data + 2 * PAGE, PAGE, MADV_DONTNEED) == 0);
  start(&v, guest_read, DATA, PAGES, 0);
  CHECK(pthread_create(&t, 0, run_finish, &v) == 0);
  struct pollfd p = {fd, POLLIN, 0};
  struct uffd_msg msg;
  CHECK(poll(&p, 1, -1) == 1 && read(fd, &msg, sizeof msg) == sizeof msg);
  struct uffdio_zeropage z = {.range = {(uintptr_t)data + 2 * PAGE, PAGE}};
  CHECK(msg.arg.pagefault.address / PAGE * PAGE == z.range.start && ioctl(fd, UFFDIO_ZEROPAGE, &z) == 0);
  CHECK(pthread_join(t, 0) == 0);
  CHECK(get(&v, X(5)) == 0x11111011);
  close(fd);
  destroy(&v);
}

static void *run_until_mmio(void *arg) {
  struct vm *v = arg;
  CHECK(ioctl(v->vcpu, KVM_RUN, 0) == 0);
  return 0;
}
static void grows(_Atomic uint64_t *word) {
  for (uint64_t before = *word; *word < before + 50;) usleep(100);
}
static void memslots_of_a_running_guest(void) {
  struct vm v = make(0);
  add_code(&v);
  _Atomic uint64_t *a = memory(PAGE), *b = memory(PAGE);
  CHECK(slot(&v, 1, 0, DATA, PAGE, (void *)a) == 0);
  start(&v, guest_spin, DATA, 0, 0);
  pthread_t t;
  CHECK(pthread_create(&t, 0, run_until_mmio, &v) == 0);
  grows(a);
  // Other slots come and go beside it.
  char *other = memory(16 * PAGE);
  for (int i = 0; i < 100; i++) CHECK(slot(&v, 2, 0, DATA + 16 * PAGE, 16 * PAGE, other) == 0 && slot(&v, 2, 0, DATA + 16 * PAGE, 0, other) == 0);
  grows(a);
  // Its own goes: the next access is no memory.
  CHECK(slot(&v, 1, 0, DATA, 0, (void *)a) == 0);
  CHECK(pthread_join(t, 0) == 0);
  CHECK(v.run->exit_reason == KVM_EXIT_MMIO && v.run->mmio.phys_addr == DATA);
  uint64_t last = *a;
  usleep(2000);
  CHECK(*a == last);
  if (!v.run->mmio.is_write) *(uint64_t *)v.run->mmio.data = 0;
  CHECK(slot(&v, 1, 0, DATA, PAGE, (void *)b) == 0);
  CHECK(pthread_create(&t, 0, run_until_mmio, &v) == 0);
  grows(b);
  // Moved away, and elsewhere.
  CHECK(slot(&v, 1, 0, DATA + PAGE, PAGE, (void *)b) == 0);
  CHECK(pthread_join(t, 0) == 0);
  CHECK(v.run->exit_reason == KVM_EXIT_MMIO && v.run->mmio.phys_addr == DATA && *a == last);
  destroy(&v);
}

static uint64_t dirty(struct vm *v) {
  uint64_t bits = 0;
  struct kvm_dirty_log log = {.slot = 1, .dirty_bitmap = &bits};
  CHECK(ioctl(v->fd, KVM_GET_DIRTY_LOG, &log) == 0);
  return bits;
}
static void dirty_log(void) {
  struct vm v = make(0);
  add_code(&v);
  char *data = memory(64 * PAGE);
  CHECK(slot(&v, 1, KVM_MEM_LOG_DIRTY_PAGES, DATA, 64 * PAGE, data) == 0);
  start(&v, guest_touch, DATA + 3 * PAGE, 5, 7);
  finish(&v);
  CHECK(dirty(&v) == 0xf8 && dirty(&v) == 0);
  CHECK(sum(&v, DATA, 64) == 35 && dirty(&v) == 0); // reading makes nothing dirty
  *(uint64_t *)data = 1;
  CHECK(dirty(&v) == 0); // nor does the program
  // Read before, written now: in the page that was written before, and in a fresh one.
  start(&v, guest_touch, DATA + 7 * PAGE, 2, 1);
  finish(&v);
  CHECK(dirty(&v) == 0x180);
  // While it runs: every look finds the page that it spins on.
  start(&v, guest_spin, DATA + 9 * PAGE, 0, 0);
  pthread_t t;
  CHECK(pthread_create(&t, 0, run_until_mmio, &v) == 0);
  for (int i = 0; i < 20; i++) {
    grows((_Atomic uint64_t *)(data + 9 * PAGE));
    CHECK((dirty(&v) & ~0x200ul) == 0);
    grows((_Atomic uint64_t *)(data + 9 * PAGE));
    CHECK(dirty(&v) == 0x200);
  }
  CHECK(slot(&v, 1, 0, DATA, 0, data) == 0);
  CHECK(pthread_join(t, 0) == 0);
  destroy(&v);
}

static void dirty_ring(void) {
  enum { ENTRIES = 1024, PAGES = 2000 };
  static char seen[PAGES];
  struct vm v = make(ENTRIES * sizeof(struct kvm_dirty_gfn));
  add_code(&v);
  char *data = memory(PAGES * PAGE);
  CHECK(slot(&v, 1, KVM_MEM_LOG_DIRTY_PAGES, DATA, PAGES * PAGE, data) == 0);
  struct kvm_dirty_gfn *ring = mmap(0, ENTRIES * sizeof *ring, PROT_READ | PROT_WRITE, MAP_SHARED, v.vcpu, RING_PAGE_OFFSET * PAGE);
  CHECK(ring != MAP_FAILED);
  start(&v, guest_touch, DATA, PAGES, 9);
  int at = 0, total = 0, full = 0;
  for (int done = 0; !done;) {
    CHECK(ioctl(v.vcpu, KVM_RUN, 0) == 0);
    if (v.run->exit_reason == KVM_EXIT_DIRTY_RING_FULL) full++;
    else done = 1;
    int n = 0;
    for (; ring[at].flags == KVM_DIRTY_GFN_F_DIRTY; at = (at + 1) % ENTRIES, n++) {
      CHECK(ring[at].slot == 1 && ring[at].offset < PAGES);
      seen[ring[at].offset]++;
      ring[at].flags = KVM_DIRTY_GFN_F_RESET;
    }
    total += n;
    CHECK(ioctl(v.fd, KVM_RESET_DIRTY_RINGS, 0) == n);
  }
  CHECK(v.run->exit_reason == KVM_EXIT_MMIO && v.run->mmio.phys_addr == DEVICE);
  CHECK(full >= 2 && total >= PAGES);
  for (int i = 0; i < PAGES; i++) CHECK(seen[i] >= 1 && *(uint64_t *)(data + i * PAGE) == 9);
  CHECK(munmap(ring, ENTRIES * sizeof *ring) == 0);
  destroy(&v);
}

static void guest_memfd(void) {
  struct vm v = make(0);
  add_code(&v);
  struct gmem g = {.size = 16 * PAGE, .flags = GMEM_MMAP_INIT_SHARED};
  int fd = ioctl(v.fd, CREATE_GUEST_MEMFD, &g);
  if (fd < 0) { // before Linux 6.18 none could be mapped
    destroy(&v);
    return;
  }
  char *data = mmap(0, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  CHECK(data != MAP_FAILED);
  struct region2 r = {.slot = 1, .flags = MEM_GUEST_MEMFD, .gpa = DATA, .size = 16 * PAGE, .hva = (uintptr_t)data, .gmem = fd};
  CHECK(ioctl(v.fd, SET_REGION2, &r) == 0);
  start(&v, guest_touch, DATA, 16, 3);
  finish(&v);
  CHECK(*(uint64_t *)(data + 5 * PAGE) == 3);
  *(uint64_t *)(data + 5 * PAGE) = 100;
  CHECK(sum(&v, DATA, 16) == 145);
  // A hole is zeroes, for the guest that has just read it and for the program.
  CHECK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4 * PAGE, 2 * PAGE) == 0);
  CHECK(sum(&v, DATA, 16) == 42 && *(uint64_t *)(data + 5 * PAGE) == 0);
  CHECK(munmap(data, 16 * PAGE) == 0 && close(fd) == 0);
  destroy(&v);
}

static void on_signal(int n) { (void)n; }
static void *run_interrupted(void *arg) {
  struct vm *v = arg;
  CHECK(ioctl(v->vcpu, KVM_RUN, 0) == -1 && errno == EINTR && v->run->exit_reason == KVM_EXIT_INTR);
  return 0;
}
static void kicks(void) {
  struct vm v = make(0);
  add_code(&v);
  _Atomic uint64_t *data = memory(PAGE);
  CHECK(slot(&v, 1, 0, DATA, PAGE, (void *)data) == 0);
  struct sigaction sa = {.sa_handler = on_signal};
  CHECK(sigaction(SIGUSR1, &sa, 0) == 0);
  start(&v, guest_spin, DATA, 0, 0);
  for (int i = 0; i < 10; i++) {
    pthread_t t;
    CHECK(pthread_create(&t, 0, run_interrupted, &v) == 0);
    grows(data);
    CHECK(pthread_kill(t, SIGUSR1) == 0 && pthread_join(t, 0) == 0);
    uint64_t last = *data;
    CHECK(get(&v, PC) >= CODE && last == *data);
  }
  v.run->immediate_exit = 1;
  uint64_t last = *data;
  CHECK(ioctl(v.vcpu, KVM_RUN, 0) == -1 && errno == EINTR && *data == last);
  destroy(&v);
}

int main(void) {
  with_userfaultfd();
  memslots_of_a_running_guest();
  dirty_log();
  dirty_ring();
  guest_memfd();
  kicks();
  // Many machines one after another: what each was made of is used again.
  for (int i = 0; i < 300; i++) {
    struct vm v = make(0);
    void *code = add_code(&v);
    start(&v, guest_read, CODE, 1, 0);
    finish(&v);
    destroy(&v);
    munmap(code, PAGE);
  }
  puts("kvm ok");
  return 0;
}
