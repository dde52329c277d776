// Asks the running kernel's KVM what a VM's registers say once it has run: all ones are written everywhere, one KVM_RUN
// returns at once (immediate_exit), and everything is read and written again. One JSON object a line.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define B(n) (1u << (n))
enum { PSCI = B(2), PMU = B(3), SVE = B(4), PAUTH = B(5) | B(6), EL2 = B(7), E2H0 = B(8) };
struct config { const char *name; uint32_t features, cap; int vgic, lower; } configs[] = {
  {"base_no_vgic", 0, 0, 0, 0}, {"base", PSCI, 0, 1, 0}, {"all64", PSCI | PAUTH | SVE, 0, 1, 0},
  {"el2", PSCI | EL2, 0, 1, 0}, {"el2_e2h0", PSCI | EL2 | E2H0, 0, 1, 0}, {"el2_all64", PSCI | PAUTH | SVE | EL2, 0, 1, 0},
  {"el2_lowered", PSCI | EL2, 0, 1, 1}, {"el2_mte", PSCI | EL2, KVM_CAP_ARM_MTE, 1, 0},
};
static int kvm;
static int bytes(uint64_t id) { return 1 << ((id & KVM_REG_SIZE_MASK) >> KVM_REG_SIZE_SHIFT); }
static void hex(const uint8_t *b, int n) { for (int i = n - 1; i >= 0; i--) printf("%02x", b[i]); }
static int reg(int v, int set, uint64_t id, void *p) {
  struct kvm_one_reg o = {id, (uint64_t)p};
  return ioctl(v, set ? KVM_SET_ONE_REG : KVM_GET_ONE_REG, &o) ? errno : 0;
}
static int attr(int fd, uint32_t group, uint64_t a, uint64_t *value) {
  struct kvm_device_attr x = {0, group, a, (uint64_t)value};
  return ioctl(fd, KVM_SET_DEVICE_ATTR, &x) ? errno : 0;
}
static int is_id(uint64_t id) { uint32_t e = id & 0xffff; return (id >> 16 & 0xfff) == 0x13 && (e >> 14) == 3 && (e >> 7 & 15) == 0 && ((e >> 11 & 7) == 0 || (e >> 11 & 7) == 1 || (e >> 11 & 7) == 3); }
int main(void) {
  setvbuf(stdout, 0, _IOLBF, 0);
  kvm = open("/dev/kvm", O_RDWR); if (kvm < 0) { perror("kvm"); return 1; }
  int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
  for (unsigned k = 0; k < sizeof configs / sizeof *configs; k++) {
    struct config *c = &configs[k];
    int vm = ioctl(kvm, KVM_CREATE_VM, 0);
    if (c->cap) { struct kvm_enable_cap cap = {.cap = c->cap}; if (ioctl(vm, KVM_ENABLE_CAP, &cap)) { close(vm); continue; } }
    int v = ioctl(vm, KVM_CREATE_VCPU, 0);
    struct kvm_run *run = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED, v, 0);
    struct kvm_vcpu_init in; memset(&in, 0, sizeof in); in.target = 5; in.features[0] = c->features;
    if (ioctl(v, KVM_ARM_VCPU_INIT, &in)) { munmap(run, size); close(v); close(vm); continue; }
    int feature = 4; if (c->features & SVE) ioctl(v, KVM_ARM_VCPU_FINALIZE, &feature);
    if (c->vgic) {
      struct kvm_create_device d = {KVM_DEV_TYPE_ARM_VGIC_V3, 0, 0}; uint64_t dist = 0x8000000, redist = 0x80a0000;
      int e = ioctl(vm, KVM_CREATE_DEVICE, &d) ? errno : 0;
      if (!e) e = attr(d.fd, 0, KVM_VGIC_V3_ADDR_TYPE_DIST, &dist) ?: attr(d.fd, 0, KVM_VGIC_V3_ADDR_TYPE_REDIST, &redist) ?: attr(d.fd, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, 0);
      if (e) printf("{\"kind\":\"vgic\",\"config\":\"%s\",\"errno\":%d}\n", c->name, e);
    }
    struct kvm_reg_list l0 = {0}; ioctl(v, KVM_GET_REG_LIST, &l0);
    struct kvm_reg_list *l = calloc(1, 8 + 8 * (l0.n + 8)); l->n = l0.n; ioctl(v, KVM_GET_REG_LIST, l);
    if (c->lower) for (uint64_t i = 0; i < l->n; i++) if (is_id(l->reg[i])) { // every field of every ID register to zero where that is allowed
      uint64_t cur; if (reg(v, 0, l->reg[i], &cur)) continue;
      for (int f = 0; f < 16; f++) { uint64_t nv = cur & ~(0xfull << 4 * f); if (!reg(v, 1, l->reg[i], &nv)) cur = nv; }
    }
    uint8_t ones[2048], b[2048]; memset(ones, 0xff, sizeof ones);
    if (l->n) for (uint64_t i = 0; i < l->n; i++) if ((l->reg[i] >> 16 & 0xfff) == 0x13 && !is_id(l->reg[i])) reg(v, 1, l->reg[i], ones);
    run->immediate_exit = 1;
    int r = ioctl(v, KVM_RUN, 0), e = r ? errno : 0;
    l0.n = 0; ioctl(v, KVM_GET_REG_LIST, &l0); l = calloc(1, 8 + 8 * (l0.n + 8)); l->n = l0.n; ioctl(v, KVM_GET_REG_LIST, l);
    printf("{\"kind\":\"after\",\"name\":\"%s\",\"features\":%u,\"cap\":%u,\"vgic\":%d,\"lower\":%d,\"run\":%d,\"n\":%llu}\n", c->name, c->features, c->cap, c->vgic, c->lower, e, (unsigned long long)l->n);
    for (uint64_t i = 0; i < l->n; i++) {
      uint64_t id = l->reg[i]; if ((id >> 16 & 0xfff) != 0x13 && (id >> 16 & 0xfff) != 0x16) continue;
      int n = bytes(id); memset(b, 0, sizeof b); int g = reg(v, 0, id, b);
      printf("{\"kind\":\"now\",\"config\":\"%s\",\"id\":\"%016llx\",\"r\":[%d,\"", c->name, (unsigned long long)id, g); hex(b, n); printf("\"");
      uint8_t was[8]; memcpy(was, b, 8); uint8_t z[8] = {0}, x[8]; memcpy(x, b, 8); x[0] ^= 1;
      int same = reg(v, 1, id, was); memset(b, 0, 8); int zero = reg(v, 1, id, z); reg(v, 0, id, b); printf(",%d,%d,\"", same, zero); hex(b, n); printf("\"");
      int flip = reg(v, 1, id, x); int one = reg(v, 1, id, ones); reg(v, 0, id, b); printf(",%d,%d,\"", flip, one); hex(b, n); printf("\"]}\n");
    }
    // what a reset leaves
    in.features[0] = c->features; int again = ioctl(v, KVM_ARM_VCPU_INIT, &in) ? errno : 0;
    printf("{\"kind\":\"again\",\"config\":\"%s\",\"errno\":%d}\n", c->name, again);
    for (uint64_t i = 0; i < l->n; i++) {
      uint64_t id = l->reg[i]; if ((id >> 16 & 0xfff) != 0x13 || is_id(id)) continue;
      memset(b, 0, sizeof b); int g = reg(v, 0, id, b); printf("{\"kind\":\"reset\",\"config\":\"%s\",\"id\":\"%016llx\",\"r\":[%d,\"", c->name, (unsigned long long)id, g); hex(b, 8); printf("\"]}\n");
    }
    munmap(run, size); close(v); close(vm);
  }
  printf("{\"kind\":\"end\"}\n");
  return 0;
}
