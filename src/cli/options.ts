// The command line of `hypatia exec`: what is written becomes what is meant, or one clear line.

import { resolve } from 'node:path';
import { UsageError } from '../base/assert.ts';
import { DEFAULT_MEGABYTES } from '../cpu/physmem.ts';
import { KVM_COMPATS, type KvmCompat } from '../kvm/compat.ts';
import type { FpHostState } from '../kvm/dev_kvm.ts';
import { V6_BUGS } from '../kvm/fpsimd_v6.ts';
import type { KvmMode } from '../kvm/host.ts';
import { KVM_MODES } from '../kvm/modes.ts';
import { OFFER_NAMES, type OfferName } from '../kvm/offers.ts';
import { TRACE_FORMATS, type TraceFormat } from './fp_trace.ts';

export const execHelp = (): string => `hypatia exec [options] PROGRAM [ARGUMENT...]
  Runs an arm64 Linux program; /dev/kvm is there for it. Options stand before the program's name.

  --cpu NAME|FILE.json  the host CPU: a built-in model (--cpu help lists them) or recorded ID registers
  --cpu-unchecked       show KVM what the model says even where this engine cannot execute it
  --kvm-mode MODE       ${KVM_MODES.join(' | ')} (default vhe), as the kernel's kvm-arm.mode
  --kvm-compat KERNEL   ${KVM_COMPATS.join(' | ')}: let guests see what that kernel's KVM lets them see (default: no more than they have)
  --kvm-offer REG.FIELD offer VMs an ID field that Linux hides (${OFFER_NAMES.join(', ')}); may be given again
  --smp N               host CPUs (default 2)
  --memory MIB          memory of the host (default 4095, the most)
  --seed N              of everything random and of the scheduler (default 1)
  --engine auto|jit|interp  how code is run: compiled when it is met often (default), compiled soon, or interpreted
  --parallel            vCPUs execute at the same time, on threads of the host: faster where they are busy, not deterministic
  --no-code-cache       neither use code that was compiled for the program in earlier runs nor keep any for later ones
  --jit-cache MIB       memory for compiled code (default 256)
  --jit-eager           compile what is met once, not what is met often: slow, for tests
  --jit-dump FILE|DIR   write every compiled region there: its instructions, their meaning, the WebAssembly made of them
  --stats               say at the end what the engine did, on standard error
  --clock virtual|real  virtual time counts instructions, one each nanosecond (default); real is the host's
  --strace[=FILE]       print system calls and KVM requests, to standard error or to a file
  --trace fp[:FORMAT]   tell who owns the FP registers while guests run, on standard error; FORMAT text (default) or json
  --fp-host-state HOW   modern (default), or v6: as before Linux 6.11; v6:B4,B5,B16 with these bugs of the v6 series
  --bind SRC:DST        show the file or directory SRC at DST; may be given again
  --rw DIR              let writes below DIR go through to the disk; all others stay in memory; may be given again
  --sysroot DIR         an arm64 system: its loader and libraries are found before the host's
  --cwd DIR             where the program starts (default: here)
  --env NAME=VALUE      set a variable for the program; NAME alone removes it; may be given again
`;

export const ENGINES = ['auto', 'jit', 'interp'] as const;
export type EngineName = (typeof ENGINES)[number];

export interface ExecOptions {
  readonly program: string;
  readonly args: readonly string[];
  /** undefined: the default. */
  readonly cpu: string | undefined;
  readonly unchecked: boolean;
  readonly mode: KvmMode;
  /** undefined: none. */
  readonly compat: KvmCompat | undefined;
  readonly offer: readonly OfferName[];
  readonly smp: number;
  readonly memory: number;
  readonly seed: bigint;
  readonly realClock: boolean;
  readonly engine: EngineName;
  readonly parallel: boolean;
  readonly jitCache: number;
  readonly jitEager: boolean;
  /** Compiled code is kept from run to run. */
  readonly codeCache: boolean;
  /** undefined: no. */
  readonly jitDump: string | undefined;
  readonly stats: boolean;
  /** undefined: no; '': standard error. */
  readonly strace: string | undefined;
  /** Of FP registers; undefined: no. */
  readonly trace: TraceFormat | undefined;
  readonly fpHostState: FpHostState;
  readonly binds: readonly { readonly source: string; readonly target: string }[];
  readonly writable: readonly string[];
  readonly sysroot: string | undefined;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

const SPEC = {
  cpu: { type: 'string' },
  'cpu-unchecked': { type: 'boolean', default: false },
  'kvm-mode': { type: 'string', default: 'vhe' },
  'kvm-compat': { type: 'string' },
  'kvm-offer': { type: 'string', multiple: true, default: [] as string[] },
  smp: { type: 'string', default: '2' },
  memory: { type: 'string', default: `${DEFAULT_MEGABYTES}` },
  seed: { type: 'string', default: '1' },
  clock: { type: 'string', default: 'virtual' },
  engine: { type: 'string' },
  parallel: { type: 'boolean', default: false },
  'jit-cache': { type: 'string', default: '256' },
  'jit-eager': { type: 'boolean', default: false },
  'no-code-cache': { type: 'boolean', default: false },
  'jit-dump': { type: 'string' },
  stats: { type: 'boolean', default: false },
  strace: { type: 'boolean', default: false },
  'strace-to': { type: 'string' },
  trace: { type: 'string' },
  'fp-host-state': { type: 'string', default: 'modern' },
  bind: { type: 'string', multiple: true, default: [] as string[] },
  rw: { type: 'string', multiple: true, default: [] as string[] },
  sysroot: { type: 'string' },
  cwd: { type: 'string' },
  env: { type: 'string', multiple: true, default: [] as string[] },
  help: { type: 'boolean', default: false },
} as const;
type OptionName = keyof typeof SPEC;
interface Spec {
  readonly type: 'string' | 'boolean';
  readonly multiple?: boolean;
  readonly default?: string | boolean | readonly string[];
}
/** By whatever name. */
const SPECS: Readonly<Record<string, Spec>> = SPEC;
type ValueOf<S> = S extends { readonly multiple: true }
  ? readonly string[]
  : S extends { readonly type: 'boolean' }
    ? boolean
    : S extends { readonly default: string }
      ? string
      : string | undefined;
type Values = { readonly [Name in OptionName]: ValueOf<(typeof SPEC)[Name]> };

/** Options end at the first word that is neither one nor the value of one: from there on it is the program's. */
function splitAtProgram(argv: readonly string[]): [own: string[], rest: string[]] {
  const own: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const a = argv[i]!;
    if (a === '--') return [own, argv.slice(i + 1)];
    if (!a.startsWith('-') || a === '-') return [own, argv.slice(i)];
    if (a.startsWith('--strace=')) {
      own.push(`--strace-to=${a.slice(9)}`);
      continue;
    }
    own.push(a);
    const name = a.slice(2);
    const next = argv[i + 1];
    if (Object.hasOwn(SPECS, name) && SPECS[name]!.type === 'string' && next !== undefined) {
      own.push(next);
      i++;
    }
  }
  return [own, []];
}
/** Mostly it is: a pattern that is used for the first time takes as long as much else. */
const isPlainNumber = (text: string): boolean => {
  const n = Number(text);
  return (Number.isSafeInteger(n) && n >= 0 && String(n) === text) || /^\d+$/.test(text);
};
function wholeNumber(option: OptionName, text: string, lo: number, hi: number): number {
  const n = Number(text);
  if (!isPlainNumber(text) || n < lo || n > hi)
    throw new UsageError(`--${option} ${text}: give a whole number from ${lo} to ${hi}`);
  return n;
}
function oneOf<T extends string>(option: OptionName, text: string, values: readonly T[]): T {
  const hit = values.find((v) => v === text);
  if (hit === undefined) throw new UsageError(`--${option} ${text}: give one of ${values.join(', ')}`);
  return hit;
}

/**
 * @returns what to do; undefined when help was asked for
 * @throws UsageError
 */
export function parseExec(argv: readonly string[], hostEnv: NodeJS.ProcessEnv): ExecOptions | undefined {
  const [own, rest] = splitAtProgram(argv);
  const v = parse(own);
  if (v.help) return undefined;
  const seed = isPlainNumber(v.seed) || /^0x[0-9a-f]+$/i.test(v.seed) ? BigInt(v.seed) : undefined;
  if (seed === undefined) throw new UsageError(`--seed ${v.seed}: give a whole number`);
  const mode = oneOf('kvm-mode', v['kvm-mode'], KVM_MODES);
  const [program, ...args] = rest;
  const binds = v.bind.map((b) => {
    const m = /^(.+):(\/.*)$/.exec(b);
    if (!m) throw new UsageError(`--bind ${b}: give SRC:DST with an absolute DST`);
    return { source: resolve(m[1]!), target: m[2]! };
  });
  // Without a shape for each name that is added.
  const env = Object.create(null) as Record<string, string>;
  // What is ours says nothing to the program, and its instruction count would not be the same on every engine.
  for (const k in hostEnv) {
    const x = hostEnv[k];
    if (x !== undefined && !k.startsWith('HYPATIA_')) env[k] = x;
  }
  for (const e of v.env) {
    const eq = e.indexOf('=');
    if (e === '' || eq === 0) throw new UsageError(`--env ${e}: give NAME=VALUE, or NAME to remove it`);
    if (eq < 0) delete env[e];
    else env[e.slice(0, eq)] = e.slice(eq + 1);
  }
  if (program === undefined && v.cpu !== 'help')
    throw new UsageError('exec: give a program to run (see hypatia exec --help)');
  return {
    program: program ?? '',
    args,
    cpu: v.cpu,
    unchecked: v['cpu-unchecked'],
    mode,
    compat: v['kvm-compat'] === undefined ? undefined : oneOf('kvm-compat', v['kvm-compat'], KVM_COMPATS),
    offer: v['kvm-offer'].map((o) => oneOf('kvm-offer', o, OFFER_NAMES)),
    smp: wholeNumber('smp', v.smp, 1, 512),
    memory: wholeNumber('memory', v.memory, 64, DEFAULT_MEGABYTES),
    seed,
    realClock: oneOf('clock', v.clock, ['virtual', 'real']) === 'real',
    engine: oneOf('engine', v.engine ?? hostEnv['HYPATIA_ENGINE'] ?? 'auto', ENGINES),
    parallel: parallel(v),
    jitCache: wholeNumber('jit-cache', v['jit-cache'], 1, 4096),
    jitEager: v['jit-eager'] || (hostEnv['HYPATIA_JIT_EAGER'] ?? '') !== '',
    codeCache: !v['no-code-cache'],
    jitDump: v['jit-dump'],
    stats: v.stats,
    trace: v.trace === undefined ? undefined : traceFormat(v.trace),
    fpHostState: hostState(v['fp-host-state']),
    strace: v['strace-to'] ?? (v.strace ? '' : undefined),
    binds,
    writable: v.rw.map((d) => resolve(d)),
    sysroot: v.sysroot === undefined ? undefined : resolve(v.sysroot),
    cwd: resolve(v.cwd ?? '.'),
    env,
  };
}
/** @throws UsageError together with options that ask for an order of events */
function parallel(v: Values): boolean {
  if (!v.parallel) return false;
  if (v.trace !== undefined)
    throw new UsageError('--parallel: --trace tells of events in order; leave one of them out');
  if (v['kvm-mode'] !== 'vhe')
    throw new UsageError(`--parallel: the hypervisor of --kvm-mode ${v['kvm-mode']} runs one guest at a time; use vhe`);
  return true;
}
function traceFormat(text: string): TraceFormat {
  const m = /^fp(?::(.*))?$/.exec(text);
  if (!m) throw new UsageError(`--trace ${text}: give fp, fp:${TRACE_FORMATS.join(' or fp:')}`);
  return oneOf('trace', m[1] ?? 'text', TRACE_FORMATS);
}
function hostState(text: string): FpHostState {
  if (text === 'modern') return 'modern';
  const m = /^v6(?::(.+))?$/.exec(text);
  if (!m) throw new UsageError(`--fp-host-state ${text}: give modern, v6 or v6:${V6_BUGS.join(',')}`);
  return { v6: (m[1]?.split(',') ?? []).map((b) => oneOf('fp-host-state', b, V6_BUGS)) };
}
/** Node's parseArgs does the same, and takes longer to load than many a program runs. */
function parse(own: readonly string[]): Values {
  const values = Object.create(null) as Record<string, string | boolean | readonly string[] | undefined>;
  for (const name in SPEC) values[name] = SPECS[name]!.default;
  const refuse = (why: string): never => {
    throw new UsageError(`exec: ${why} (see hypatia exec --help)`);
  };
  for (let i = 0; i < own.length; i++) {
    const word = own[i]!;
    const equals = word.indexOf('=', 3);
    const name = !word.startsWith('--') ? '' : equals < 0 ? word.slice(2) : word.slice(2, equals);
    const given = name !== '' && equals >= 0 ? word.slice(equals + 1) : undefined;
    const option = word === '-h' ? 'help' : name;
    const spec = Object.hasOwn(SPECS, option) ? SPECS[option] : undefined;
    if (!spec) return refuse(`unknown option '${name === '' ? word : `--${name}`}'`);
    if (spec.type === 'boolean') {
      if (given !== undefined) return refuse(`option '--${option}' does not take a value`);
      values[option] = true;
      continue;
    }
    const value = given ?? own[++i];
    if (value === undefined) return refuse(`option '--${option}' wants a value`);
    if (given === undefined && value.length > 1 && value.startsWith('-'))
      return refuse(`option '--${option}' wants a value; give one that starts with a dash as '--${option}=${value}'`);
    values[option] = spec.multiple ? [...(values[option] as readonly string[]), value] : value;
  }
  return values as Values;
}
