// The GICv3 CPU interface as a state machine: which interrupt is signalled, and what acknowledging, ending and
// deactivating do to priorities. It works on the layout of ICH_VMCR_EL2 and ICH_AP<m>R<n>_EL2; where interrupts come from
// (the VM's own, or list registers of a guest hypervisor) it does not know. @arm IHI 0069, 4.8 and 12

import { ICH_VMCR } from '../../arch/gic.ts';
import { bits32 } from '../../base/bits.ts';

export type VmcrField = keyof typeof ICH_VMCR;
export type Group = 0 | 1;

export interface CpuIfRegs {
  /** ICH_VMCR_EL2 */
  vmcr: number;
  /** Active priorities of group 0 and 1. */
  readonly ap0r: Uint32Array;
  readonly ap1r: Uint32Array;
}
/** An interrupt that could be signalled. Lower priorities are more urgent. */
export interface Candidate {
  readonly intid: number;
  readonly priority: number;
  readonly group: Group;
}
/** The interrupts in front of a CPU interface. */
export interface InterruptList {
  /** The most urgent pending and inactive one. @param groups bit mask of the groups that count */
  highest(groups: number): Candidate | undefined;
  /** Pending becomes active (or just goes, if the interrupt has no active state). @returns how the guest is to name it */
  activate(intid: number): number;
  /** Does nothing where it is not active. @param name as `activate` returned it */
  deactivate(name: number): void;
}
export interface CpuIf {
  readonly regs: CpuIfRegs;
  readonly list: InterruptList;
  /** Implemented bits of priority, and those of them that can preempt: 5..7. */
  readonly priBits: number;
  readonly preBits: number;
  /** One register of active priorities serves both groups (GICv2). */
  readonly sharedApr?: boolean;
}

/** INTIDs 1020 to 1023 name no interrupt; this one says that there is none. */
export const SPURIOUS = 1023;
const FIRST_SPECIAL = 1020;
const IDLE = 0x100;

export function vmcrField(vmcr: number, f: VmcrField): number {
  const [hi, lo] = ICH_VMCR[f];
  return bits32(vmcr, hi, lo);
}
export function withVmcrField(vmcr: number, f: VmcrField, value: number): number {
  const [hi, lo] = ICH_VMCR[f];
  const mask = ((2 ** (hi - lo + 1) - 1) << lo) >>> 0;
  return ((vmcr & ~mask) | ((value << lo) & mask)) >>> 0;
}
/** What the hardware makes of a value: unimplemented priority bits are zero, binary points have a minimum. */
export function cleanVmcr(cpu: CpuIf, vmcr: number): number {
  const min = 7 - cpu.preBits;
  vmcr = withVmcrField(vmcr, 'VPMR', vmcrField(vmcr, 'VPMR') & (0xff << (8 - cpu.priBits)));
  vmcr = withVmcrField(vmcr, 'VBPR0', Math.max(vmcrField(vmcr, 'VBPR0'), min));
  return withVmcrField(vmcr, 'VBPR1', Math.max(vmcrField(vmcr, 'VBPR1'), min + 1));
}

function apr(cpu: CpuIf, group: Group): Uint32Array {
  return group === 0 && !cpu.sharedApr ? cpu.regs.ap0r : cpu.regs.ap1r;
}
/** How many AP<m>R<n> registers of a group exist. */
export function aprCount(cpu: CpuIf): number {
  return 1 << (cpu.preBits - 5);
}
/** The most urgent group priority that is active in one group. @returns 0x100: none */
function activePriority(cpu: CpuIf, group: Group): number {
  const words = apr(cpu, group);
  for (let n = 0; n < aprCount(cpu); n++) {
    const word = words[n]!;
    if (word !== 0) return (n * 32 + 31 - Math.clz32(word & -word)) << (8 - cpu.preBits);
  }
  return IDLE;
}
/** @arm ICC_RPR_EL1: 0xff where nothing is active */
export function runningPriority(cpu: CpuIf): number {
  return Math.min(activePriority(cpu, 0), activePriority(cpu, 1), 0xff);
}
/** The part of a priority that decides about preemption. */
function groupPriority(cpu: CpuIf, c: Candidate): number {
  const { vmcr } = cpu.regs;
  const shared = c.group === 0 || vmcrField(vmcr, 'VCBPR') !== 0;
  const point = shared ? vmcrField(vmcr, 'VBPR0') + 1 : vmcrField(vmcr, 'VBPR1');
  return c.priority & (0xff << point);
}

/** The most urgent pending interrupt of an enabled group, masked or not. */
export function highestPending(cpu: CpuIf): Candidate | undefined {
  return cpu.list.highest(cpu.regs.vmcr & 3); // VENG0, VENG1
}
/** The interrupt that is signalled to the PE: beyond the mask, and able to preempt. */
export function signalled(cpu: CpuIf): Candidate | undefined {
  const c = highestPending(cpu);
  if (!c || c.priority >= vmcrField(cpu.regs.vmcr, 'VPMR')) return undefined;
  const running = Math.min(activePriority(cpu, 0), activePriority(cpu, 1));
  return groupPriority(cpu, c) < running ? c : undefined;
}
/** Reading ICC_IAR<group>_EL1. */
export function acknowledge(cpu: CpuIf, group: Group): number {
  const c = signalled(cpu);
  if (c?.group !== group) return SPURIOUS;
  const level = groupPriority(cpu, c) >> (8 - cpu.preBits);
  apr(cpu, group)[level >> 5]! |= 1 << (level & 31);
  return cpu.list.activate(c.intid);
}
/** Reading ICC_HPPIR<group>_EL1. */
export function pendingInGroup(cpu: CpuIf, group: Group): number {
  const c = highestPending(cpu);
  return c?.group === group ? c.intid : SPURIOUS;
}
function dropPriority(cpu: CpuIf, group: Group): boolean {
  const mine = activePriority(cpu, group);
  if (mine === IDLE || (!cpu.sharedApr && activePriority(cpu, group === 0 ? 1 : 0) < mine)) return false;
  const level = mine >> (8 - cpu.preBits);
  apr(cpu, group)[level >> 5]! &= ~(1 << (level & 31));
  return true;
}
function isSpecial(intid: number): boolean {
  return intid >= FIRST_SPECIAL && intid <= SPURIOUS;
}
/** Writing ICC_EOIR<group>_EL1: drops the running priority and, unless EOImode says otherwise, deactivates. */
export function endOfInterrupt(cpu: CpuIf, group: Group, name: number): void {
  if (isSpecial(name) || !dropPriority(cpu, group)) return;
  if (vmcrField(cpu.regs.vmcr, 'VEOIM') === 0) cpu.list.deactivate(name);
}
/** Writing ICC_DIR_EL1: only where EOImode leaves it to this register. */
export function deactivate(cpu: CpuIf, name: number): void {
  if (!isSpecial(name) && vmcrField(cpu.regs.vmcr, 'VEOIM') !== 0) cpu.list.deactivate(name);
}
