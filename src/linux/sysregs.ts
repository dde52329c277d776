// System registers and instructions as a program at EL0 finds them under Linux: what the kernel lets through, what it
// emulates, and UNDEFINED for the rest. @linux cpu_enable_*, emulate_mrs, el0_sys

import { enc, encParts } from '../arch/schema.ts';
import { fieldMask } from '../base/bits.ts';
import type { SystemHooks } from '../cpu/engine.ts';
import type { Has } from '../cpu/needs.ts';
import { type CpuState, Slot } from '../cpu/state.ts';
import { COUNTER_HZ } from './clock.ts';
import type { Machine } from './machine.ts';
import { userIdRegister } from './user_id.ts';

const CACHE_LINE = 64;
/**
 * Our choice: programs see CTR_EL0.DIC = 0, as on a system whose kernel hides it, and therefore invalidate by IC IVAU
 * what they wrote. Decoded code would otherwise have to be guarded against every store.
 */
const CTR_DIC = 1n << 29n;
// biome-ignore format: a table
const Reg = {
  CTR_EL0: enc(3, 3, 0, 0, 1), DCZID_EL0: enc(3, 3, 0, 0, 7),
  RNDR: enc(3, 3, 2, 4, 0), RNDRRS: enc(3, 3, 2, 4, 1),
  NZCV: enc(3, 3, 4, 2, 0), DIT: enc(3, 3, 4, 2, 5), SSBS: enc(3, 3, 4, 2, 6), TCO: enc(3, 3, 4, 2, 7),
  FPCR: enc(3, 3, 4, 4, 0), FPSR: enc(3, 3, 4, 4, 1), FPMR: enc(3, 3, 4, 4, 2),
  TPIDR_EL0: enc(3, 3, 13, 0, 2), TPIDRRO_EL0: enc(3, 3, 13, 0, 3), TPIDR2_EL0: enc(3, 3, 13, 0, 5),
  CNTFRQ_EL0: enc(3, 3, 14, 0, 0), CNTVCT_EL0: enc(3, 3, 14, 0, 2), CNTVCTSS_EL0: enc(3, 3, 14, 0, 6),
} as const;
// biome-ignore format: a table
const Op = {
  CFP_RCTX: enc(1, 3, 7, 3, 4), DVP_RCTX: enc(1, 3, 7, 3, 5), CPP_RCTX: enc(1, 3, 7, 3, 7),
  IC_IVAU: enc(1, 3, 7, 5, 1), DC_CVAC: enc(1, 3, 7, 10, 1), DC_CVAU: enc(1, 3, 7, 11, 1),
  DC_CVAP: enc(1, 3, 7, 12, 1), DC_CVADP: enc(1, 3, 7, 13, 1), DC_CIVAC: enc(1, 3, 7, 14, 1),
} as const;

/** Bits of PSTATE that have a register of their own. */
const PSTATE_BITS: ReadonlyMap<
  number,
  { readonly bit: number; readonly feat: 'FEAT_DIT' | 'FEAT_SSBS2' | 'FEAT_MTE' }
> = new Map([
  [Reg.DIT, { bit: 24, feat: 'FEAT_DIT' }],
  [Reg.SSBS, { bit: 12, feat: 'FEAT_SSBS2' }],
  [Reg.TCO, { bit: 25, feat: 'FEAT_MTE' }],
]);
const EC_DATA_ABORT = 0x24;
const ISS_CM = 1 << 8;

/** FPCR bits that exist: DN, FZ, AHP, RMode always, others by feature. */
function fpcrMask(has: Has): bigint {
  let m = fieldMask(26, 22);
  if (has('FEAT_FP16')) m |= fieldMask(19, 19); // FZ16
  if (has('FEAT_EBF16')) m |= fieldMask(13, 13);
  if (has('FEAT_AFP')) m |= fieldMask(2, 0); // NEP, AH, FIZ
  return m;
}

export function linuxHooks(m: Machine): SystemHooks {
  const read = m.readId;
  const has: Has = (feat) => m.facts.has(feat);
  const fpcr = fpcrMask(has);
  const undefinedAt = (cpu: CpuState): undefined => {
    cpu.exception = { ec: 0, iss: 0, far: 0n, ipa: 0n, toEl2: false };
    return undefined;
  };
  const hasRng = has('FEAT_RNG');
  const hasEcv = has('FEAT_ECV');
  const cacheOps = new Set<number>([Op.DC_CVAC, Op.DC_CVAU, Op.DC_CIVAC]);
  if (has('FEAT_DPB')) cacheOps.add(Op.DC_CVAP);
  if (has('FEAT_DPB2')) cacheOps.add(Op.DC_CVADP);
  const restrictions = new Set<number>(has('FEAT_SPECRES') ? [Op.CFP_RCTX, Op.DVP_RCTX, Op.CPP_RCTX] : []);

  /** Cache maintenance by address needs the address to be readable. */
  const touch = (cpu: CpuState, addr: bigint): boolean => {
    const mm = m.scheduler.current?.mm;
    if (!mm) return false;
    const t = mm.translate(addr, 'read');
    if (t.ok) return true;
    cpu.exception = { ec: EC_DATA_ABORT, iss: t.iss | ISS_CM, far: addr, ipa: 0n, toEl2: false };
    return false;
  };

  return {
    resume: (cpu, reason) => m.scheduler.resumeRun(cpu, reason),
    readSysreg(cpu, reg) {
      switch (reg) {
        case Reg.CTR_EL0:
          return read(reg) & ~CTR_DIC;
        case Reg.DCZID_EL0:
          return read(reg);
        case Reg.CNTFRQ_EL0:
          return COUNTER_HZ;
        case Reg.CNTVCT_EL0:
          return m.clock.counter();
        case Reg.CNTVCTSS_EL0:
          return hasEcv ? m.clock.counter() : undefinedAt(cpu);
        case Reg.RNDR:
        case Reg.RNDRRS:
          if (!hasRng) return undefinedAt(cpu);
          cpu.nzcv = 0; // always successful
          return m.rng.next64();
        case Reg.FPCR:
          return cpu.get(Slot.FPCR);
        case Reg.FPSR:
          return cpu.get(Slot.FPSR);
        case Reg.FPMR:
          return m.hasFpmr ? cpu.get(Slot.FPMR) : undefinedAt(cpu);
        case Reg.TPIDR_EL0:
          return cpu.get(Slot.TPIDR_EL0);
        case Reg.TPIDRRO_EL0:
          return cpu.get(Slot.TPIDRRO_EL0);
        case Reg.NZCV:
          return BigInt(cpu.nzcv) << 28n;
      }
      const bit = PSTATE_BITS.get(reg);
      if (bit && has(bit.feat)) return cpu.get(Slot.PSTATE) & (1n << BigInt(bit.bit));
      return userIdRegister(reg, read) ?? undefinedAt(cpu);
    },
    writeSysreg(cpu, reg, value) {
      switch (reg) {
        case Reg.FPCR:
          cpu.set(Slot.FPCR, value & fpcr);
          return true;
        case Reg.FPSR:
          cpu.set(Slot.FPSR, value & 0x0800_009fn);
          return true;
        case Reg.FPMR:
          if (!m.hasFpmr) break;
          cpu.set(Slot.FPMR, value);
          return true;
        case Reg.TPIDR_EL0:
          cpu.set(Slot.TPIDR_EL0, value);
          return true;
        case Reg.NZCV:
          cpu.nzcv = Number((value >> 28n) & 15n);
          return true;
      }
      const bit = PSTATE_BITS.get(reg);
      if (bit && has(bit.feat)) {
        const b = 1n << BigInt(bit.bit);
        cpu.set(Slot.PSTATE, (cpu.get(Slot.PSTATE) & ~b) | (value & b));
        return true;
      }
      undefinedAt(cpu);
      return false;
    },
    system(cpu, op, value) {
      if (encParts(op)[0] !== 1) return undefinedAt(cpu); // MSR (immediate): nothing else is for EL0
      if (restrictions.has(op)) return 0n;
      if (op === Op.IC_IVAU) {
        if (!touch(cpu, value)) return undefined;
        m.scheduler.current?.mm.invalidateCode(Number(value & 0xffff_ffff_ffffn), CACHE_LINE);
        return 0n;
      }
      if (cacheOps.has(op)) return touch(cpu, value) ? 0n : undefined; // memory is coherent: nothing to clean
      return undefinedAt(cpu);
    },
  };
}
