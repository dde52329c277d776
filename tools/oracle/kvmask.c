// Asks the running kernel's KVM more than kvmprobe.c does: acceptance for every feature set, what extreme values do to
// every register, which feature sets an init takes, what odd register ids answer. One JSON object a line.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#ifndef KVM_CAP_ARM_WRITABLE_IMP_ID_REGS
#define KVM_CAP_ARM_WRITABLE_IMP_ID_REGS 239
#endif
#define B(n) (1u << (n))
enum { PSCI = B(2), PMU = B(3), SVE = B(4), PAUTH = B(5) | B(6), EL2 = B(7), E2H0 = B(8), AA32 = B(1) };
struct config { const char *name; uint32_t features, cap; int writes; } configs[] = {
  {"base", 0, 0, 1},
  {"pmu", PSCI | PMU, 0, 0},
  {"pauth", PSCI | PAUTH, 0, 0},
  {"sve", PSCI | SVE, 0, 0},
  {"el1_32bit", PSCI | AA32, 0, 1},
  {"all64", PSCI | PMU | PAUTH | SVE, 0, 1},
  {"el2", PSCI | EL2, 0, 0},
  {"el2_e2h0", PSCI | EL2 | E2H0, 0, 0},
  {"el2_all64", PSCI | PMU | PAUTH | SVE | EL2, 0, 1},
  {"mte", PSCI, KVM_CAP_ARM_MTE, 1},
  {"el2_mte", PSCI | EL2, KVM_CAP_ARM_MTE, 0},
  {"imp_id", 0, KVM_CAP_ARM_WRITABLE_IMP_ID_REGS, 0},
};
static int kvm;
static int bytes(uint64_t id) { return 1 << ((id & KVM_REG_SIZE_MASK) >> KVM_REG_SIZE_SHIFT); }
static void hex(const uint8_t *b, int n) { for (int i = n - 1; i >= 0; i--) printf("%02x", b[i]); }
static int reg(int v, int set, uint64_t id, void *p) {
  struct kvm_one_reg o = {id, (uint64_t)p};
  return ioctl(v, set ? KVM_SET_ONE_REG : KVM_GET_ONE_REG, &o) ? errno : 0;
}
static int init(int v, uint32_t features) {
  struct kvm_vcpu_init in; memset(&in, 0, sizeof in); in.target = 5; in.features[0] = features;
  return ioctl(v, KVM_ARM_VCPU_INIT, &in) ? errno : 0;
}
static uint64_t live[] = {0x603000000013df01ull, 0x603000000013df1aull};
static void writes(int v, const char *name, uint64_t id) {
  static const uint8_t fill[] = {0xff, 0x00, 0x55};
  uint8_t was[2048], now[2048]; int n = bytes(id);
  for (unsigned i = 0; i < 2; i++) if (id == live[i]) return;
  if (reg(v, 0, id, was)) return;
  printf("{\"kind\":\"write\",\"config\":\"%s\",\"id\":\"%016llx\",\"r\":[", name, (unsigned long long)id);
  for (int i = 0; i < 3; i++) {
    memset(now, fill[i], sizeof now);
    int e = reg(v, 1, id, now); memset(now, 0, sizeof now); reg(v, 0, id, now);
    printf("%s%d,\"", i ? "," : "", e); hex(now, n > 16 ? 16 : n); printf("\"");
    reg(v, 1, id, was);
  }
  printf("]}\n");
}
static void values(int v, const char *name, uint64_t id, const uint64_t *list, int count) {
  uint8_t was[2048]; memset(was, 0, sizeof was);
  int g = reg(v, 0, id, was);
  printf("{\"kind\":\"values\",\"config\":\"%s\",\"id\":\"%016llx\",\"get\":%d,\"r\":[", name, (unsigned long long)id, g);
  for (int i = 0; i < count; i++) {
    uint8_t in[2048]; memset(in, 0, sizeof in); memcpy(in, &list[i], 8);
    int e = reg(v, 1, id, in); printf("%s[\"%llx\",%d]", i ? "," : "", (unsigned long long)list[i], e);
    if (!g) reg(v, 1, id, was);
  }
  printf("]}\n");
}
int main(void) {
  setvbuf(stdout, 0, _IOLBF, 0);
  kvm = open("/dev/kvm", O_RDWR); if (kvm < 0) { perror("kvm"); return 1; }
  // without POWER_OFF, which never matters; a VM with EL2 takes long to tear down, so of those only the simple ones
  printf("{\"kind\":\"inits\",\"r\":[");
  for (uint32_t f = 0; f < 1024; f += f < 512 ? 2 : 511) {
    if ((f & EL2) && (f & PMU)) continue;
    int vm = ioctl(kvm, KVM_CREATE_VM, 0), v = ioctl(vm, KVM_CREATE_VCPU, 0);
    printf("%s[%u,%d]", f ? "," : "", f, init(v, f)); close(v); close(vm);
  }
  printf("]}\n");
  for (unsigned k = 0; k < sizeof configs / sizeof *configs; k++) {
    struct config *c = &configs[k];
    int vm = ioctl(kvm, KVM_CREATE_VM, 0);
    if (c->cap) {
      struct kvm_enable_cap cap = {.cap = c->cap};
      if (ioctl(vm, KVM_ENABLE_CAP, &cap)) { printf("{\"kind\":\"config\",\"name\":\"%s\",\"features\":%u,\"cap\":%u,\"fail\":\"enable_cap\",\"errno\":%d}\n", c->name, c->features, c->cap, errno); close(vm); continue; }
    }
    int v = ioctl(vm, KVM_CREATE_VCPU, 3), e = init(v, c->features), v1 = ioctl(vm, KVM_CREATE_VCPU, 0);
    if (e) { printf("{\"kind\":\"config\",\"name\":\"%s\",\"features\":%u,\"cap\":%u,\"fail\":\"vcpu_init\",\"errno\":%d}\n", c->name, c->features, c->cap, e); close(v1); close(v); close(vm); continue; }
    printf("{\"kind\":\"config\",\"name\":\"%s\",\"features\":%u,\"cap\":%u,\"again\":%d,\"other\":%d}\n", c->name, c->features, c->cap, init(v, c->features ^ PSCI), init(v1, c->features ^ PSCI));
    int feature = 4;
    if (c->features & SVE) {
      // vector lengths before finalising: none, 1, 1-2, 2, 1-4, 1 and 4, all, beyond
      static const uint64_t sets[] = {0, 1, 3, 2, 0xf, 9, 0xb, 0xffff, 0x1ffff, 0x8000};
      values(v, c->name, 0x606000000015ffffull, sets, 10);
      uint64_t z[32] = {0}; printf("{\"kind\":\"sve\",\"config\":\"%s\",\"z\":%d,\"p\":%d,\"slice\":%d,\"v\":%d,", c->name,
        reg(v, 0, 0x6080000000150000ull, z), reg(v, 0, 0x6050000000150400ull, z), reg(v, 0, 0x6080000000150001ull, z), reg(v, 0, 0x6040000000100054ull, z));
      int a = ioctl(v, KVM_ARM_VCPU_FINALIZE, &feature) ? errno : 0, b = ioctl(v, KVM_ARM_VCPU_FINALIZE, &feature) ? errno : 0;
      printf("\"finalize\":[%d,%d]}\n", a, b);
    } else {
      uint64_t z[64] = {0}; printf("{\"kind\":\"sve\",\"config\":\"%s\",\"z\":%d,\"p\":%d,\"slice\":%d,\"v\":%d,\"finalize\":[%d],\"vls\":%d}\n", c->name,
        reg(v, 0, 0x6080000000150000ull, z), reg(v, 0, 0x6050000000150400ull, z), reg(v, 0, 0x6080000000150001ull, z), reg(v, 0, 0x6040000000100054ull, z),
        ioctl(v, KVM_ARM_VCPU_FINALIZE, &feature) ? errno : 0, reg(v, 0, 0x606000000015ffffull, z));
    }
    struct kvm_reg_list l0 = {0}; ioctl(v, KVM_GET_REG_LIST, &l0);
    struct kvm_reg_list *l = calloc(1, 8 + 8 * (l0.n + 8)); l->n = l0.n; ioctl(v, KVM_GET_REG_LIST, l);
    for (uint64_t i = 0; i < l->n; i++) {
      uint8_t b[2048]; memset(b, 0, sizeof b); int g = reg(v, 0, l->reg[i], b), s = g ? 0 : reg(v, 1, l->reg[i], b);
      printf("{\"kind\":\"reg\",\"config\":\"%s\",\"id\":\"%016llx\",\"get\":%d,\"setback\":%d,\"value\":\"", c->name, (unsigned long long)l->reg[i], g, s);
      hex(b, bytes(l->reg[i]) > 16 ? 16 : bytes(l->reg[i])); printf("\"}\n");
    }
    for (int op1 = 0; op1 <= 3; op1++) for (int crm = 0; crm < 8; crm++) for (int op2 = 0; op2 < 8; op2++) {
      if (op1 == 2 || (op1 && crm)) continue;
      uint64_t id = 0x6030000000130000ull | 3u << 14 | op1 << 11 | crm << 3 | op2, cur;
      if (reg(v, 0, id, &cur)) { printf("{\"kind\":\"idabsent\",\"config\":\"%s\",\"op1\":%d,\"crm\":%d,\"op2\":%d,\"errno\":%d}\n", c->name, op1, crm, op2, errno); continue; }
      printf("{\"kind\":\"idaccept\",\"config\":\"%s\",\"op1\":%d,\"crm\":%d,\"op2\":%d,\"value\":\"%016llx\",\"fields\":[", c->name, op1, crm, op2, (unsigned long long)cur);
      for (int f = 0; f < 16; f++) {
        unsigned ok = 0; int er = 0;
        for (unsigned x = 0; x < 16; x++) {
          uint64_t nv = (cur & ~(0xfull << (4 * f))) | ((uint64_t)x << (4 * f)); int e1 = reg(v, 1, id, &nv);
          if (!e1) { ok |= 1u << x; reg(v, 1, id, &cur); } else er = e1;
        }
        printf("%s[%u,%d]", f ? "," : "", ok, er);
      }
      printf("]}\n");
    }
    if (c->writes) for (uint64_t i = 0; i < l->n; i++) writes(v, c->name, l->reg[i]);
    if (c->writes) {
      static const uint64_t psci[] = {0, 1, 2, 3, 0x10000, 0x10001, 0x10002, 0x10003, 0x10004, 0x20000};
      static const uint64_t wa[] = {0, 1, 2, 3, 4, 0x10, 0x11, 0x12, 0x13, 0x20, 0x100000000ull};
      static const uint64_t bm[] = {0, 1, 2, 3, 4, 5};
      values(v, c->name, 0x6030000000140000ull, psci, 10);
      for (int i = 1; i < 5; i++) values(v, c->name, 0x6030000000140000ull + i, wa, 11);
      for (int i = 0; i < 5; i++) values(v, c->name, 0x6030000000160000ull + i, bm, 6);
      uint64_t modes[32]; for (int i = 0; i < 32; i++) modes[i] = i | 0x3c0;
      values(v, c->name, 0x6030000000100042ull, modes, 32);
      static const uint64_t clidr[] = {0, 0x23, 0x123, 0xa200023, 0x82000023, 0x9200003, 0x1000004, 0x2000023, 0x1000000, 0x800000000000ull, 0x200000000ull, 0x9000000};
      values(v, c->name, 0x603000000013c801ull, clidr, 12);
      static const uint64_t cc[] = {0, 1, 2, 3, 7, 0x10000002, 0xf0000002, 0x701fe00a, 0x80000001};
      for (int i = 0; i < 3; i++) values(v, c->name, 0x6020000000110000ull + i, cc, 9);
      static const uint64_t os[] = {0, 2, 8, 10, 9, 0x108};
      values(v, c->name, 0x603000000013808cull, os, 6);
      static const uint64_t pmcr[] = {0, 0x1f, 0x800, 0x3000, 0x3800, 0xf800, 0xff, ~0ull};
      values(v, c->name, 0x603000000013dce0ull, pmcr, 8);
      static const uint64_t odd[] = {
        0, 0x6030000000100001ull, 0x6020000000100000ull, 0x6040000000100000ull, 0x60300000001000d8ull, 0x60300000001000d6ull, 0x60200000001000d5ull, 0x60200000001000d6ull,
        0x6030000000100052ull, 0x6030000000100054ull, 0x6040000000100055ull, 0x60300000001000ffull, 0x6030000010100000ull, 0x6030000110100000ull, 0x5030000000100000ull,
        0x6020000000110000ull, 0x602000000011000eull, 0x6020000000110100ull, 0x6030000000110000ull, 0x6030000000120000ull, 0x6030000000130000ull, 0x602000000013c080ull,
        0x603000001013c080ull, 0x603000000013c5a0ull, 0x6030000000140004ull, 0x6020000000140000ull, 0x6030000000160004ull, 0x6020000000160000ull, 0x6030000000150000ull,
        0x6080000000150400ull, 0x6050000000150600ull, 0x6050000000150620ull, 0x60500000001503ffull, 0x6060000000150000ull, 0x6030000000170000ull, 0x603000000013c200ull,
        0x603000000013e208ull, 0x603000000013c230ull, 0x603000000013da12ull, 0x603000000013dce6ull, 0x603000000013c800ull, 0x603000000013808full};
      printf("{\"kind\":\"odd\",\"config\":\"%s\",\"r\":[", c->name);
      for (unsigned i = 0; i < sizeof odd / sizeof *odd; i++) { uint8_t b[2048]; memset(b, 0, sizeof b); int g = reg(v, 0, odd[i], b), s = g ? reg(v, 1, odd[i], b) : 0; printf("%s[\"%llx\",%d,%d]", i ? "," : "", (unsigned long long)odd[i], g, s); }
      printf("]}\n");
    }
    free(l); close(v1); close(v); close(vm);
  }
  printf("{\"kind\":\"end\"}\n");
  return 0;
}
