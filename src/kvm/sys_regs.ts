// KVM_{GET,SET}_ONE_REG on system registers and on the demultiplexed cache registers: find the row, ask whether it is
// there, apply its rule. Values of ID registers are judged in id_regs.ts. Errors are negative errnos.

import { fieldOf, readField, res0Of } from '../arch/id_fields.ts';
import { ID_REGS } from '../arch/id_regs.ts';
import { Errno } from '../base/hostfile.ts';
import { regIndex } from '../uapi/reg_id.ts';
import { applyResx } from './config.ts';
import { setVmIdReg } from './id_regs.ts';
import { accessibleCounters, readCounter, readPmcr, writePmcr } from './pmu_regs.ts';
import type { VcpuRegs, VmRegs } from './regs_state.ts';
import type { UserRule } from './sys_reg_descs.ts';
import { SYS_REGS, type SysReg, sysRegAt, sysRegSlot } from './sys_reg_table.ts';
import { allHold, type Condition, holds, readVmIdReg } from './vm_features.ts';

/** The VM does not have the register: ENOENT, not listed. */
export function isHidden(vm: VmRegs, reg: SysReg): boolean {
  return reg.desc?.when !== undefined && !allHold(vm, reg.desc.when);
}
/** The registers of this vCPU, in the kernel's order. @linux walk_sys_regs */
export function visibleSysRegs(vm: VmRegs): readonly SysReg[] {
  const known = new Map<Condition, boolean>();
  const check = (c: Condition): boolean => {
    const before = known.get(c);
    if (before !== undefined) return before;
    const is = holds(vm, c);
    known.set(c, is);
    return is;
  };
  return SYS_REGS.filter((r) => r.desc?.when?.every(check) ?? true);
}

function stored(vcpu: VcpuRegs, reg: SysReg): bigint {
  return applyResx(vcpu.vm, reg.name, vcpu.sys[reg.slot]!);
}
function store(vcpu: VcpuRegs, reg: SysReg, value: bigint): void {
  vcpu.sys[reg.slot] = applyResx(vcpu.vm, reg.name, value);
}

/** @returns the value or -ENOENT. @linux kvm_sys_reg_get_user */
export function getSysReg(vcpu: VcpuRegs, id: bigint): bigint | number {
  const reg = sysRegAt(regIndex(id));
  if (!reg || isHidden(vcpu.vm, reg)) return -Errno.ENOENT;
  if (!reg.desc) return readVmIdReg(vcpu.vm, reg.enc);
  const get = reg.desc.user && RULES[reg.desc.user].get;
  return get ? get(vcpu, reg) : stored(vcpu, reg);
}
/** @returns 0, -ENOENT, -EINVAL or -EBUSY. @linux kvm_sys_reg_set_user */
export function setSysReg(vcpu: VcpuRegs, id: bigint, value: bigint): number {
  const reg = sysRegAt(regIndex(id));
  if (!reg || isHidden(vcpu.vm, reg)) return -Errno.ENOENT;
  if (!reg.desc) return setVmIdReg(vcpu.vm, reg.enc, value);
  const set = reg.desc.user && RULES[reg.desc.user].set;
  if (set) return set(vcpu, reg, value);
  store(vcpu, reg, value);
  return 0;
}

interface Rule {
  readonly get?: (vcpu: VcpuRegs, reg: SysReg) => bigint;
  readonly set?: (vcpu: VcpuRegs, reg: SysReg, value: bigint) => number;
}
function keep(vcpu: VcpuRegs, reg: SysReg, value: bigint): number {
  store(vcpu, reg, value);
  return 0;
}
const OSLSR = { OSLM: 8n, OSLK: 2n } as const;
const TIMER_ISTATUS = 4n;
const CLIDR_LEVELS = ['LoC', 'LoUIS', 'LoUU'] as const;

const RULES: Readonly<Record<UserRule, Rule>> = {
  oslsr: {
    set: (vcpu, reg, v) => (((v ^ OSLSR.OSLM) & ~OSLSR.OSLK) !== 0n ? -Errno.EINVAL : keep(vcpu, reg, v)),
  },
  // The cache hierarchy may not imply more than the host's CTR_EL0.IDC promises.
  clidr: {
    set(vcpu, reg, v) {
      const [loc, louis, louu] = CLIDR_LEVELS.map((f) => readField(v, fieldOf('CLIDR_EL1', f)));
      const impliesIdc = loc === 0 || (louis === 0 && louu === 0);
      const hostIdc = readField(vcpu.vm.host.sanitised('CTR_EL0'), fieldOf('CTR_EL0', 'IDC')) === 1;
      return (v & res0Of('CLIDR_EL1')) !== 0n || (impliesIdc && !hostIdc) ? -Errno.EINVAL : keep(vcpu, reg, v);
    },
  },
  // Writing a counter moves it for the whole VM, unless an offset was fixed for it.
  virtualCounter: {
    get: ({ vm, sys }) => BigInt.asUintN(64, vm.counter() - virtualOffset(vm, sys)),
    set: ({ vm }, _reg, v) => setOffset(vm, holds(vm, 'el2') ? 'physicalOffset' : 'virtualOffset', v),
  },
  physicalCounter: {
    get: ({ vm }) => BigInt.asUintN(64, vm.counter() - vm.physicalOffset),
    set: ({ vm }, _reg, v) => setOffset(vm, 'physicalOffset', v),
  },
  timerControl: { set: (vcpu, reg, v) => keep(vcpu, reg, v & ~TIMER_ISTATUS) },
  pmuMask: {
    get: (vcpu, reg) => stored(vcpu, reg) & accessibleCounters(vcpu),
    set: (vcpu, reg, v) => keep(vcpu, reg, v & accessibleCounters(vcpu)),
  },
  pmuCounter: { get: (vcpu, reg) => readCounter(vcpu, reg.name, stored(vcpu, reg)) },
  pmcr: {
    get: (vcpu) => readPmcr(vcpu),
    set(vcpu, _reg, v) {
      writePmcr(vcpu, v);
      return 0;
    },
  },
  razWi: { get: () => 0n, set: () => 0 },
};

/** A guest hypervisor's virtual counter is the physical one of the VM minus what it wrote itself. @linux timer_get_offset */
function virtualOffset(vm: VmRegs, sys: BigUint64Array): bigint {
  return holds(vm, 'el2') ? vm.physicalOffset + sys[sysRegSlot('CNTVOFF_EL2')]! : vm.virtualOffset;
}
function setOffset(vm: VmRegs, which: 'virtualOffset' | 'physicalOffset', value: bigint): number {
  if (!vm.counterOffsetFixed) vm[which] = BigInt.asUintN(64, vm.counter() - value);
  return 0;
}

// CCSIDR_EL1 by the value of CSSELR_EL1.

/** Levels 1 to 7, data and instruction. @linux CSSELR_MAX */
export const CSSELR_MAX = 14;
const CCSIDR = ID_REGS.CCSIDR_EL1.fields;

/** log2 of the smallest line of a cache, in bytes; odd selections are instruction caches. */
function minLine(vm: VmRegs, csselr: number): number {
  const ctr = vm.host.sanitised('CTR_EL0');
  return readField(ctr, fieldOf('CTR_EL0', csselr & 1 ? 'IminLine' : 'DminLine')) + 2;
}
/** One set, one way, the smallest line: guests should not maintain caches by set and way. @linux get_ccsidr */
export function getCcsidr(vcpu: VcpuRegs, csselr: number): number {
  return vcpu.ccsidr?.[csselr] ?? (minLine(vcpu.vm, csselr) - 4) & 7;
}
/** Any geometry, as long as lines are not shorter than the host's. @returns 0 or -EINVAL. @linux set_ccsidr */
export function setCcsidr(vcpu: VcpuRegs, csselr: number, value: number): number {
  if (readField(BigInt(value), CCSIDR.LineSize) + 4 < minLine(vcpu.vm, csselr)) return -Errno.EINVAL;
  if (!vcpu.ccsidr) {
    if (value === getCcsidr(vcpu, csselr)) return 0;
    vcpu.ccsidr = Uint32Array.from({ length: CSSELR_MAX }, (_, i) => getCcsidr(vcpu, i));
  }
  vcpu.ccsidr[csselr] = value;
  return 0;
}
