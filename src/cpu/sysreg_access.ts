// May this level touch this register or operation, and if not, who is told? One decision from the rows of arch/, read
// through a View: the PE asks with its real EL2 registers, nested KVM with a guest hypervisor's. Knows no storage.

import { CONTROL_REGS, type ControlRegName } from '../arch/control_regs.ts';
import { EC, ISS, issOfSysreg } from '../arch/esr.ts';
import { CONDITIONS, type Condition, type ControlBit, type ControlReg, encParts } from '../arch/schema.ts';
import type { Operation, Register } from '../arch/sysregs.ts';
import {
  type ControlQuestion, type ControlRef, controlRef, fineRef, type Grain, INSN_FGT, operationQuestions, type Question, type Questions, registerQuestions,
} from './access_questions.ts'; // biome-ignore format: one list
import { type Has, meets } from './needs.ts';

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
  /** PMSELR_EL0.SEL: the counter that PMXEVCNTR_EL0 and PMXEVTYPER_EL0 reach. Default 0. */
  readonly pmsel?: number;
}

/** The level of an access. EL0 is "in host" while HCR_EL2.{E2H,TGE} = {1,1}. */
export type Level = 0 | 1 | 2;

export type Verdict =
  | 'ok'
  | 'undef'
  /** `iss` without Rt for EC 0x18. */
  | { readonly to: 1 | 2; readonly ec: number; readonly iss: number };

/** Something that was asked on the way to a decision. */
export interface Asked {
  /** 'HCRX_EL2.EnFPM', or a condition in words. */
  readonly what: string;
  readonly grain: Grain | 'condition' | 'existence';
  /** The control's value; undefined where it is not one control. */
  readonly value?: number;
  /** The control does not exist here: what it needs is absent. */
  readonly absent?: true;
  /** What follows from it, if anything does. */
  readonly verdict: Verdict | undefined;
}
/** Is told about each thing that is asked, in order. */
export type Note = (asked: Asked) => void;
const unheard: Note = () => {};

const ISS_FP = (1 << ISS.FP_ASIMD.CV) | (14 << ISS.FP_ASIMD.COND[1]);
const controlRow = (name: ControlRegName): ControlReg => CONTROL_REGS[name];
const mask = (f: ControlBit): bigint => (1n << BigInt(f.hi - f.lo + 1)) - 1n;

/** The decisions for one view. Controls are read at each call. */
export class AccessRules {
  private readonly view: View;
  constructor(view: View) {
    this.view = view;
  }

  // ---- controls -------------------------------------------------------------------------------------------------------

  private bit(name: ControlRegName, bit: string): ControlBit | undefined {
    const row = controlRow(name);
    return ((!this.e2h && row.e2h0) || row.fields)[bit];
  }
  private hcr(bit: keyof (typeof CONTROL_REGS)['HCR_EL2']['fields']): boolean {
    return ((this.view.control('HCR_EL2') >> BigInt(CONTROL_REGS.HCR_EL2.fields[bit].lo)) & 1n) === 1n;
  }
  private get e2h(): boolean {
    return this.hcr('E2H');
  }
  /** EL0 of the EL2&0 regime: an application of the host. */
  inHost(el: Level): boolean {
    return el === 0 && this.hcr('E2H') && this.hcr('TGE');
  }
  /** A control's value; 0 where the present layout does not have it. */
  field(name: ControlRegName, bit: string): number {
    const f = this.bit(name, bit);
    return f ? Number((this.view.control(name) >> BigInt(f.lo)) & mask(f)) : 0;
  }
  private exists({ reg, bit }: ControlRef): boolean {
    const f = this.bit(reg, bit);
    const row = controlRow(reg);
    const has = row.el >= 2 ? this.view.hardware : this.view.has;
    return f !== undefined && meets(row.feat, has) && meets(f.need, has);
  }
  private refTraps(ref: ControlRef): boolean {
    if (!this.exists(ref)) return false;
    const f = this.bit(ref.reg, ref.bit)!;
    const set = ((this.view.control(ref.reg) >> BigInt(f.lo)) & 1n) === 1n;
    return f.role === 'en' ? !set : f.role === 'trap' && set;
  }
  /** Whether a control, by its polarity, traps. One that does not exist does not. */
  traps(path: string): boolean {
    return this.refTraps(controlRef(path));
  }
  /** Whether an instruction that has a bit in HFGITR_EL2 traps: ERET, SVC_EL0, SVC_EL1. */
  instruction(bit: string): boolean {
    const ref = fineRef(INSN_FGT, bit);
    return ref !== undefined && this.refTraps(ref);
  }

  // ---- questions ------------------------------------------------------------------------------------------------------

  /** Under EL2&0 an EL0 control is the one of the same name in the EL2 register. */
  private standsFor(ref: ControlRef, inHost: boolean): ControlRef {
    if (!inHost) return ref;
    const twin = controlRow(ref.reg).e2h as ControlRegName | undefined;
    return twin && controlRow(twin).fields[ref.bit] ? controlRef(`${twin}.${ref.bit}`) : ref;
  }
  private controlsAnswer(q: ControlQuestion, sys: number, el: Level, note: Note): Verdict | undefined {
    const inHost = this.inHost(el);
    if (q.level === 1 && el !== 0) return undefined;
    if (q.el !== undefined && el < q.el) return undefined;
    if (q.level === 2 && (el === 2 || (inHost && !this.reachesHost(q)))) return undefined;
    const controls = q.controls.map((c) => this.standsFor(c, inHost));
    const exempt = q.unlessFgtNxs && this.field('HCRX_EL2', 'FGTnXS') === 1;
    const traps = !exempt && controls.every((c) => this.refTraps(c));
    const to = q.level === 1 && !inHost && !this.hcr('TGE') ? 1 : 2;
    const verdict: Verdict | undefined = traps ? { to, ec: EC.SYS64.ec, iss: sys } : undefined;
    if (note !== unheard) for (const c of controls) note({ ...this.valueOf(c), grain: q.grain, verdict });
    return verdict;
  }
  /** A control as it is noted. */
  valueOf(c: ControlRef): Pick<Asked, 'what' | 'value' | 'absent'> {
    return { what: c.path, value: this.field(c.reg, c.bit), ...(!this.exists(c) && { absent: true as const }) };
  }
  private reachesHost(q: ControlQuestion): boolean {
    return q.controls.every((c) => this.bit(c.reg, c.bit)?.words.includes('host-el0'));
  }
  private answer(q: Question, row: Register | undefined, sys: number, el: Level, note: Note): Verdict | undefined {
    if (q.kind === 'controls') return this.controlsAnswer(q, sys, el, note);
    const verdict = this.conditionAnswer(q.condition, row, { to: 2, ec: EC.SYS64.ec, iss: sys }, el, note);
    if (!VECTOR_CONDITIONS.has(q.condition)) note({ what: CONDITIONS[q.condition], grain: 'condition', verdict });
    return verdict;
  }
  private conditionAnswer(c: Condition, row: Register | undefined, sys: Verdict, el: Level, note: Note): Verdict | undefined {
    const nested = (counter: string): boolean =>
      el === 1 && this.e2h && !this.hcr('TGE') && this.hcr('NV') && this.hcr('NV2') && !this.hcr('NV1') && this.field('CNTHCTL_EL2', counter) === 1;
    switch (c) {
      case 'FPEN':
        return this.fp(el, note);
      case 'ZEN':
        return this.vector('ZEN', 'TZ', EC.SVE.ec, el, 0, note);
      case 'SMEN':
        return this.vector('SMEN', 'TSM', EC.SME.ec, el, 0, note);
      case 'TTA':
        return this.tta(sys as Exclude<Verdict, string>, el);
      case 'NV1':
        return el === 1 && this.hcr('NV') && this.hcr('NV1') && !this.hcr('NV2') ? sys : undefined;
      case 'NV_without_NV2':
        return el === 1 && this.hcr('NV') && !this.hcr('NV2') ? sys : undefined;
      case 'MDCR_HPMN':
        return el !== 2 && (row?.index ?? this.view.pmsel ?? 0) >= this.field('MDCR_EL2', 'HPMN') ? sys : undefined;
      case 'CNTHCTL_EL1NVPCT':
        return nested('EL1NVPCT') ? sys : undefined;
      case 'CNTHCTL_EL1NVVCT':
        return nested('EL1NVVCT') ? sys : undefined;
      case 'ICC_SRE':
        if (el === 2) return undefined;
        if (row?.name === 'ICC_SRE_EL1') return this.view.iccSreEnable ? undefined : sys;
        return this.view.iccSre ? undefined : 'undef';
    }
  } // biome-ignore format: a condition a line
  private tta(sys: Exclude<Verdict, string>, el: Level): Verdict | undefined {
    if (el < 2 && !this.inHost(el)) return this.traps('CPACR_EL1.TTA') ? { ...sys, to: 1 } : undefined;
    return this.traps('CPTR_EL2.TTA') ? sys : undefined;
  }
  private first(questions: readonly Question[], row: Register | undefined, sys: number, el: Level, note: Note): Verdict | undefined {
    for (const q of questions) {
      const v = this.answer(q, row, sys, el, note);
      if (v !== undefined) return v;
    }
    return undefined;
  } // biome-ignore format: one line

  /**
   * Of everything that may trap an access to EL2, only the fine-grained or only the coarse controls: how nested KVM asks a
   * guest hypervisor. Whether the register exists is not asked.
   */
  forwarded(q: Questions, row: Register | undefined, sys: number, el: Level, grain: Grain, note: Note = unheard): Verdict | undefined {
    const nested = el === 1 ? q.nested : [];
    const ofEl2 = (x: Question): boolean =>
      x.kind === 'controls' ? x.level === 2 && x.grain === grain : grain === 'coarse' && COARSE_CONDITIONS.has(x.condition);
    const asked = [...q.spaces, ...nested, ...q.traps].filter(ofEl2);
    return this.first(asked, row, sys, el, note);
  } // biome-ignore format: one line

  // ---- registers ------------------------------------------------------------------------------------------------------

  /** @param row undefined: no register stands at the encoding */
  register(row: Register | undefined, encoding: number, isRead: boolean, el: Level, note: Note = unheard): Verdict {
    const { view } = this;
    const iss = issOfSysreg(encoding, 0, isRead);
    const idSpace = isRead && isIdSpace(encoding);
    const reported: Verdict = view.has('FEAT_IDST') ? { to: el === 2 || this.hcr('TGE') ? 2 : 1, ec: EC.SYS64.ec, iss } : 'undef'; // biome-ignore format: one decision
    const because = (what: string, verdict: Verdict): Verdict => {
      note({ what, grain: 'existence', verdict });
      return verdict;
    };
    if (el === 0 && idSpace && (!row || row.el > 0)) return because('FEAT_IDST: identification is closed to EL0', reported);
    const { spaces, nested, traps } = registerQuestions(row, encoding, isRead);
    const space = this.first(spaces, row, iss, el, note);
    if (space !== undefined) return space;
    // Encodings kept for feature identification read as zero, or are reported by FEAT_IDST like those of EL0.
    if (!row || !meets(row.feat, view.has)) {
      const absent = row ? `${row.name} needs ${needText(row.feat)}` : 'no register has this encoding';
      if (!idSpace || el === 0 || (row && row.table !== 'id')) return because(absent, 'undef');
      if (encParts(encoding)[1] === 0) return because(`${absent}: kept for identification, reads as zero`, 'ok');
      return because(absent, reported);
    }
    if ((isRead && row.access === 'wo') || (!isRead && row.access === 'ro'))
      return because(`${row.name} is ${isRead ? 'only written' : 'only read'}`, 'undef');
    if (row.el > el || row.el === 3) {
      const v = el === 1 ? this.first(nested, row, iss, el, note) : undefined;
      return v ?? because(`${row.name} is not for EL${el}`, 'undef');
    }
    if (!isRead && row.writeFrom !== undefined && el < Math.min(row.writeFrom, 2))
      return because(`${row.name} is not written at EL${el}`, 'undef');
    if (el === 2 && encParts(encoding)[1] === 5 && !this.e2h) return because('HCR_EL2.E2H = 0: there are no aliases', 'undef');
    return this.first(traps, row, iss, el, note) ?? 'ok';
  } // biome-ignore format: one line an answer

  // ---- FP and SIMD, SVE, SME ------------------------------------------------------------------------------------------

  /** @returns the exception that an FP or SIMD instruction takes. @arm CheckFPEnabled64 */
  fp(el: Level, note: Note = unheard): Verdict | undefined {
    return this.vector('FPEN', 'TFP', EC.FP_ASIMD.ec, el, ISS_FP, note);
  }
  /**
   * The same of an SVE instruction: at each level first by ZEN, then by FPEN. Software that has no SVE has no control of
   * its own over it: what hides SVE is EL2's. @arm CheckSVEEnabled
   */
  sve(el: Level, note: Note = unheard): Verdict | undefined {
    const { FP_ASIMD, SVE } = EC;
    const own = this.view.has('FEAT_SVE')
      ? (this.vectorAtEl1('ZEN', SVE.ec, el, 0, note) ?? this.vectorAtEl1('FPEN', FP_ASIMD.ec, el, ISS_FP, note))
      : undefined;
    return (
      own ??
      this.vectorAtEl2('ZEN', 'TZ', SVE.ec, el, 0, note) ??
      this.vectorAtEl2('FPEN', 'TFP', FP_ASIMD.ec, el, ISS_FP, note)
    );
  }
  private vector(enable: string, trap: string, ec: number, el: Level, iss: number, note: Note): Verdict | undefined {
    return this.vectorAtEl1(enable, ec, el, iss, note) ?? this.vectorAtEl2(enable, trap, ec, el, iss, note);
  }
  private vectorAtEl1(enable: string, ec: number, el: Level, iss: number, note: Note): Verdict | undefined {
    if (el === 2 || this.inHost(el)) return undefined;
    return this.askVector(`CPACR_EL1.${enable}`, { to: this.hcr('TGE') ? 2 : 1, ec, iss }, el === 0, note);
  }
  private vectorAtEl2(
    enable: string,
    trap: string,
    ec: number,
    el: Level,
    iss: number,
    note: Note,
  ): Verdict | undefined {
    if (this.e2h) return this.askVector(`CPTR_EL2.${enable}`, { to: 2, ec, iss }, this.inHost(el), note);
    const ref = controlRef(`CPTR_EL2.${trap}`);
    const verdict: Verdict | undefined = this.refTraps(ref) ? { to: 2, ec, iss } : undefined;
    note({ ...this.valueOf(ref), grain: 'coarse', verdict });
    return verdict;
  }
  /** A field of two bits: x0 closes both levels, 01 EL0. */
  private askVector(path: string, closed: Verdict, closedBy01: boolean, note: Note): Verdict | undefined {
    const ref = controlRef(path);
    const value = this.field(ref.reg, ref.bit);
    const verdict = (value & 1) === 0 || (value === 1 && closedBy01) ? closed : undefined;
    note({ ...this.valueOf(ref), grain: 'coarse', verdict });
    return verdict;
  }

  // ---- operations -----------------------------------------------------------------------------------------------------

  operation(op: Operation | undefined, encoding: number, isRead: boolean, el: Level, note: Note = unheard): Verdict {
    const { view } = this;
    const iss = issOfSysreg(encoding, 0, isRead);
    const { spaces, nested, traps } = operationQuestions(op, encoding);
    const undef = (what: string): Verdict => {
      note({ what, grain: 'existence', verdict: 'undef' });
      return 'undef';
    };
    const space = this.first(spaces, undefined, iss, el, note);
    if (space !== undefined) return space;
    if (!op) return undef('no operation has this encoding');
    if (op.result !== isRead) return undef(`${op.name} ${op.result ? 'gives' : 'gives no'} result`);
    if (!meets(op.feat, view.has)) return undef(`${op.name} needs ${needText(op.feat)}`);
    if (op.nxsOf !== undefined && !view.has('FEAT_XS')) return undef(`${op.name} needs FEAT_XS`);
    if (op.el > el) {
      const v = el === 1 ? this.first(nested, undefined, iss, el, note) : undefined;
      return v ?? undef(`${op.name} is not for EL${el}`);
    }
    return this.first(traps, undefined, iss, el, note) ?? 'ok';
  }
}

/** Conditions that note their controls themselves. */
const VECTOR_CONDITIONS: ReadonlySet<Condition> = new Set(['FPEN', 'ZEN', 'SMEN']);
/** Conditions that trap to EL2 with EC 0x18. */
const COARSE_CONDITIONS: ReadonlySet<Condition> = new Set(['NV1', 'NV_without_NV2', 'MDCR_HPMN', 'CNTHCTL_EL1NVPCT', 'CNTHCTL_EL1NVVCT']); // biome-ignore format: a list

/** What a row needs, in words. */
export function needText(need: Register['feat']): string {
  if (typeof need === 'string') return need.startsWith('!') ? `no ${need.slice(1)}` : need;
  return 'any' in need ? `one of ${need.any.join(', ')}` : need.all.map((f) => needText(f)).join(' and ');
}
/** The space of registers whose reads at EL0 FEAT_IDST reports. */
function isIdSpace(encoding: number): boolean {
  const [op0, op1, CRn, CRm] = encParts(encoding);
  return op0 === 3 && (op1 === 0 || op1 === 1 || op1 === 3) && CRn === 0 && CRm <= 7;
}
