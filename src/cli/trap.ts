// `hypatia trap`: why did my access trap? Prints what is asked about an access, in order, and who takes it in the end.

import { parseArgs } from 'node:util';
import type { ControlRegName } from '../arch/control_regs.ts';
import { EC, issOfSysreg } from '../arch/esr.ts';
import { UsageError } from '../base/assert.ts';
import { operationQuestions, type Question, registerQuestions } from '../cpu/access_questions.ts';
import { DEFAULT_MODEL } from '../cpu/models.ts';
import type { Level, Note, Verdict } from '../cpu/sysreg_access.ts';
import { KVM_COMPATS, type KvmCompat } from '../kvm/compat.ts';
import type { Triage } from '../kvm/emulate-nested.ts';
import type { KvmMode } from '../kvm/host.ts';
import { KVM_MODES } from '../kvm/modes.ts';
import { OFFER_NAMES, type OfferName } from '../kvm/offers.ts';
import { answererOf, emulatesOperation } from '../kvm/sys_reg_access.ts';
import { KVM_ARM_VCPU, type VcpuFeature } from '../uapi/index.ts';
import { chooseCpu } from './cpu_option.ts';
import { canExecute } from './engine.ts';
import { say } from './message.ts';
import { instructionOutcome } from './trap_instruction.ts';
import { type TrapMachine, trapMachine } from './trap_machine.ts';
import {
  type Decision,
  forwarded,
  noteTo,
  type Outcome,
  rowText,
  type Step,
  syndrome,
  undefinedAt,
} from './trap_outcome.ts';
import { parseSetting, parseSubject, type Subject, suggest } from './trap_subject.ts';

export const TRAP_HELP = `hypatia trap [options] REGISTER | OPERATION | 'INSTRUCTION' | WORD
  Says why a guest's access traps: every control that is asked, its value, what it means, and who takes the exception with
  which syndrome. The subject is a register (FPMR, S3_3_C4_C4_2), an operation ('TLBI VAE1'), or an instruction as text
  ('mrs x3, FPMR', wfi) or as a word (d53b4443). Nothing is executed.

  --read, --write       the direction (default: read, where the register can be read)
  --el 0|1|2            the level of the access as the guest sees it (default 1); 2 needs --nested
  --nested              the access of a nested guest (--el 0, 1) or of a guest hypervisor (--el 2)
  --set REG.FIELD=N     a control register's field, as HCRX_EL2.EnFPM=0; may be given again. Of EL2: with --nested the guest
                        hypervisor's, else KVM's own. Default: KVM's settings; a guest hypervisor that traps nothing; EL1
                        as after reset, with FP on
  --vm REG.FIELD=N      an ID field of the VM, as ID_AA64PFR2_EL1.FPMR=0; may be given again
  --feature NAME        a vCPU feature (SVE, PMU_V3, PTRAUTH_ADDRESS, ...); may be given again
  --cpu NAME|FILE.json  the host CPU, as in exec (default ${DEFAULT_MODEL})
  --kvm-mode MODE       ${KVM_MODES.join(' | ')} (default vhe; nested with --nested)
  --kvm-compat KERNEL   ${KVM_COMPATS.join(' | ')}
  --kvm-offer REG.FIELD as in exec; may be given again
  --all EL              also every control that could trap the access at this level, whether or not another comes first
  --json                as JSON
`;

interface Options {
  readonly subject: Subject;
  readonly el: Level;
  readonly nested: boolean;
  readonly all: boolean;
  readonly json: boolean;
  readonly cpu: string;
  readonly machine: TrapMachine;
}

/** MRS, MSR and operations. */
function accessDecision(o: Options, s: Exclude<Subject, { kind: 'instruction' }>): Decision {
  const { machine, el } = o;
  const steps: Step[] = [];
  const sys = { to: 2, ec: EC.SYS64.ec, iss: issOfSysreg(s.encoding, 0, s.isRead) } as const;
  const rules = machine.pe ?? machine.triage.rules;
  const ask = (note?: Note): Verdict =>
    s.kind === 'register' ? rules.register(s.row, s.encoding, s.isRead, el, note) : rules.operation(s.op, s.encoding, s.isRead, el, note);
  if (machine.pe) {
    const v = ask(noteTo(steps, 'CPU'));
    if (v === 'ok') return { steps, outcome: { taken: 'nobody', what: 'the access goes through, without KVM' } };
    if (v === 'undef') return { steps, outcome: undefinedAt(el) };
    if (v.to === 1) return { steps, outcome: { taken: 'EL1', what: 'taken to EL1: the guest’s own controls ask for it', ...syndrome(s, v) } };
    if (v.ec !== EC.SYS64.ec) return { steps, outcome: { taken: 'KVM', what: 'taken to EL2: KVM loads the registers and tries again', ...syndrome(s, v) } };
  } else {
    // What the nested guest's own EL1 says comes first, and does not come to KVM.
    const own: Step[] = [];
    const v = ask(noteTo(own, 'CPU'));
    if (typeof v === 'object' && (v.to === 1 || v.ec !== EC.SYS64.ec)) {
      if (v.to === 1) return { steps: own, outcome: { taken: 'EL1', what: 'taken to the nested guest’s own EL1', ...syndrome(s, v) } };
      return { steps: own, outcome: forwarded(s, own.at(-1)?.asked ?? '', v) };
    }
    steps.push(...own.filter((x) => x.asked.includes('_EL1.') || x.asked.includes('_EL0.')));
  }
  const t = machine.triage.sysreg(s.encoding, s.isRead, noteTo(steps, 'KVM'));
  return { steps, outcome: triageOutcome(o, s, t, sys) };
} // biome-ignore format: an answer a line

function triageOutcome(o: Options, s: Exclude<Subject, { kind: 'instruction' }>, t: Triage, sys: Exclude<Verdict, string>): Outcome {
  const { esr, ec } = syndrome(s, sys);
  if (t.how === 'undef') return { ...undefinedAt(o.el), what: `UNDEFINED: ${t.why}` };
  if (t.how === 'forward') return forwarded(s, t.by, sys);
  if (!o.machine.pe && o.el !== 2) return { taken: 'nobody', what: 'no hypervisor asked for it: the access goes through, or KVM completes it' };
  const trapped = { ...(esr !== undefined && { esr }), ...(ec !== undefined && { ec }) };
  if (s.kind === 'operation') {
    const does = emulatesOperation(s.encoding) || !o.machine.pe;
    return does ? { taken: 'KVM', what: 'KVM carries it out', ...trapped } : { ...undefinedAt(o.el), what: 'KVM has no such operation: UNDEFINED' };
  }
  if (!o.machine.pe) return { taken: 'KVM', what: 'KVM answers in place of EL2, or the register is the guest hypervisor’s own' };
  const who = answererOf(s.encoding, s.isRead);
  if (who === 'nobody') return { ...undefinedAt(o.el), what: 'KVM has no such register: UNDEFINED' };
  if (who === 'unallocated' && o.machine.vmHas('FEAT_IDST')) return { taken: 'EL1', what: 'KVM reports an unimplemented ID register (FEAT_IDST)', ...trapped };
  return who === 'unallocated' ? undefinedAt(o.el) : { taken: 'KVM', what: `KVM answers (${who})`, ...trapped };
} // biome-ignore format: an answer a line

/** Every control that could trap, whether or not another comes first. */
function table(o: Options, s: Exclude<Subject, { kind: 'instruction' }>): readonly Step[] {
  const directions = s.kind === 'register' && (s.row === undefined || s.row.access === 'rw') ? [true, false] : [s.isRead];
  const rules = o.machine.pe ?? o.machine.triage.rules;
  return directions.flatMap((isRead) => {
    const q = s.kind === 'register' ? registerQuestions(s.row, s.encoding, isRead) : operationQuestions(s.op, s.encoding);
    const asked: readonly Question[] = [...q.spaces, ...(o.el === 1 ? q.nested : []), ...q.traps];
    return asked.flatMap((x): Step[] => {
      const direction = s.kind === 'register' ? (isRead ? 'read, ' : 'write, ') : '';
      if (x.kind === 'condition') return [{ who: 'CPU', asked: x.condition, answer: `${direction}a condition` }];
      if (x.level === 1 && o.el !== 0) return [];
      return x.controls.map((c) => ({
        who: 'CPU', asked: c.path, value: rules.field(c.reg as ControlRegName, c.bit), row: rowText(c.path) ?? '',
        answer: `${direction}to EL${x.level}${x.controls.length > 1 ? ', if all of these trap' : ''}: ${rules.traps(c.path) ? 'traps now' : 'does not trap now'}`,
      }));
    });
  });
} // biome-ignore format: records

function print(o: Options, d: Decision, all: readonly Step[] | undefined): string {
  const where = o.nested ? (o.el === 2 ? 'at virtual EL2' : `of a nested guest at EL${o.el}`) : `at EL${o.el} of a VM`;
  const line = (s: Step, i: number): string => {
    const value = s.value === undefined ? '' : ` = ${s.value}`;
    const row = s.row ? `  [${s.row}]` : '';
    return `  ${String(i + 1).padStart(2)}  ${s.who}  ${s.asked}${value}: ${s.answer}${row}`;
  };
  const { outcome } = d;
  const out = [`${o.subject.text}, ${where} on ${o.cpu}`, ...d.steps.map(line), `=> ${outcome.what}`];
  if (outcome.esr !== undefined) out.push(`   ESR ${outcome.esr}  EC ${outcome.ec}`);
  if (all) out.push('', `All that could trap it at EL${o.el}:`, ...all.map(line));
  return `${out.join('\n')}\n`;
}

/** What the command prints. @throws UsageError */
export function trapText(args: readonly string[]): string {
  const o = parse(args);
  const { subject } = o;
  const d = subject.kind === 'instruction' ? instructionOutcome(o.machine, subject, o.el) : accessDecision(o, subject);
  const all = o.all && subject.kind !== 'instruction' ? table(o, subject) : undefined;
  if (!o.json) return print(o, d, all);
  const { text } = subject;
  return `${JSON.stringify({ access: text, el: o.el, nested: o.nested, cpu: o.cpu, ...d, ...(all && { all }) }, undefined, 2)}\n`;
}
/** @returns the exit code. @throws UsageError */
export function trapCommand(args: readonly string[]): number {
  say(trapText(args));
  return 0;
}

const SPEC = {
  read: { type: 'boolean', default: false },
  write: { type: 'boolean', default: false },
  el: { type: 'string' },
  nested: { type: 'boolean', default: false },
  set: { type: 'string', multiple: true, default: [] as string[] },
  vm: { type: 'string', multiple: true, default: [] as string[] },
  feature: { type: 'string', multiple: true, default: [] as string[] },
  cpu: { type: 'string', default: DEFAULT_MODEL },
  'kvm-mode': { type: 'string' },
  'kvm-compat': { type: 'string' },
  'kvm-offer': { type: 'string', multiple: true, default: [] as string[] },
  all: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

function oneOf<T extends string>(option: string, text: string, values: readonly T[]): T {
  const hit = values.find((v) => v === text);
  if (hit === undefined) throw new UsageError(`trap: --${option} ${text}: give one of ${values.join(', ')}${suggest(text, values)}`);
  return hit;
} // biome-ignore format: one line
function values(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: SPEC, strict: true, allowPositionals: true });
  } catch (e) {
    const text = e instanceof Error ? e.message.split('. ')[0]! : String(e);
    throw new UsageError(`trap: ${text.charAt(0).toLowerCase()}${text.slice(1)} (see hypatia trap --help)`);
  }
}
function parse(args: readonly string[]): Options {
  const { values: v, positionals } = values(args);
  if (positionals.length !== 1)
    throw new UsageError(`trap: give one register, operation or instruction in quotes (got ${positionals.length}; see hypatia trap --help)`);
  if (v.read && v.write) throw new UsageError('trap: --read and --write: give one of them');
  const levels = ['0', '1', '2'] as const;
  const all = v.all === undefined ? undefined : oneOf('all', v.all, levels);
  const el = Number(v.el === undefined ? (all ?? 1) : oneOf('el', v.el, levels)) as Level;
  if (all !== undefined && Number(all) !== el) throw new UsageError(`trap: --all ${all} with --el ${el}: give one level`);
  if (el === 2 && !v.nested) throw new UsageError('trap: --el 2: a VM without EL2 has no such level; add --nested');
  const subject = parseSubject(positionals[0]!, v.write ? true : v.read ? false : undefined);
  const cpu = chooseCpu(v.cpu, false, canExecute);
  const mode: KvmMode = v['kvm-mode'] === undefined ? (v.nested ? 'nested' : 'vhe') : oneOf('kvm-mode', v['kvm-mode'], KVM_MODES);
  const compat: KvmCompat | undefined = v['kvm-compat'] === undefined ? undefined : oneOf('kvm-compat', v['kvm-compat'], KVM_COMPATS);
  const features = Object.keys(KVM_ARM_VCPU) as VcpuFeature[];
  const machine = trapMachine({
    model: cpu.shown,
    mode,
    nested: v.nested,
    features: v.feature.map((f) => oneOf('feature', f, features)),
    compat,
    offer: v['kvm-offer'].map((o): OfferName => oneOf('kvm-offer', o, OFFER_NAMES)),
    vm: v.vm.map((t) => parseSetting('vm', t, 'id')),
    set: v.set.map((t) => parseSetting('set', t, 'control')),
    el,
  });
  return { subject, el, nested: v.nested, all: all !== undefined, json: v.json, cpu: cpu.shown.name, machine };
} // biome-ignore format: one line an option
