// The firmware classes of KVM_{GET,SET}_ONE_REG: the PSCI version, how far the host is protected against three families
// of speculation, and the bitmaps of hypercall services. Answers no hypercall. @linux hypercalls.c

import { Errno } from '../base/hostfile.ts';
import { regId, regSize } from '../uapi/reg_id.ts';
import type { Mitigation } from './host.ts';
import type { VcpuRegs, VmRegs } from './regs_state.ts';
import { hasVcpuFeature, vmHas } from './vm_features.ts';

export const FW_REG = {
  PSCI_VERSION: regId('U64', 'FW', 0),
  WORKAROUND_1: regId('U64', 'FW', 1),
  WORKAROUND_2: regId('U64', 'FW', 2),
  WORKAROUND_3: regId('U64', 'FW', 3),
} as const;
const WORKAROUNDS: readonly bigint[] = [FW_REG.WORKAROUND_1, FW_REG.WORKAROUND_2, FW_REG.WORKAROUND_3];

/** Services by bitmap register, in the order of their ids; bit: name. */
export const SMCCC_SERVICES = [
  { name: 'STD_BMAP', all: 1n, bits: ['TRNG_V1_0'] },
  { name: 'STD_HYP_BMAP', all: 1n, bits: ['PV_TIME'] },
  { name: 'VENDOR_HYP_BMAP', all: 3n, bits: ['FUNC_FEAT', 'PTP'] },
  { name: 'VENDOR_HYP_BMAP_2', all: 3n, bits: ['DISCOVER_IMPL_VER', 'DISCOVER_IMPL_CPUS'] },
] as const;
const BITMAPS: readonly bigint[] = SMCCC_SERVICES.map((_, i) => regId('U64', 'FW_FEAT_BMAP', i));

/** All firmware registers in the kernel's order. @linux kvm_arm_fw_reg_ids */
export const FW_REG_IDS: readonly bigint[] = [...Object.values(FW_REG), ...BITMAPS];

/** Values of KVM_REG_ARM_PSCI_VERSION. */
export const PSCI = { v0_1: 1, v0_2: 2, v1_0: 0x1_0000, v1_1: 0x1_0001, v1_2: 0x1_0002, v1_3: 0x1_0003 } as const;
const NEWER_PSCI: readonly number[] = [PSCI.v0_2, PSCI.v1_0, PSCI.v1_1, PSCI.v1_2, PSCI.v1_3];

/** @linux kvm_psci_version */
export function psciVersion(vm: VmRegs): number {
  if (!hasVcpuFeature(vm, 'PSCI_0_2')) return PSCI.v0_1;
  return vm.psciVersion || PSCI.v1_3;
}

/** Levels of WORKAROUND_1 and _3. A guest may be told less than the host has, not more. */
const LEVEL: Readonly<Record<Mitigation, number>> = { vulnerable: 0, mitigated: 1, unaffected: 2 };
const WA2 = { NOT_AVAIL: 0, UNKNOWN: 1, AVAIL: 2, NOT_REQUIRED: 3, ENABLED: 16 } as const;

/** @linux get_kernel_wa_level */
function workaroundLevel(vm: VmRegs, id: bigint): number {
  const { host } = vm;
  if (id === FW_REG.WORKAROUND_1) return LEVEL[host.spectreV2];
  if (id === FW_REG.WORKAROUND_3) return LEVEL[host.spectreBhb];
  if (host.spectreV4 === 'vulnerable') return WA2.NOT_AVAIL;
  // A VM that sees SSBS helps itself: firmware has nothing to offer it.
  return host.spectreV4 === 'mitigated' && vmHas(vm, 'FEAT_SSBS') ? WA2.NOT_AVAIL : WA2.NOT_REQUIRED;
}

/** @returns the value or -ENOENT. @linux kvm_arm_get_fw_reg */
export function getFwReg(vcpu: VcpuRegs, id: bigint): bigint | number {
  const { vm } = vcpu;
  if (id === FW_REG.PSCI_VERSION) return BigInt(psciVersion(vm));
  if (WORKAROUNDS.includes(id)) return BigInt(workaroundLevel(vm, id));
  const bitmap = BITMAPS.indexOf(id);
  return bitmap < 0 ? -Errno.ENOENT : vm.smcccBitmaps[bitmap]!;
}

/** @returns 0, -ENOENT, -EINVAL (more than the host has), -EBUSY (a bitmap changes after the first run). */
export function setFwReg(vcpu: VcpuRegs, id: bigint, value: bigint): number {
  const { vm } = vcpu;
  if (regSize(id) !== 8) return -Errno.ENOENT;
  if (id === FW_REG.PSCI_VERSION) return setPsciVersion(vm, value);
  if (WORKAROUNDS.includes(id)) return checkWorkaround(vm, id, value);
  const bitmap = BITMAPS.indexOf(id);
  if (bitmap < 0) return -Errno.ENOENT;
  if ((value & ~SMCCC_SERVICES[bitmap]!.all) !== 0n) return -Errno.EINVAL;
  if (vm.ranOnce && value !== vm.smcccBitmaps[bitmap]) return -Errno.EBUSY;
  vm.smcccBitmaps[bitmap] = value;
  return 0;
}
function setPsciVersion(vm: VmRegs, value: bigint): number {
  const wants = hasVcpuFeature(vm, 'PSCI_0_2') ? NEWER_PSCI : [PSCI.v0_1];
  if (!wants.includes(Number(value))) return -Errno.EINVAL;
  vm.psciVersion = Number(value);
  return 0;
}
/** Nothing is stored: the value only has to be one that this host can keep. @linux kvm_arm_set_fw_reg */
function checkWorkaround(vm: VmRegs, id: bigint, value: bigint): number {
  const isWa2 = id === FW_REG.WORKAROUND_2;
  const level = Number(value & 0xfn);
  const isEnabled = isWa2 && (value & BigInt(WA2.ENABLED)) !== 0n;
  if ((value & ~(isWa2 ? 0x1fn : 0xfn)) !== 0n) return -Errno.EINVAL;
  if (isEnabled && level !== WA2.AVAIL) return -Errno.EINVAL;
  if (isWa2 && level > WA2.NOT_REQUIRED) return -Errno.EINVAL;
  const needed = !isWa2 ? level : level >= WA2.AVAIL ? WA2.NOT_REQUIRED : WA2.NOT_AVAIL;
  return workaroundLevel(vm, id) < needed ? -Errno.EINVAL : 0;
}
