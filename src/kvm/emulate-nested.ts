// Whose is a trapped access? Where it came from, what the VM lacks and what a guest hypervisor has asked for decide: it is
// UNDEFINED, it goes on to virtual EL2 with the syndrome it came with, or KVM deals with it. A pure decision from the same
// rows as the PE's own (cpu/sysreg_access.ts), read through the guest hypervisor's registers. @linux emulate-nested.c

import { CONTROL_REGS, type ControlRegName } from '../arch/control_regs.ts';
import type { Feat } from '../arch/features.ts';
import { type ControlReg, encText, type Need } from '../arch/schema.ts';
import { operationAt, registerAt } from '../arch/sysregs.ts';
import {
  type ControlRef,
  controlRef,
  operationQuestions,
  type Questions,
  registerQuestions,
} from '../cpu/access_questions.ts';
import { meets } from '../cpu/needs.ts';
import { AccessRules, type Level, type Note, needText, type Verdict, type View } from '../cpu/sysreg_access.ts'; // biome-ignore format: imports
import { leaks } from './compat.ts';
import { guestResx, type Resx } from './config.ts';
import { computeFgu, fguGroup } from './fgu.ts';
import type { Enforcement, VmRegs } from './regs_state.ts';
import { holds, vmHas } from './vm_features.ts';

/** The guest as far as the decision needs it. */
export interface Situation {
  readonly vm: VmRegs;
  /** The level that the guest executes at, as it sees it: 2 is virtual EL2. */
  readonly el: Level;
  /** A register of the guest (of its hypervisor, for EL2) as it was written: reserved bits are applied here. */
  read(name: ControlRegName): bigint;
  /** PMSELR_EL0.SEL. */
  readonly pmsel?: number;
  /** What the VM has, and its fine-grained UNDEF set; default: by its ID registers. */
  readonly has?: (feat: Feat) => boolean;
  readonly fgu?: ReadonlyMap<string, bigint>;
}

export type Triage =
  /** The guest takes an UNDEFINED exception where it is. */
  | { readonly how: 'undef'; readonly why: string }
  /** Virtual EL2 takes the exception, with the same syndrome; `by` asked for it. */
  | { readonly how: 'forward'; readonly by: string }
  /** KVM deals with it. */
  | { readonly how: 'here' };

const HERE: Triage = { how: 'here' };
const SETTLED = new WeakMap<Enforcement, Map<number, Triage>>();
const undef = (why: string): Triage => ({ how: 'undef', why });

/** What a VM has, remembered: its ID registers do not change while it runs. */
export function featuresOf(vm: VmRegs): (feat: Feat) => boolean {
  const known = new Map<Feat, boolean>();
  return (feat) => {
    let is = known.get(feat);
    if (is === undefined) {
      is = vmHas(vm, feat);
      known.set(feat, is);
    }
    return is;
  };
}

/** The guest's own registers in the eyes of the tables: bits of what the VM lacks are reserved. @linux __vcpu_sys_reg */
export function nvView(s: Situation): View {
  const { vm } = s;
  const has = s.has ?? featuresOf(vm);
  const masks = new Map<ControlRegName, Resx>();
  const maskOf = (name: ControlRegName): Resx => {
    let m = masks.get(name);
    if (!m) {
      m = guestResx(vm, name, has);
      masks.set(name, m);
    }
    return m;
  };
  return {
    has,
    // With D2 an enable that is reserved still says "closed".
    hardware: leaks(vm, 'D2') ? () => true : has,
    control: (name) => (s.read(name) & ~maskOf(name).res0) | maskOf(name).res1,
    iccSre: true,
    iccSreEnable: true,
    ...(s.pmsel !== undefined && { pmsel: s.pmsel }),
  };
}

/** The decision about accesses and instructions of one guest in one situation. */
export class Triager {
  private readonly s: Situation;
  readonly rules: AccessRules;
  private readonly has: (feat: Feat) => boolean;
  constructor(s: Situation) {
    this.s = s;
    const view = nvView(s);
    this.rules = new AccessRules(view);
    this.has = view.has;
  }

  /** There is a guest hypervisor that could want the access: it exists, and it is not the one that executes. */
  get mayForward(): boolean {
    return holds(this.s.vm, 'el2') && this.s.el !== 2;
  }

  // ---- MRS, MSR, SYS (EC 0x18) ----------------------------------------------------------------------------------------

  /** @param encoding packed, op0 1 for operations. @linux triage_sysreg_trap */
  sysreg(encoding: number, isRead: boolean, note?: Note): Triage {
    const { vm } = this.s;
    const isSettled = !note && vm.ranOnce && vm.enforcement !== undefined && !holds(vm, 'el2');
    return isSettled ? this.settled(vm.enforcement!, encoding, isRead) : this.decide(encoding, isRead, note);
  }
  /** A VM without EL2 that has run gives the same answer for ever. */
  private settled(enforcement: Enforcement, encoding: number, isRead: boolean): Triage {
    let known = SETTLED.get(enforcement);
    if (!known) {
      known = new Map();
      SETTLED.set(enforcement, known);
    }
    const key = encoding * 2 + (isRead ? 1 : 0);
    let t = known.get(key);
    if (!t) {
      t = this.decide(encoding, isRead);
      known.set(key, t);
    }
    return t;
  }
  private decide(encoding: number, isRead: boolean, note?: Note): Triage {
    const isOperation = encoding >> 14 === 1;
    const row = isOperation ? undefined : registerAt(encoding, isRead ? 'read' : 'write');
    const op = isOperation ? operationAt(encoding) : undefined;
    const questions = isOperation ? operationQuestions(op, encoding) : registerQuestions(row, encoding, isRead);
    const name = row?.name ?? op?.name ?? encText(encoding);
    const decided = this.absent(name, row?.feat ?? op?.feat, op?.nxsOf !== undefined, questions);
    if (note) this.noteExistence(name, decided, note);
    if (decided) return decided;
    if (!this.mayForward) return HERE;
    const { el } = this.s;
    const asked = (grain: 'fine' | 'coarse'): Verdict | undefined => {
      let by: string | undefined;
      const v = this.rules.forwarded(questions, row, 0, el, grain, (a) => {
        if (a.verdict !== undefined) by ??= a.what;
        note?.(a);
      });
      if (v !== undefined) this.by = by ?? name;
      return v;
    };
    if (asked('fine') !== undefined || asked('coarse') !== undefined) return { how: 'forward', by: this.by };
    const tooLow = row ? row.el > el : op !== undefined && op.el > el;
    return tooLow ? undef(`${name} is not for EL${el}`) : HERE;
  }
  private by = '';

  /** The VM has no such register: fine-grained UNDEF, or whatever else the row needs. */
  private absent(name: string, feat: Need | undefined, isNxs: boolean, questions: Questions): Triage | undefined {
    const { vm } = this.s;
    for (const q of questions.traps) {
      const ref = q.kind === 'controls' && q.grain === 'fine' ? q.controls[0] : undefined;
      if (ref && this.isFgu(ref)) return undef(`${ref.path} is in the VM's fine-grained UNDEF set`);
    }
    if (leaks(vm, 'D2') || feat === undefined) return undefined;
    if (!meets(feat, this.has)) return undef(`the VM lacks ${needText(feat)}, which ${name} needs`);
    return isNxs && !this.has('FEAT_XS') ? undef(`the VM lacks FEAT_XS, which ${name} needs`) : undefined;
  }
  private fgu: ReadonlyMap<string, bigint> | undefined;
  private isFgu(ref: ControlRef): boolean {
    const { vm } = this.s;
    this.fgu ??= this.s.fgu ?? vm.enforcement?.fgu ?? computeFgu(vm);
    const bits = this.fgu.get(fguGroup(ref.reg)) ?? 0n;
    return ((bits >> BigInt((CONTROL_REGS[ref.reg] as ControlReg).fields[ref.bit]!.lo)) & 1n) === 1n;
  }
  private noteExistence(name: string, decided: Triage | undefined, note: Note): void {
    const what = decided?.how === 'undef' ? decided.why : `nothing makes ${name} UNDEFINED for the VM`;
    note({ what, grain: 'existence', verdict: decided ? 'undef' : undefined });
  }

  // ---- everything else ------------------------------------------------------------------------------------------------

  /** An FP, SIMD or SVE instruction was trapped (EC 0x07, 0x19). @linux kvm_handle_fpasimd, handle_sve */
  vector(which: 'FP' | 'SVE', note?: Note): Triage {
    const [feat, ask] =
      which === 'FP' ? (['FEAT_FP', this.rules.fp] as const) : (['FEAT_SVE', this.rules.sve] as const);
    if (!this.has(feat)) return undef(`the VM lacks ${feat}`);
    if (!holds(this.s.vm, 'el2')) return HERE;
    let by = '';
    const v = ask.call(this.rules, this.s.el, (a) => {
      if (a.verdict !== undefined) by = a.what;
      note?.(a);
    });
    return typeof v === 'object' && v.to === 2 ? { how: 'forward', by } : HERE;
  }
  /** Another instruction was trapped. @linux arm_exit_handlers[] */
  instruction(name: TrappedInstruction, note?: Note): Triage {
    const row: InstructionRow = INSTRUCTIONS[name];
    const { el, vm } = this.s;
    if (row.feat && !this.has(row.feat)) return undef(`the VM lacks ${row.feat}, which ${name} needs`);
    if (!this.mayForward || this.rules.inHost(el)) return name === 'HVC' && holds(vm, 'el2') ? this.hypercall() : HERE;
    if (name === 'HVC') return this.hypercall();
    for (const path of row.controls) {
      if (path.endsWith('_EL0') && el !== 0) continue;
      if (path.endsWith('SVC_EL1') && el !== 1) continue;
      const traps = this.rules.traps(path);
      note?.({ ...this.rules.valueOf(controlRef(path)), grain: 'coarse', verdict: traps ? FORWARDED : undefined });
      if (traps) return { how: 'forward', by: path };
    }
    return row.otherwise === 'undef' ? undef(`nobody asked to trap ${name}`) : HERE;
  }
  /** HVC of a VM with EL2 is a call to its hypervisor, from wherever it comes. */
  private hypercall(): Triage {
    return this.rules.field('HCR_EL2', 'HCD') === 1 ? undef('HCR_EL2.HCD = 1') : { how: 'forward', by: 'HVC' };
  }
}
const FORWARDED: Verdict = { to: 2, ec: 0, iss: 0 };

interface InstructionRow {
  readonly feat?: Feat;
  /** Any of these forwards it. */
  readonly controls: readonly string[];
  /** Nobody asked: KVM had a reason of its own, or there is none. */
  readonly otherwise: 'here' | 'undef';
}
/** Instructions that trap by controls of their own. */
export const INSTRUCTIONS = {
  WFI:     { controls: ['HCR_EL2.TWI'], otherwise: 'here' },
  WFE:     { controls: ['HCR_EL2.TWE'], otherwise: 'here' },
  SVC:     { controls: ['HFGITR_EL2.SVC_EL0', 'HFGITR_EL2.SVC_EL1'], otherwise: 'undef' },
  HVC:     { controls: [], otherwise: 'here' },
  SMC:     { controls: ['HCR_EL2.TSC'], otherwise: 'here' },
  ERET:    { controls: ['HCR_EL2.NV', 'HFGITR_EL2.ERET'], otherwise: 'undef' },
  BRK:     { controls: ['MDCR_EL2.TDE'], otherwise: 'here' },
  PAC:     { feat: 'FEAT_PAuth', controls: ['HCR_EL2.API'], otherwise: 'undef' },
  LD64B:   { feat: 'FEAT_LS64', controls: ['HCRX_EL2.EnALS'], otherwise: 'undef' },
  ST64BV:  { feat: 'FEAT_LS64_V', controls: ['HCRX_EL2.EnASR'], otherwise: 'undef' },
  ST64BV0: { feat: 'FEAT_LS64_ACCDATA', controls: ['HCRX_EL2.EnAS0'], otherwise: 'undef' },
  PSB:     { feat: 'FEAT_SPEv1p5', controls: ['HFGITR_EL2.PSBCSYNC'], otherwise: 'undef' },
  TSB:     { feat: 'FEAT_TRBEv1p1', controls: ['HFGITR2_EL2.TSBCSYNC'], otherwise: 'undef' },
  GCSSTR:  { feat: 'FEAT_GCS', controls: ['HFGITR_EL2.nGCSSTR_EL1'], otherwise: 'undef' },
} as const satisfies Readonly<Record<string, InstructionRow>>; // biome-ignore format: a table
export type TrappedInstruction = keyof typeof INSTRUCTIONS;
