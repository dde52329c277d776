// A very small VMM: runs a bare-machine image (bare.c) as a KVM guest on whatever /dev/kvm there is.
// usage: vmm IMAGE.elf
#include <elf.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define RAM 0x40000000ull
#define SIZE (128ull << 20)
#define UART 0x09000000ull
static void die(const char *what) {
  perror(what);
  exit(1);
}
static int call(int fd, unsigned long request, void *arg, const char *what) {
  int r = ioctl(fd, request, arg);
  if (r < 0) die(what);
  return r;
}

int main(int argc, char **argv) {
  if (argc != 2) return fprintf(stderr, "usage: vmm IMAGE.elf\n"), 2;
  int kvm = open("/dev/kvm", O_RDWR);
  if (kvm < 0) die("/dev/kvm");
  int vm = call(kvm, KVM_CREATE_VM, 0, "KVM_CREATE_VM");
  uint8_t *ram = mmap(0, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  struct kvm_userspace_memory_region slot = {.guest_phys_addr = RAM, .memory_size = SIZE, .userspace_addr = (uint64_t)ram};
  call(vm, KVM_SET_USER_MEMORY_REGION, &slot, "memory");

  FILE *f = fopen(argv[1], "rb");
  if (!f) die(argv[1]);
  Elf64_Ehdr eh;
  if (fread(&eh, sizeof eh, 1, f) != 1) die("header");
  for (int i = 0; i < eh.e_phnum; i++) {
    Elf64_Phdr ph;
    fseek(f, eh.e_phoff + i * eh.e_phentsize, SEEK_SET);
    if (fread(&ph, sizeof ph, 1, f) != 1) die("program header");
    if (ph.p_type != PT_LOAD) continue;
    fseek(f, ph.p_offset, SEEK_SET);
    if (ph.p_filesz && fread(ram + (ph.p_paddr - RAM), ph.p_filesz, 1, f) != 1) die("segment");
  }

  int vcpu = call(vm, KVM_CREATE_VCPU, 0, "KVM_CREATE_VCPU");
  struct kvm_vcpu_init init;
  call(vm, KVM_ARM_PREFERRED_TARGET, &init, "target");
  init.features[0] |= 1u << KVM_ARM_VCPU_PSCI_0_2;
  call(vcpu, KVM_ARM_VCPU_INIT, &init, "KVM_ARM_VCPU_INIT");
  uint64_t pc = eh.e_entry;
  struct kvm_one_reg reg = {.id = 0x6030000000100040ull, .addr = (uint64_t)&pc};
  call(vcpu, KVM_SET_ONE_REG, &reg, "PC");
  struct kvm_run *run = mmap(0, call(kvm, KVM_GET_VCPU_MMAP_SIZE, 0, "size"), PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
  char line[128];
  unsigned n = 0;
  for (;;) {
    call(vcpu, KVM_RUN, 0, "KVM_RUN");
    if (run->exit_reason == KVM_EXIT_SYSTEM_EVENT) return 0;
    if (run->exit_reason != KVM_EXIT_MMIO || run->mmio.phys_addr != UART || !run->mmio.is_write)
      return fprintf(stderr, "exit reason %u at %llx\n", run->exit_reason, (unsigned long long)run->mmio.phys_addr), 1;
    line[n++] = run->mmio.data[0];
    if (line[n - 1] != '\n' && n < sizeof line) continue;
    if (write(1, line, n) < 0) return 1;
    n = 0;
  }
}
