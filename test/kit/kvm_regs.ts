// Short words for tests of KVM's register model: hosts from the recordings, vCPUs by feature names, registers by name.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { withField } from '../../src/arch/id_fields.ts';
import { type FieldName, ID_REGS, type IdRegName } from '../../src/arch/id_regs.ts';
import { regList } from '../../src/kvm/get-reg-list.ts';
import { getOneReg, setOneReg } from '../../src/kvm/guest.ts';
import { type Host, hostSpecFromJson, type KvmMode, makeHost } from '../../src/kvm/host.ts';
import type { VcpuRegs, VmRegs } from '../../src/kvm/regs_state.ts';
import { createVcpuRegs, createVmRegs, vcpuFinalize, vcpuInit } from '../../src/kvm/reset.ts';
import { SYS_REGS } from '../../src/kvm/sys_reg_table.ts';
import { KVM_ARM_VCPU, type VcpuFeature } from '../../src/uapi/constants.ts';
import { regSize } from '../../src/uapi/reg_id.ts';

const hosts = join(import.meta.dirname, '../../golden/real-kvm/hosts');

/** A recorded host. @param changes ID registers to change before KVM looks at them */
export function recordedHost(
  file: string,
  mode: KvmMode,
  changes: Partial<Record<IdRegName, (raw: bigint) => bigint>> = {},
): Host {
  const spec = hostSpecFromJson(JSON.parse(readFileSync(join(hosts, `${file}.json`), 'utf8')), mode);
  const raw = new Map(spec.raw);
  for (const [name, change] of Object.entries(changes)) {
    const packed = ID_REGS[name as IdRegName].enc;
    raw.set(packed, change(raw.get(packed) ?? 0n));
  }
  return makeHost({ ...spec, raw });
}
export const maxHost = (changes: Partial<Record<IdRegName, (raw: bigint) => bigint>> = {}): Host =>
  recordedHost('max-nested', 'nested', changes);
/** A change for recordedHost(): one field set to a raw value. */
export function field<R extends IdRegName>(
  reg: R,
  f: FieldName<R>,
  value: number,
): Partial<Record<IdRegName, (raw: bigint) => bigint>> {
  return { [reg]: (raw: bigint) => withField(raw, reg, f, value) };
}

export function featureMask(features: readonly VcpuFeature[]): number {
  return features.reduce((m, f) => m | (1 << KVM_ARM_VCPU[f]), 0);
}
/** Feature sets that a host may be asked for, from none to all. */
export const FEATURE_SETS: Readonly<Record<string, readonly VcpuFeature[]>> = {
  none: [],
  pmu: ['PSCI_0_2', 'PMU_V3'],
  pauth: ['PSCI_0_2', 'PTRAUTH_ADDRESS', 'PTRAUTH_GENERIC'],
  sve: ['PSCI_0_2', 'SVE'],
  aarch32: ['PSCI_0_2', 'EL1_32BIT'],
  all64: ['PSCI_0_2', 'PMU_V3', 'PTRAUTH_ADDRESS', 'PTRAUTH_GENERIC', 'SVE'],
  el2: ['PSCI_0_2', 'HAS_EL2'],
  el2E2h0: ['PSCI_0_2', 'HAS_EL2', 'HAS_EL2_E2H0'],
  el2All64: ['PSCI_0_2', 'PMU_V3', 'PTRAUTH_ADDRESS', 'PTRAUTH_GENERIC', 'SVE', 'HAS_EL2'],
};

export function newVm(host: Host, prepare: (vm: VmRegs) => void = () => {}): VmRegs {
  const vm = createVmRegs(host);
  prepare(vm);
  return vm;
}
/** A vCPU after init (and finalisation, with SVE). @throws if the features are refused */
export function newVcpu(vm: VmRegs, features: readonly VcpuFeature[] = [], id = vm.vcpus.length): VcpuRegs {
  const vcpu = createVcpuRegs(vm, id);
  const r = initAs(vcpu, features);
  if (r !== 0) throw new Error(`init: ${r}`);
  if (features.includes('SVE')) vcpuFinalize(vcpu, KVM_ARM_VCPU.SVE);
  return vcpu;
}
export function initAs(vcpu: VcpuRegs, features: readonly VcpuFeature[]): number {
  return vcpuInit(vcpu, 5, [featureMask(features), 0, 0, 0, 0, 0, 0]);
}

export function idOf(name: string): bigint {
  const reg = SYS_REGS.find((r) => r.name === name);
  if (!reg) throw new Error(`no register ${name}`);
  return reg.id;
}
export function bytesOf(value: bigint, size = 8): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
}
export function wordOf(bytes: Uint8Array): bigint {
  return bytes.reduceRight((v, b) => (v << 8n) | BigInt(b), 0n);
}
/** The value of a system register, or a negative errno as a number. */
export function get(vcpu: VcpuRegs, name: string): bigint | number {
  const r = getOneReg(vcpu, idOf(name));
  return typeof r === 'number' ? r : wordOf(r);
}
export function set(vcpu: VcpuRegs, name: string, value: bigint): number {
  return setOneReg(vcpu, idOf(name), bytesOf(value, regSize(idOf(name))));
}
export function listedNames(vcpu: VcpuRegs): Set<string> {
  const ids = new Set(regList(vcpu));
  return new Set(SYS_REGS.filter((r) => ids.has(r.id)).map((r) => r.name));
}
