// How long does a guest take to come out and go in again? Two guests: one calls PSCI_VERSION, which KVM answers itself, one
// stores to a device, which this program answers. Prints a line each: kind, nanoseconds a round trip.
// Usage: exits [COUNT]
#include <fcntl.h>
#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define RAM 0x40000000ul
#define DEVICE 0x09000000ul
#define CORE(name) (KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(regs.name))

// X19: how often. X1: the device. Each guest ends with a store to the device at +8.
static const uint32_t hvc_guest[] = {
  0xd2b08000, // 0: mov x0, #0x84000000 (PSCI_VERSION)
  0xd4000002, //    hvc #0
  0xf1000673, //    subs x19, x19, #1
  0x54ffffa1, //    b.ne 0
  0xf9000421, //    str x1, [x1, #8]
  0x14000000, //    b .
};
static const uint32_t mmio_guest[] = {
  0xb9000033, // 0: str w19, [x1]
  0xf1000673, //    subs x19, x19, #1
  0x54ffffc1, //    b.ne 0
  0xf9000421, //    str x1, [x1, #8]
  0x14000000, //    b .
};

static int must(int r, const char *what) {
  if (r < 0) {
    perror(what);
    exit(1);
  }
  return r;
}
static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000ull + t.tv_nsec;
}
static void set(int vcpu, uint64_t id, uint64_t value) {
  struct kvm_one_reg reg = {id, (uint64_t)&value};
  must(ioctl(vcpu, KVM_SET_ONE_REG, &reg), "KVM_SET_ONE_REG");
}

/** @returns nanoseconds that the guest took */
static uint64_t run(const uint32_t *code, size_t bytes, uint64_t count) {
  int kvm = must(open("/dev/kvm", O_RDWR), "/dev/kvm"), vm = must(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
  void *ram = mmap(0, 0x10000, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  memcpy(ram, code, bytes);
  struct kvm_userspace_memory_region region = {0, 0, RAM, 0x10000, (uint64_t)ram};
  must(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
  int vcpu = must(ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
  struct kvm_vcpu_init init = {5, {1 << KVM_ARM_VCPU_PSCI_0_2}};
  must(ioctl(vcpu, KVM_ARM_VCPU_INIT, &init), "KVM_ARM_VCPU_INIT");
  struct kvm_run *state = mmap(0, 0x1000, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
  set(vcpu, CORE(pc), RAM);
  set(vcpu, CORE(regs[1]), DEVICE);
  set(vcpu, CORE(regs[19]), count);
  uint64_t start = now();
  do {
    must(ioctl(vcpu, KVM_RUN, 0), "KVM_RUN");
    if (state->exit_reason != KVM_EXIT_MMIO) {
      fprintf(stderr, "unexpected exit %u\n", state->exit_reason);
      exit(1);
    }
  } while (state->mmio.phys_addr == DEVICE);
  uint64_t took = now() - start;
  munmap(state, 0x1000);
  munmap(ram, 0x10000);
  close(vcpu), close(vm), close(kvm);
  return took;
}
/** Round trips in one go: short, so that other work on the machine does not fall into the best of them. */
#define SHORT 500
static void measure(const char *name, const uint32_t *code, size_t bytes, uint64_t count) {
  uint64_t best = UINT64_MAX;
  for (uint64_t done = 0; done < count; done += SHORT) {
    uint64_t t = run(code, bytes, SHORT);
    if (t < best) best = t;
  }
  printf("%s %.1f\n", name, (double)best / SHORT);
}

int main(int argc, char **argv) {
  uint64_t count = argc > 1 ? strtoul(argv[1], 0, 0) : 20000;
  measure("hvc", hvc_guest, sizeof hvc_guest, count);
  measure("mmio", mmio_guest, sizeof mmio_guest, count);
  return 0;
}
