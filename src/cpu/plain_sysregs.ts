// System registers and operations that belong to the PE alone and mean the same whatever runs on it: FPCR, PSTATE bits
// with a register name, cache maintenance. Engines ask here before they ask SystemHooks.

import { enc } from '../arch/schema.ts';
import { lazy } from '../base/lazy.ts';
import { SysOpen } from '../isa/inline_sysregs.ts';
import { type CpuState, Slot } from './state.ts';

const FPCR = enc(3, 3, 4, 4, 0);
const FPMR = enc(3, 3, 4, 4, 2);

/** Bits of FPCR and the feature that each needs; AHP, DN, FZ and RMode always exist. Trapped exceptions are not implemented. */
const FPCR_ALWAYS = 0x07c0_0000n;
const FPCR_BITS: readonly (readonly [feat: string, bits: bigint])[] = [
  ['FEAT_FP16', 1n << 19n],
  ['FEAT_EBF16', 1n << 13n],
  ['FEAT_AFP', 7n],
];

/** Fields of PSTATE that any level may read and write by name: bit in SPSR_ELx, MSR (immediate) op1<<3 | op2. */
const PSTATE_FIELDS: readonly {
  readonly feat: string;
  readonly enc: number;
  readonly imm: number;
  readonly bit: bigint;
}[] = [
  { feat: 'FEAT_DIT', enc: enc(3, 3, 4, 2, 5), imm: (3 << 3) | 2, bit: 1n << 24n },
  { feat: 'FEAT_SSBS2', enc: enc(3, 3, 4, 2, 6), imm: (3 << 3) | 1, bit: 1n << 12n },
  { feat: 'FEAT_MTE', enc: enc(3, 3, 4, 2, 7), imm: (3 << 3) | 4, bit: 1n << 25n },
];

/** Cache maintenance by address that EL0 may be allowed: DC CVAC, CVAU, CVAP, CVADP, CIVAC and IC IVAU. */
const DC_BY_ADDRESS = lazy((): ReadonlySet<number> => new Set([10, 11, 12, 13, 14].map((CRm) => enc(1, 3, 7, CRm, 1))));
const IC_IVAU = enc(1, 3, 7, 5, 1);

export class PlainSysregs {
  private readonly fpcrMask: () => bigint;
  private readonly fields: typeof PSTATE_FIELDS;
  private readonly fpmr: boolean;

  constructor(has: (feature: string) => boolean) {
    this.fpcrMask = lazy(() => FPCR_BITS.reduce((mask, [feat, bits]) => (has(feat) ? mask | bits : mask), FPCR_ALWAYS));
    this.fields = PSTATE_FIELDS.filter((f) => has(f.feat));
    this.fpmr = has('FEAT_FPMR');
  }

  private field(encoding: number): (typeof PSTATE_FIELDS)[number] | undefined {
    for (const field of this.fields) if (field.enc === encoding) return field;
    return undefined;
  }
  private isOpenFpmr(cpu: CpuState, encoding: number): boolean {
    return encoding === FPMR && this.fpmr && (cpu.low(Slot.SYS_OPEN) & SysOpen.Fpmr) !== 0;
  }
  /** @returns undefined where the system is to be asked */
  read(cpu: CpuState, encoding: number): bigint | undefined {
    if (this.isOpenFpmr(cpu, encoding)) return cpu.get(Slot.FPMR);
    const field = this.field(encoding);
    return field && cpu.get(Slot.PSTATE) & field.bit;
  }
  /** @returns false where the system is to be asked. The caller has checked that FP is enabled where that matters. */
  write(cpu: CpuState, encoding: number, value: bigint): boolean {
    if (encoding === FPCR) {
      cpu.set(Slot.FPCR, value & this.fpcrMask());
      return true;
    }
    if (this.isOpenFpmr(cpu, encoding)) {
      cpu.set(Slot.FPMR, value);
      return true;
    }
    const field = this.field(encoding);
    if (!field) return false;
    cpu.set(Slot.PSTATE, (cpu.get(Slot.PSTATE) & ~field.bit) | (value & field.bit));
    return true;
  }
  /** MSR (immediate). @returns false where the system is to be asked */
  writeImmediate(cpu: CpuState, imm: number, value: number): boolean {
    const field = this.fields.find((f) => f.imm === imm);
    if (!field) return false;
    cpu.set(Slot.PSTATE, (cpu.get(Slot.PSTATE) & ~field.bit) | (value & 1 ? field.bit : 0n));
    return true;
  }
  /** What a SYS instruction is, if no control traps cache maintenance at present. */
  cacheOperation(cpu: CpuState, encoding: number): 'clean' | 'code' | undefined {
    if (!(cpu.low(Slot.SYS_OPEN) & SysOpen.Cache)) return undefined;
    return encoding === IC_IVAU ? 'code' : DC_BY_ADDRESS().has(encoding) ? 'clean' : undefined;
  }
  /** The register needs FP and SIMD to be enabled. */
  needsFp(encoding: number): boolean {
    return encoding === FPCR;
  }
}
