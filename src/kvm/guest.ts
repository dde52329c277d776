// KVM_{GET,SET}_ONE_REG: which class does an id belong to, and the class of core registers itself. The other classes are
// sys_regs.ts, sve_regs.ts and fw_regs.ts. Expects an initialised vCPU; knows nothing of user memory.

import { extract } from '../base/bits.ts';
import { Errno } from '../base/hostfile.ts';
import { CORE_REG, isArm64Reg, type RegSize, regClass, regId, regIndex, regSize } from '../uapi/reg_id.ts';
import { getFwReg, setFwReg } from './fw_regs.ts';
import type { VcpuRegs } from './regs_state.ts';
import { getSveReg, setSveReg } from './sve_regs.ts';
import { type CORE_SYS_REGS, sysRegSlot } from './sys_reg_table.ts';
import { CSSELR_MAX, getCcsidr, getSysReg, setCcsidr, setSysReg } from './sys_regs.ts';
import { holds } from './vm_features.ts';

/**
 * @returns the register's bytes, little-endian, regSize(id) of them, or a negative errno
 * @linux kvm_arm_get_reg
 */
export function getOneReg(vcpu: VcpuRegs, id: bigint): Uint8Array | number {
  const bad = checkId(id);
  if (bad !== 0) return bad;
  switch (regClass(id)) {
    case 'CORE':
      return getCoreReg(vcpu, id);
    case 'FW':
    case 'FW_FEAT_BMAP':
      return bytes(getFwReg(vcpu, id), id);
    case 'SVE':
      return getSveReg(vcpu, id);
    case 'DEMUX': {
      const csselr = demuxIndex(id);
      return csselr < 0 ? csselr : bytes(BigInt(getCcsidr(vcpu, csselr)), id);
    }
    case 'SYSREG':
      return regSize(id) === 8 ? bytes(getSysReg(vcpu, id), id) : -Errno.ENOENT;
    default:
      return -Errno.ENOENT;
  }
}

/**
 * @param data regSize(id) bytes, little-endian
 * @returns 0 or a negative errno
 * @linux kvm_arm_set_reg
 */
export function setOneReg(vcpu: VcpuRegs, id: bigint, data: Uint8Array): number {
  const bad = checkId(id);
  if (bad !== 0) return bad;
  switch (regClass(id)) {
    case 'CORE':
      return setCoreReg(vcpu, id, data);
    case 'FW':
    case 'FW_FEAT_BMAP':
      return setFwReg(vcpu, id, word(data));
    case 'SVE':
      return setSveReg(vcpu, id, data);
    case 'DEMUX': {
      const csselr = demuxIndex(id);
      return csselr < 0 ? csselr : setCcsidr(vcpu, csselr, Number(word(data)));
    }
    case 'SYSREG':
      return regSize(id) === 8 ? setSysReg(vcpu, id, word(data)) : -Errno.ENOENT;
    default:
      return -Errno.ENOENT;
  }
}

/** Another architecture's ids, and ids with bits that no class uses. */
function checkId(id: bigint): number {
  if (!isArm64Reg(id)) return -Errno.EINVAL;
  return extract(id, 31, 28) === 0n ? 0 : regClass(id) === 'SVE' ? -Errno.EINVAL : -Errno.ENOENT;
}

/** CSSELR value of a CCSIDR id, or -ENOENT. @linux demux_c15_get */
function demuxIndex(id: bigint): number {
  const index = regIndex(id);
  return regSize(id) === 4 && index < CSSELR_MAX ? index : -Errno.ENOENT;
}

/** A value as the bytes of its register, or the errno it is. */
function bytes(value: bigint | number, id: bigint): Uint8Array | number {
  if (typeof value === 'number') return value;
  const out = new Uint8Array(regSize(id));
  if (out.length === 4) new DataView(out.buffer).setUint32(0, Number(value), true);
  else new DataView(out.buffer).setBigUint64(0, value, true);
  return out;
}
function word(data: Uint8Array): bigint {
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  if (data.length >= 8) return view.getBigUint64(0, true);
  return data.length === 4 ? BigInt(view.getUint32(0, true)) : 0n; // no register is shorter
}

// Core registers: the index is an offset into struct kvm_regs, counted in 32-bit words.

const CORE_WORDS = 216;
const SYS_BY_INDEX = new Map<number, (typeof CORE_SYS_REGS)[number]>([
  [CORE_REG.SP_EL1, 'SP_EL1'],
  [CORE_REG.ELR_EL1, 'ELR_EL1'],
  [CORE_REG.SPSR_EL1, 'SPSR_EL1'],
]);

/** Bytes of the register at an index, or 0 where none begins: with SVE the Z registers stand for V. @linux core_reg_size_from_offset */
function coreSize(index: number, sve: boolean): 0 | 4 | 8 | 16 {
  if (index < CORE_REG.SPSR_FIQ + 2) return index % 2 === 0 ? 8 : 0;
  if (index >= CORE_REG.V0 && index < CORE_REG.FPSR) return index % 4 === 0 && !sve ? 16 : 0;
  return index === CORE_REG.FPSR || index === CORE_REG.FPCR ? 4 : 0;
}
const SIZE_NAME: Readonly<Record<4 | 8 | 16, RegSize>> = { 4: 'U32', 8: 'U64', 16: 'U128' };

function listCore(sve: boolean): readonly bigint[] {
  const ids: bigint[] = [];
  for (let i = 0; i < CORE_WORDS; i++) {
    const size = coreSize(i, sve);
    if (size !== 0) ids.push(regId(SIZE_NAME[size], 'CORE', i));
  }
  return ids;
}
const CORE_IDS = listCore(false);
const CORE_IDS_SVE = listCore(true);
/** @linux copy_core_reg_indices */
export function coreRegIds(vcpu: VcpuRegs): readonly bigint[] {
  return holds(vcpu.vm, 'sve') ? CORE_IDS_SVE : CORE_IDS;
}

/** The index, or -ENOENT outside the structure and -EINVAL for a wrong size or a place between registers. */
function coreIndex(vcpu: VcpuRegs, id: bigint): number {
  const index = regIndex(id);
  const size = regSize(id);
  if (index >= CORE_WORDS || index + Math.floor(size / 4) >= CORE_WORDS) return -Errno.ENOENT;
  return coreSize(index, holds(vcpu.vm, 'sve')) === size ? index : -Errno.EINVAL;
}

function getCoreReg(vcpu: VcpuRegs, id: bigint): Uint8Array | number {
  const index = coreIndex(vcpu, id);
  if (index < 0) return index;
  if (regSize(id) === 16) {
    const at = ((index - CORE_REG.V0) / 4) * 256;
    return vcpu.vectors.slice(at, at + 16);
  }
  return bytes(readCore(vcpu, index), id);
}
function readCore(vcpu: VcpuRegs, index: number): bigint {
  const { core } = vcpu;
  if (index < CORE_REG.SP_EL0) return core.x[index / 2]!;
  const sys = SYS_BY_INDEX.get(index);
  if (sys) return vcpu.sys[sysRegSlot(sys)]!;
  switch (index) {
    case CORE_REG.SP_EL0:
      return core.spEl0;
    case CORE_REG.PC:
      return core.pc;
    case CORE_REG.PSTATE:
      return core.pstate;
    case CORE_REG.FPSR:
      return BigInt(core.fpsr);
    case CORE_REG.FPCR:
      return BigInt(core.fpcr);
    default:
      return core.spsrBanked[(index - CORE_REG.SPSR_ABT) / 2]!;
  }
}

function setCoreReg(vcpu: VcpuRegs, id: bigint, data: Uint8Array): number {
  const index = coreIndex(vcpu, id);
  if (index < 0) return index;
  if (regSize(id) === 16) vcpu.vectors.set(data.subarray(0, 16), ((index - CORE_REG.V0) / 4) * 256);
  else {
    const value = word(data);
    if (index === CORE_REG.PSTATE && !isModeValid(vcpu, value)) return -Errno.EINVAL;
    writeCore(vcpu, index, value);
  }
  narrowForAArch32(vcpu);
  return 0;
}
function writeCore(vcpu: VcpuRegs, index: number, value: bigint): void {
  const { core } = vcpu;
  const sys = SYS_BY_INDEX.get(index);
  if (index < CORE_REG.SP_EL0) core.x[index / 2] = value;
  else if (sys) vcpu.sys[sysRegSlot(sys)] = value;
  else if (index === CORE_REG.SP_EL0) core.spEl0 = value;
  else if (index === CORE_REG.PC) core.pc = value;
  else if (index === CORE_REG.PSTATE) core.pstate = value;
  else if (index === CORE_REG.FPSR) core.fpsr = Number(value);
  else if (index === CORE_REG.FPCR) core.fpcr = Number(value);
  else core.spsrBanked[(index - CORE_REG.SPSR_ABT) / 2] = value;
}

/** PSTATE.M, five bits. */
const MODE = {
  EL0t: 0, EL1t: 4, EL1h: 5, EL2t: 8, EL2h: 9,
  USR: 16, FIQ: 17, IRQ: 18, SVC: 19, ABT: 23, UND: 27, SYS: 31,
} as const; // biome-ignore format: a table
const MODE32 = 16n;
const modeOf = (pstate: bigint): number => Number(pstate & 0x1fn);

/** Whether this vCPU may be in the mode that a PSTATE names. @linux set_core_reg */
function isModeValid(vcpu: VcpuRegs, pstate: bigint): boolean {
  const is32 = holds(vcpu.vm, 'el1_32');
  switch (modeOf(pstate)) {
    case MODE.USR:
      return vcpu.vm.host.hasEl0_32;
    case MODE.FIQ:
    case MODE.IRQ:
    case MODE.SVC:
    case MODE.ABT:
    case MODE.UND:
    case MODE.SYS:
      return is32;
    case MODE.EL2h:
    case MODE.EL2t:
      return holds(vcpu.vm, 'el2') && !is32;
    case MODE.EL0t:
    case MODE.EL1t:
    case MODE.EL1h:
      return !is32;
    default:
      return false;
  }
}
/** In AArch32 state the registers it can see have 32 bits. */
function narrowForAArch32({ core }: VcpuRegs): void {
  if ((core.pstate & MODE32) === 0n) return;
  const mode = modeOf(core.pstate);
  const visible = mode === MODE.USR || mode === MODE.SYS ? 15 : 31;
  for (let i = 0; i < visible; i++) core.x[i] = BigInt.asUintN(32, core.x[i]!);
  core.pc = BigInt.asUintN(32, core.pc);
}
