// The rows of sys_reg_descs.ts made ready for use: in the order of encodings, which is the order of KVM_GET_REG_LIST, each
// with its ONE_REG id and the slot that stores it. Knows no values.

import { ID_REG_NAMES } from '../arch/id_fields.ts';
import { ID_REGS } from '../arch/id_regs.ts';
import { enc, encText } from '../arch/schema.ts';
import { encOf, type RegName } from '../arch/sysregs.ts';
import { InternalError } from '../base/assert.ts';
import { regId, regIndex } from '../uapi/reg_id.ts';
import { REG_DESCS, type RegDesc } from './sys_reg_descs.ts';
import { idRegIndex } from './vm_features.ts';

export interface SysReg {
  /** Arm's name, or S<op0>_... where Arm has none. */
  readonly name: string;
  readonly enc: number;
  /** KVM_REG_ARM64_SYSREG id as KVM_GET_REG_LIST gives it. */
  readonly id: bigint;
  /** Where VcpuRegs.sys holds it; -1 for registers kept per VM. */
  readonly slot: number;
  /** Absent for ID registers kept per VM. */
  readonly desc: RegDesc | undefined;
}

/**
 * The two that changed places in the ABI: the id of each is the encoding of the other.
 * @linux KVM_REG_ARM_TIMER_CVAL, KVM_REG_ARM_TIMER_CNT
 */
const SWAPPED: Readonly<Partial<Record<RegName, RegName>>> = {
  CNTV_CVAL_EL0: 'CNTVCT_EL0',
  CNTVCT_EL0: 'CNTV_CVAL_EL0',
};

/** Registers that have storage but no ONE_REG id of their own (they are core registers there). */
export const CORE_SYS_REGS = ['SP_EL1', 'ELR_EL1', 'SPSR_EL1'] as const;

const descs = Object.entries(REG_DESCS) as (readonly [RegName, RegDesc])[];
/** Registers with storage, in table order. */
const storedNames = [...descs.filter(([, d]) => !d.store && d.user !== 'razWi').map(([n]) => n), ...CORE_SYS_REGS];
const slots = new Map<string, number>(storedNames.map((name, i) => [name, i]));
export const SYS_REG_SLOTS = slots.size;
export type StoredReg = keyof typeof REG_DESCS | (typeof CORE_SYS_REGS)[number];

/** The place of a register in VcpuRegs.sys. */
export function sysRegSlot(name: StoredReg): number {
  const slot = slots.get(name);
  if (slot === undefined) throw new InternalError(`no storage for ${name}`);
  return slot;
}

export function isStored(name: string): name is StoredReg {
  return slots.has(name);
}

/** ID registers kept per VM, encodings without a name included. */
const vmIdEncodings: readonly number[] = [
  ...Array.from({ length: 56 }, (_, i) => enc(3, 0, 0, 1 + (i >> 3), i & 7)),
  ...ID_REG_NAMES.map((n) => ID_REGS[n].enc).filter((e) => (idRegIndex(e) ?? 0) >= 56),
];
const idNames = new Map<number, string>(ID_REG_NAMES.map((n) => [ID_REGS[n].enc, n]));

/** Everything userspace may reach, hidden or not, in the order of encodings. */
export const SYS_REGS: readonly SysReg[] = [
  ...vmIdEncodings.map((packed) => ({
    name: idNames.get(packed) ?? encText(packed), enc: packed, id: regId('U64', 'SYSREG', packed), slot: -1, desc: undefined,
  })),
  ...descs.map(([name, desc]) => ({
    name, enc: encOf(name), id: regId('U64', 'SYSREG', encOf(SWAPPED[name] ?? name)), slot: slots.get(desc.store ?? name) ?? -1, desc,
  })),
].sort((a, b) => a.enc - b.enc); // biome-ignore format: two shapes side by side

/** Registers kept per VM, and those of a vCPU that reset touches. */
export const VM_ID_REG_ENCODINGS: readonly number[] = vmIdEncodings;
export const RESETTABLE = SYS_REGS.filter((r) => r.desc?.reset !== undefined);

const byIndex = new Map<number, SysReg>(SYS_REGS.map((r) => [regIndex(r.id), r]));

/** The register behind the low 16 bits of a SYSREG id. */
export function sysRegAt(index: number): SysReg | undefined {
  return byIndex.get(index);
}
