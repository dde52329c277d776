// How much do vCPUs get done that execute at the same time? Each runs the same loop over memory of its own, and now and then
// adds to a word that all of them share. Prints a line a round: nanoseconds from when the first vCPU begins until the last is
// done, what the shared word is at the end, and what each vCPU has computed.
// Usage: parallel VCPUS TURNS [ROUNDS]
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

#define RAM 0x40000000ul
#define DEVICE 0x09000000ul
#define PAGE 4096ul
#define MAX_VCPUS 16
// The guest's memory: a translation table, the code, the shared word, then a page for each vCPU.
enum { TABLE, CODE, SHARED, OWN };
#define SIZE ((OWN + MAX_VCPUS) * PAGE)
#define CORE(name) (KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(regs.name))

// X0: turns. X1: a page of its own. X2: the shared word. X3: the device. X4: what is computed. Turns are of 1000 steps.
extern const uint8_t guest[], guest_end[];
__asm__(".pushsection .rodata\n .balign 8\n"
        ".global guest, guest_end\nguest: mov x8, #1\n"
        "0: mov x5, #1000\n"
        "1: eor x4, x4, x4, lsl #13\n eor x4, x4, x4, lsr #7\n eor x4, x4, x4, lsl #17\n"
        " and x6, x4, #0xff8\n ldr x7, [x1, x6]\n add x7, x7, x4\n str x7, [x1, x6]\n eor x4, x4, x7, ror #9\n"
        " subs x5, x5, #1\n b.ne 1b\n"
        " .arch armv8.1-a\n ldadd x8, x9, [x2]\n subs x0, x0, #1\n b.ne 0b\n"
        " str x4, [x3]\n b .\n"
        "guest_end:\n .popsection\n");

static void die(const char *what) {
  perror(what);
  exit(1);
}
static int must(int r, const char *what) {
  if (r < 0) die(what);
  return r;
}
static void set(int vcpu, uint64_t id, uint64_t value) {
  struct kvm_one_reg reg = {id, (uint64_t)&value};
  must(ioctl(vcpu, KVM_SET_ONE_REG, &reg), "KVM_SET_ONE_REG");
}
static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000ull + t.tv_nsec;
}

struct vcpu {
  int fd, index;
  struct kvm_run *run;
  uint64_t result, from, to;
};
static pthread_barrier_t go;

static void *execute(void *arg) {
  struct vcpu *v = arg;
  pthread_barrier_wait(&go);
  v->from = now();
  must(ioctl(v->fd, KVM_RUN, 0), "KVM_RUN");
  v->to = now();
  if (v->run->exit_reason != KVM_EXIT_MMIO || v->run->mmio.phys_addr != DEVICE) {
    fprintf(stderr, "vCPU %d: unexpected exit %u\n", v->index, v->run->exit_reason);
    exit(1);
  }
  memcpy(&v->result, v->run->mmio.data, 8);
  return NULL;
}

int main(int argc, char **argv) {
  int vcpus = argc > 2 ? atoi(argv[1]) : 0, rounds = argc > 3 ? atoi(argv[3]) : 1;
  uint64_t turns = argc > 2 ? strtoull(argv[2], 0, 0) : 0;
  if (vcpus < 1 || vcpus > MAX_VCPUS || turns < 1 || rounds < 1)
    return fprintf(stderr, "usage: parallel VCPUS TURNS [ROUNDS]; VCPUS: 1 to %d\n", MAX_VCPUS), 2;
  int kvm = must(open("/dev/kvm", O_RDWR), "/dev/kvm"), vm = must(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
  uint8_t *ram = mmap(0, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  struct kvm_userspace_memory_region slot = {0, 0, RAM, SIZE, (uint64_t)ram};
  must(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot), "KVM_SET_USER_MEMORY_REGION");
  // Blocks of 1 GiB: a device's (AttrIndx 1), RAM (0, inner shareable).
  uint64_t *table = (uint64_t *)(ram + TABLE * PAGE);
  table[0] = 0x405;
  table[1] = RAM | 0x701;
  memcpy(ram + CODE * PAGE, guest, guest_end - guest);
  volatile uint64_t *shared = (uint64_t *)(ram + SHARED * PAGE);

  struct vcpu v[MAX_VCPUS] = {0};
  for (int i = 0; i < vcpus; i++) {
    v[i].index = i;
    v[i].fd = must(ioctl(vm, KVM_CREATE_VCPU, i), "KVM_CREATE_VCPU");
    v[i].run = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, v[i].fd, 0);
    struct kvm_vcpu_init init;
    must(ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init), "KVM_ARM_PREFERRED_TARGET");
    must(ioctl(v[i].fd, KVM_ARM_VCPU_INIT, &init), "KVM_ARM_VCPU_INIT");
    set(v[i].fd, ARM64_SYS_REG(3, 0, 10, 2, 0), 0xff);                    // MAIR_EL1: 0 Normal, 1 Device
    set(v[i].fd, ARM64_SYS_REG(3, 0, 2, 0, 0), RAM + TABLE * PAGE);       // TTBR0_EL1
    set(v[i].fd, ARM64_SYS_REG(3, 0, 2, 0, 2), 0x100803519ull);           // TCR_EL1: 39 bits, 4 KiB, cached
    set(v[i].fd, ARM64_SYS_REG(3, 0, 1, 0, 0), 0x30d01805ull);            // SCTLR_EL1: MMU, caches
  }
  pthread_barrier_init(&go, NULL, vcpus);
  for (int round = 0; round < rounds; round++) {
    memset(ram + SHARED * PAGE, 0, SIZE - SHARED * PAGE);
    pthread_t thread[MAX_VCPUS];
    for (int i = 0; i < vcpus; i++) {
      // Out of the last round's exit first: its store is over with the next entry.
      if (round > 0) {
        v[i].run->immediate_exit = 1;
        ioctl(v[i].fd, KVM_RUN, 0);
        v[i].run->immediate_exit = 0;
      }
      const uint64_t x[] = {turns, RAM + (OWN + i) * PAGE, RAM + SHARED * PAGE, DEVICE, 0x9e3779b97f4a7c15};
      for (int n = 0; n < 5; n++) set(v[i].fd, CORE(regs[n]), x[n]);
      set(v[i].fd, CORE(pc), RAM + CODE * PAGE);
      if (pthread_create(&thread[i], NULL, execute, &v[i])) die("pthread_create");
    }
    uint64_t from = UINT64_MAX, to = 0;
    for (int i = 0; i < vcpus; i++) {
      pthread_join(thread[i], NULL);
      if (v[i].from < from) from = v[i].from;
      if (v[i].to > to) to = v[i].to;
    }
    printf("%llu %llu", (unsigned long long)(to - from), (unsigned long long)*shared);
    for (int i = 0; i < vcpus; i++) printf(" %016llx", (unsigned long long)v[i].result);
    printf("\n");
  }
  return 0;
}
