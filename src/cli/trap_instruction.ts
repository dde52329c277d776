// `hypatia trap`, for instructions that are no access to a system register: FP and SVE, WFI, calls and returns. What an
// instruction is follows from its place in the encoding space; who takes it from the same rules as everything else.

import { EC } from '../arch/esr.ts';
import { isFeat } from '../arch/features.ts';
import type { Level, Verdict } from '../cpu/sysreg_access.ts';
import { A64 } from '../isa/a64.ts';
import { INSTRUCTIONS, type TrappedInstruction, type Triage } from '../kvm/emulate-nested.ts';
import { NOT_ASKED } from '../kvm/enforcement.ts';
import type { TrapMachine } from './trap_machine.ts';
import { type Decision, forwarded, noteTo, type Outcome, type Step, syndrome, undefinedAt } from './trap_outcome.ts';
import type { Subject } from './trap_subject.ts';

type Instruction = Extract<Subject, { kind: 'instruction' }>;

/** Bits 28:25. */
const groupOf = (word: number): number => (word >>> 25) & 15;
const isSve = (word: number): boolean => groupOf(word) === 2;
/** Data processing of FP and SIMD, and loads and stores of its registers. */
function isFp(word: number): boolean {
  const group = groupOf(word);
  const isLoadStore = (group & 5) === 4;
  return (group & 7) === 7 || (isLoadStore && ((word >>> 26) & 1) === 1);
}
const FP8: ReadonlySet<string> = new Set([
  'FEAT_FP8',
  'FEAT_FP8FMA',
  'FEAT_FP8DOT2',
  'FEAT_FP8DOT4',
  'FEAT_F8F32MM',
  'FEAT_F8F16MM',
]);
const WFX = { WFI: 0, WFE: 1, WFIT: 2, WFET: 3 } as const;
/** Condition AL, in the syndromes that have one. */
const COND_AL = 0x1e0_0000;

const isTrapped = (name: string): name is TrappedInstruction => Object.hasOwn(INSTRUCTIONS, name);

interface EncodingRow {
  readonly feat?: string;
  readonly todo?: boolean;
}
function rowOf(name: string): EncodingRow | undefined {
  for (const t of A64) {
    const row = (t.rows as Readonly<Record<string, EncodingRow | undefined>>)[name];
    if (row) return row;
  }
  return undefined;
}

export function instructionOutcome(machine: TrapMachine, s: Instruction, el: Level): Decision {
  const steps: Step[] = [];
  const cpu = noteTo(steps, 'CPU');
  const end = (outcome: Outcome): Decision => ({ steps, outcome });
  const exists = (what: string, verdict: Verdict | undefined): void => cpu({ what, grain: 'existence', verdict });
  const row = s.name === undefined ? undefined : rowOf(s.name);
  if (s.name === undefined || !row) {
    exists('the word is UNALLOCATED, or nobody here knows it', 'undef');
    return end(undefinedAt(el));
  }
  if (row.todo) {
    exists(`${s.name} is known, and UNDEFINED on every CPU here`, 'undef');
    return end(undefinedAt(el));
  }
  if (s.name === 'UDF') {
    exists('UDF is UNDEFINED for ever', 'undef');
    return end(undefinedAt(el));
  }
  const feat = row.feat;
  if (feat !== undefined) {
    const there = isFeat(feat) && machine.cpuHas(feat);
    exists(`${s.name} needs ${feat} of the CPU`, there ? undefined : 'undef');
    if (!there) return end(undefinedAt(el));
  }
  const rules = machine.pe ?? machine.triage.rules;
  if (isSve(s.word) || isFp(s.word)) {
    const which = isSve(s.word) ? 'SVE' : 'FP';
    const v = which === 'SVE' ? rules.sve(el, cpu) : rules.fp(el, cpu);
    if (typeof v === 'object') return end(vectorOutcome(machine, s, v, which, steps));
    if (feat !== undefined && FP8.has(feat)) {
      const closed = (['HCRX_EL2.EnFPM', ...(el === 0 ? ['SCTLR_EL1.EnFPM'] : [])] as const).find((c) => {
        const shut = rules.traps(c) || (c.startsWith('HCRX') && !machine.vmHas('FEAT_FPMR'));
        exists(
          `${c} ${shut ? 'refuses FPMR: 8-bit floating point is UNDEFINED' : 'allows FPMR'}`,
          shut ? 'undef' : undefined,
        );
        return shut;
      });
      if (closed) return end(undefinedAt(el));
    }
    return end(through(machine, feat));
  }
  const base = s.name.startsWith('ERET') ? 'ERET' : s.name === 'WFIT' ? 'WFI' : s.name === 'WFET' ? 'WFE' : s.name;
  if (isTrapped(base)) return end(trapped(machine, s, base, el, steps));
  return end(through(machine, feat));
}

/** It executes; perhaps although the VM is told that it has no such instruction. */
function through(machine: TrapMachine, feat: string | undefined): Outcome {
  const hidden = feat !== undefined && isFeat(feat) && !machine.vmHas(feat);
  const control = hidden ? NOT_ASKED[feat] : undefined;
  const why = control ? `${control} should withhold it, and does not act on instructions yet` : 'nothing can withhold it';
  return { taken: 'nobody', what: hidden ? `executes, although the VM's ID registers do not show ${feat}: ${why}` : 'executes: nothing traps it' };
} // biome-ignore format: one line
function vectorOutcome(machine: TrapMachine, s: Instruction, v: Exclude<Verdict, string>, which: 'FP' | 'SVE', steps: Step[]): Outcome {
  if (v.to === 1) return { taken: 'EL1', what: 'taken to EL1: the guest’s own CPACR_EL1 asks for it', ...syndrome(s, v) };
  const t: Triage = machine.triage.vector(which, noteTo(steps, 'KVM'));
  if (t.how === 'forward') return forwarded(s, t.by, v);
  if (t.how === 'undef') return { ...undefinedAt(1), what: `UNDEFINED: ${t.why}` };
  return { taken: 'KVM', what: 'taken to EL2: KVM loads the registers and tries again', ...syndrome(s, v) };
} // biome-ignore format: an answer a line

function trapped(machine: TrapMachine, s: Instruction, name: Parameters<TrapMachine['triage']['instruction']>[0], el: Level, steps: Step[]): Outcome {
  const rules = machine.pe ?? machine.triage.rules;
  const imm16 = (s.word >>> 5) & 0xffff;
  const kinds: Readonly<Record<string, { readonly ec: number; readonly iss: number }>> = {
    WFI: { ec: EC.WFX.ec, iss: COND_AL | WFX[(s.name === 'WFIT' ? 'WFIT' : 'WFI')] },
    WFE: { ec: EC.WFX.ec, iss: COND_AL | WFX[(s.name === 'WFET' ? 'WFET' : 'WFE')] },
    SVC: { ec: EC.SVC64.ec, iss: imm16 },
    HVC: { ec: EC.HVC64.ec, iss: imm16 },
    SMC: { ec: EC.SMC64.ec, iss: imm16 },
    BRK: { ec: EC.BRK64.ec, iss: imm16 },
    ERET: { ec: EC.ERET.ec, iss: s.name === 'ERET' ? 0 : 2 },
  };
  const kind = kinds[name];
  if (!kind) return { taken: 'nobody', what: 'executes: nothing traps it' };
  const note = noteTo(steps, 'CPU');
  const verdict = { to: 2, ...kind } as const;
  const ask = (control: string, to: 1 | 2): boolean => {
    const [reg = '', bit = ''] = control.split('.');
    const traps = rules.traps(control);
    note({ what: control, grain: 'coarse', value: rules.field(reg as 'HCR_EL2', bit), verdict: traps ? { ...verdict, to } : undefined });
    return traps;
  };
  const isEl0Wait = el === 0 && (name === 'WFI' || name === 'WFE');
  if (isEl0Wait && ask(`SCTLR_EL1.nT${name.slice(0, 1)}${name.slice(2)}`, 1)) return { taken: 'EL1', what: 'taken to EL1', ...syndrome(s, { ...verdict, to: 1 }) };
  if (el === 0 && (name === 'HVC' || name === 'SMC' || name === 'ERET')) return undefinedAt(el);
  const t = machine.triage.instruction(name, noteTo(steps, 'KVM'));
  if (t.how === 'forward') return forwarded(s, t.by, verdict);
  const own: Readonly<Record<string, readonly string[]>> = { SMC: ['HCR_EL2.TSC'], WFI: ['HCR_EL2.TWI'], WFE: ['HCR_EL2.TWE'], ERET: ['HFGITR_EL2.ERET', 'HCR_EL2.NV'], SVC: [`HFGITR_EL2.SVC_EL${el}`], BRK: ['MDCR_EL2.TDE'] };
  if (name === 'HVC') return { taken: 'KVM', what: 'a call to KVM', ...syndrome(s, verdict) };
  if (machine.pe && (own[name] ?? []).some((c) => ask(c, 2))) return { taken: 'KVM', what: 'taken to EL2: KVM deals with it', ...syndrome(s, verdict) };
  if (name === 'SVC' || name === 'BRK') return { taken: 'EL1', what: 'taken to EL1, where it is meant to go', ...syndrome(s, { ...verdict, to: 1 }) };
  if (name === 'WFI' || name === 'WFE') return { taken: 'nobody', what: 'waits: nothing traps it' };
  return { taken: 'nobody', what: 'executes: nothing traps it' };
} // biome-ignore format: an answer a line
