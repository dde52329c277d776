// May this level touch this register or operation, and if not, who is told? One decision from the rows of arch/, read
// through a View: the PE asks with its real EL2 registers, nested KVM with a guest hypervisor's. Knows no storage.

import { CONTROL_REGS, type ControlRegName } from '../arch/control_regs.ts';
import { issOfSysreg } from '../arch/esr.ts';
import { type Condition, type ControlBit, type ControlReg, encParts, type TrapRef } from '../arch/schema.ts';
import { spacesAt } from '../arch/spaces.ts';
import type { Operation, Register } from '../arch/sysregs.ts';
import { type Has, meets } from './resx.ts';

/** What the decision is read from. */
export interface View {
  /** What the machine has as the accessing software may know it. */
  readonly has: Has;
  /** What the machine that owns EL2 has: whether trap controls exist. */
  readonly hardware: Has;
  /** A control register's value, reserved bits applied. */
  control(name: ControlRegName): bigint;
  /** ICC_SRE_EL1.SRE, ICC_SRE_EL2.Enable. */
  readonly iccSre: boolean;
  readonly iccSreEnable: boolean;
}

export type Verdict =
  | 'ok'
  | 'undef'
  /** `iss` without Rt for EC 0x18. */
  | { readonly to: 1 | 2; readonly ec: number; readonly iss: number };

const EC_SYS64 = 0x18;
const EC_FP = 0x07;
const ISS_FP = 0x1e00000;
const EC_SVE = 0x19;
const EC_SME = 0x1d;
const READ_FGT = ['HFGRTR_EL2', 'HFGRTR2_EL2', 'HDFGRTR_EL2', 'HDFGRTR2_EL2', 'HAFGRTR_EL2', 'ICH_HFGRTR_EL2'] as const;
const WRITE_FGT = ['HFGWTR_EL2', 'HFGWTR2_EL2', 'HDFGWTR_EL2', 'HDFGWTR2_EL2', 'ICH_HFGWTR_EL2'] as const;
const INSN_FGT = ['HFGITR_EL2', 'HFGITR2_EL2', 'ICH_HFGITR_EL2'] as const;

const rowOf = (name: ControlRegName): ControlReg => CONTROL_REGS[name];

/** The decisions for one view. Controls are read at each call. */
export class AccessRules {
  private readonly view: View;
  constructor(view: View) {
    this.view = view;
  }

  private bit(name: ControlRegName, bit: string): ControlBit | undefined {
    const row = rowOf(name);
    return ((!this.e2h && row.e2h0) || row.fields)[bit];
  }
  private get e2h(): boolean {
    return ((this.view.control('HCR_EL2') >> 34n) & 1n) === 1n;
  }
  private field(name: ControlRegName, bit: string): number {
    const f = this.bit(name, bit);
    if (!f) return 0;
    return Number((this.view.control(name) >> BigInt(f.lo)) & ((1n << BigInt(f.hi - f.lo + 1)) - 1n));
  }
  /** Whether a control, by its polarity, traps. One that does not exist does not. */
  traps(path: string): boolean {
    const [name, bit] = path.split('.') as [ControlRegName, string];
    const f = this.bit(name, bit);
    if (!f) return false;
    const row = rowOf(name);
    const has = row.el >= 2 ? this.view.hardware : this.view.has;
    if (!meets(row.feat, has) || !meets(f.need, has)) return false;
    const set = ((this.view.control(name) >> BigInt(f.lo)) & 1n) === 1n;
    return f.role === 'en' ? !set : f.role === 'trap' ? set : false;
  }

  // ---- registers ------------------------------------------------------------------------------------------------------

  /** @param row undefined: no register stands at the encoding */
  register(row: Register | undefined, encoding: number, isRead: boolean, el: 0 | 1): Verdict {
    const { view } = this;
    const sys = { ec: EC_SYS64, iss: issOfSysreg(encoding, 0, isRead) };
    const idSpace = isRead && isIdSpace(encoding);
    if (el === 0 && idSpace && (!row || row.el > 0)) {
      return view.has('FEAT_IDST') ? { to: 1, ...sys } : 'undef';
    }
    for (const space of spacesAt(encoding)) {
      if (el < space.el || (space.on === 'r' && !isRead)) continue;
      for (const control of space.traps) {
        const to = levelOf(control);
        if ((to === 1 && el === 1) || !this.traps(control)) continue;
        return { to, ...sys };
      }
    }
    // Encodings kept for feature identification read as zero, or are reported by FEAT_IDST like those of EL0.
    if (!row || !meets(row.feat, view.has)) {
      if (!idSpace || el === 0 || (row && row.table !== 'id')) return 'undef';
      if (encParts(encoding)[1] === 0) return 'ok';
      return view.has('FEAT_IDST') ? { to: 1, ...sys } : 'undef';
    }
    if ((isRead && row.access === 'wo') || (!isRead && row.access === 'ro')) return 'undef';
    if (row.el > el) {
      if (el === 1 && row.el === 2 && !row.noNv && this.traps('HCR_EL2.NV')) return { to: 2, ...sys };
      return 'undef';
    }
    if (!isRead && row.writeFrom !== undefined && el < row.writeFrom) return 'undef';
    for (const t of row.traps) {
      const v = this.trapRef(t, row, encoding, isRead, el);
      if (v !== undefined) return v;
    }
    return 'ok';
  }

  private trapRef(t: TrapRef, row: Register, encoding: number, isRead: boolean, el: 0 | 1): Verdict | undefined {
    const sys = (to: 1 | 2): Verdict => ({ to, ec: EC_SYS64, iss: issOfSysreg(encoding, 0, isRead) });
    if (typeof t === 'object' && 'cond' in t) return this.condition(t.cond, row, sys, el);
    if (typeof t === 'object' && 'fgt' in t) {
      if (t.on !== 'rw' && (t.on === 'r') !== isRead) return undefined;
      const bit = t.fgt.replace('<n>', String(row.index ?? 0));
      return this.fineGrained(isRead ? READ_FGT : WRITE_FGT, bit) ? sys(2) : undefined;
    }
    const named = typeof t === 'string' ? t : isRead ? t.r : t.w;
    if (named === undefined) return undefined;
    const controls = typeof named === 'string' ? [named] : named;
    const to = levelOf(controls[0]!);
    if (to === 1 && el === 1) return undefined;
    return controls.every((c) => this.traps(c)) ? sys(to) : undefined;
  }
  /** Whether a bit of the fine-grained trap registers traps. */
  fineGrained(registers: readonly ControlRegName[], bit: string): boolean {
    const name = registers.find((r) => rowOf(r).fields[bit]);
    return name !== undefined && this.traps(`${name}.${bit}`);
  }
  /** Whether an instruction that has a bit in HFGITR_EL2 traps: ERET, SVC_EL0, SVC_EL1. */
  instruction(bit: string): boolean {
    return this.fineGrained(INSN_FGT, bit);
  }

  private condition(c: Condition, row: Register, sys: (to: 1 | 2) => Verdict, el: 0 | 1): Verdict | undefined {
    const hcr = this.view.control('HCR_EL2');
    const on = (bit: bigint): boolean => ((hcr >> bit) & 1n) === 1n;
    const [nv, nv1, nv2] = [on(42n), on(43n), on(45n)];
    switch (c) {
      case 'FPEN':
        return this.fp(el);
      case 'ZEN':
        return this.vector('ZEN', 'TZ', EC_SVE, el);
      case 'SMEN':
        return this.vector('SMEN', 'TSM', EC_SME, el);
      case 'TTA':
        return this.traps('CPACR_EL1.TTA') ? sys(1) : undefined;
      case 'NV1':
        return el === 1 && nv && nv1 && !nv2 ? sys(2) : undefined;
      case 'NV_without_NV2':
        return el === 1 && nv && !nv2 ? sys(2) : undefined;
      case 'MDCR_HPMN':
        return (row.index ?? 0) >= this.field('MDCR_EL2', 'HPMN') ? sys(2) : undefined;
      case 'CNTHCTL_EL1NVPCT':
      case 'CNTHCTL_EL1NVVCT':
        return undefined;
      case 'ICC_SRE':
        if (row.name === 'ICC_SRE_EL1') return this.view.iccSreEnable ? undefined : sys(2);
        return this.view.iccSre ? undefined : 'undef';
      case 'OS_DOUBLE_LOCK':
        return (this.view.control('MDCR_EL2') >> 10n) & 1n ? sys(2) : undefined;
    }
  }

  // ---- FP and SIMD, SVE, SME ------------------------------------------------------------------------------------------------

  /** @returns the exception that an FP or SIMD instruction takes. @arm CheckFPEnabled64 */
  fp(el: 0 | 1): Verdict | undefined {
    return this.vector('FPEN', 'TFP', EC_FP, el, ISS_FP);
  }
  /** @returns the exception that an SVE instruction takes: at each level first by ZEN, then by FPEN. @arm CheckSVEEnabled */
  sve(el: 0 | 1): Verdict | undefined {
    return (
      this.vectorAtEl1('ZEN', EC_SVE, el) ??
      this.vectorAtEl1('FPEN', EC_FP, el, ISS_FP) ??
      this.vectorAtEl2('ZEN', 'TZ', EC_SVE) ??
      this.vectorAtEl2('FPEN', 'TFP', EC_FP, ISS_FP)
    );
  }
  private vector(enable: string, trap: string, ec: number, el: 0 | 1, iss = 0): Verdict | undefined {
    return this.vectorAtEl1(enable, ec, el, iss) ?? this.vectorAtEl2(enable, trap, ec, iss);
  }
  private vectorAtEl1(enable: string, ec: number, el: 0 | 1, iss = 0): Verdict | undefined {
    const own = this.field('CPACR_EL1', enable);
    return (own & 1) === 0 || (own === 1 && el === 0) ? { to: 1, ec, iss } : undefined;
  }
  private vectorAtEl2(enable: string, trap: string, ec: number, iss = 0): Verdict | undefined {
    const closed = this.e2h ? (this.field('CPTR_EL2', enable) & 1) === 0 : this.traps(`CPTR_EL2.${trap}`);
    return closed ? { to: 2, ec, iss } : undefined;
  }

  // ---- operations -------------------------------------------------------------------------------------------------------------

  operation(op: Operation | undefined, encoding: number, isRead: boolean, el: 0 | 1): Verdict {
    const { view } = this;
    const sys = (to: 1 | 2): Verdict => ({ to, ec: EC_SYS64, iss: issOfSysreg(encoding, 0, isRead) });
    const [, , CRn] = encParts(encoding);
    if (CRn === 11 || CRn === 15) {
      if (el === 0 && this.traps('SCTLR_EL1.TIDCP')) return sys(1);
      return this.traps('HCR_EL2.TIDCP') ? sys(2) : 'undef';
    }
    if (!op || op.result !== isRead || !meets(op.feat, view.has)) return 'undef';
    if (op.nxsOf !== undefined && !view.has('FEAT_XS')) return 'undef';
    if (op.el > el) return el === 1 && op.el === 2 && this.traps('HCR_EL2.NV') ? sys(2) : 'undef';
    for (const control of op.traps) {
      const to = levelOf(control);
      if ((to === 1 && el === 1) || !this.traps(control)) continue;
      return sys(to);
    }
    if (op.nv && el === 1 && this.traps('HCR_EL2.NV')) return sys(2);
    const exempt = op.nxsOf !== undefined && this.field('HCRX_EL2', 'FGTnXS') === 1;
    if (op.fgt !== undefined && !exempt && this.instruction(op.fgt)) return sys(2);
    return 'ok';
  }
}

/** The level that a control traps to. */
function levelOf(control: string): 1 | 2 {
  const name = control.slice(0, control.indexOf('.')) as ControlRegName;
  return rowOf(name).el >= 2 ? 2 : 1;
}
/** The space of registers whose reads at EL0 FEAT_IDST reports. */
function isIdSpace(encoding: number): boolean {
  const [op0, op1, CRn, CRm] = encParts(encoding);
  return op0 === 3 && (op1 === 0 || op1 === 1 || op1 === 3) && CRn === 0 && CRm <= 7;
}
