// `hypatia exec`: puts engine, KVM and host process together and runs a program. The one place that knows all of them.

import { accessSync, closeSync, constants, openSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { ReadId } from '../arch/features.ts';
import { UsageError } from '../base/assert.ts';
import { lazy } from '../base/lazy.ts';
import type { SystemHooks } from '../cpu/engine.ts';
import { DEFAULT_MODEL } from '../cpu/models.ts';
import { createPeDirectory } from '../cpu/pe_directory.ts';
import { PhysMem } from '../cpu/physmem.ts';
import type { CpuState } from '../cpu/state.ts';
import type { StartThread } from '../interp/crew.ts';
import type { ThreadOptions } from '../interp/options.ts';
import { createKvm } from '../kvm/dev_kvm.ts';
import { hostSpecFromJson, makeHost } from '../kvm/host.ts';
import { regName } from '../kvm/reg_names.ts';
import type { Trace } from '../kvm/trace.ts';
import { boot, type DevicePlug, type HostServices, linuxHooks, type Machine, Strace } from '../linux/index.ts';
import { chooseCpu, listModels } from './cpu_option.ts';
import { canExecute, chooseTier, createEngine, type TierChoice } from './engine.ts';
import { fpTrace } from './fp_trace.ts';
import { guestHardware } from './guests.ts';
import { nodeHost } from './host.ts';
import { message, say } from './message.ts';
import { type ExecOptions, execHelp, parseExec } from './options.ts';

/** Misc devices share major 10; /dev/kvm has had minor 232 for ever. */
const KVM_DEVICE = { name: 'kvm', major: 10, minor: 232 } as const;
const IMPATIENT_MS = 1000;
const IMPATIENT_PRESSES = 3;
const SIGINT = 2;
const SIGTERM = 15;

/** @returns the exit code of the program, or 128 + the signal that ended it */
export async function execCommand(argv: readonly string[]): Promise<number> {
  const options = parseExec(argv, process.env);
  if (!options) {
    say(execHelp());
    return 0;
  }
  if (options.cpu === 'help') {
    say(listModels());
    return 0;
  }
  const threads = options.parallel ? await import('./threads.ts') : undefined;
  threads?.checkThreads();
  const strace = openStrace(options.strace);
  const stats = options.stats ? new (await import('./stats.ts')).EngineStats() : undefined;
  const dump = options.jitDump === undefined ? undefined : openDump(options.jitDump);
  const tier = await chooseTier(options.engine, {
    cache: options.jitCache,
    eager: options.jitEager,
    stats,
    dump,
    keepFor: options.codeCache ? basename(options.program) : undefined,
  });
  const machine = assemble(options, await nodeHost(options.realClock), tier, threads?.startThread);
  if (strace) machine.strace = new Strace({ write: strace.write, regName });
  // Ctrl-C is the program's; three in a row within a second are ours.
  let presses: number[] = [];
  const forward = (signo: number) => () => {
    const now = performance.now();
    presses = [...presses.filter((t) => now - t < IMPATIENT_MS), now];
    if (presses.length >= IMPATIENT_PRESSES) process.exit(128 + signo);
    machine.interrupt(signo);
  };
  // Short programs end before they need it.
  const listen = lazy(() => {
    process.on('SIGINT', forward(SIGINT));
    process.on('SIGTERM', forward(SIGTERM));
  });
  machine.onSignals = listen;
  setImmediate(listen);
  try {
    return await machine.run();
  } finally {
    strace?.close();
    if (stats) message(stats.text(options.engine, process.memoryUsage().rss));
  }
}

/**
 * Everything that runs a program, ready to go.
 * @param begin for --parallel
 * @throws UsageError when the program, the CPU or an option cannot be used
 */
export function assemble(
  options: ExecOptions,
  services: HostServices,
  tier?: TierChoice,
  begin?: StartThread,
): Machine {
  const cpu = chooseCpu(options.cpu ?? DEFAULT_MODEL, options.unchecked, canExecute);
  // Nobody asked for the default model by name, so nobody needs to hear what it lacks.
  if (options.cpu !== undefined)
    for (const w of cpu.warnings) services.message(`hypatia: --cpu ${options.cpu}: lowered: ${w}`);
  const parallel = begin !== undefined;
  const mem = new PhysMem(options.memory, { parallel, shared: true });
  // The engine wants its hooks before the machine exists that answers them.
  let hooks: SystemHooks | undefined;
  let machine: Machine | undefined;
  const guests = createPeDirectory();
  const hooksOf = (c: CpuState): SystemHooks => (guests.owns(c) ? guests : hooks!);
  const ask: SystemHooks = {
    readSysreg: (c, enc) => hooksOf(c).readSysreg(c, enc),
    writeSysreg: (c, enc, value) => hooksOf(c).writeSysreg(c, enc, value),
    system: (c, enc, value, isRead) => hooksOf(c).system(c, enc, value, isRead),
    resume: (c, reason) => hooks!.resume!(c, reason) || (guests.owns(c) && guests.resume(c, reason)),
  };
  const pauth = (c: CpuState) => (guests.owns(c) ? guests.pauth(c) : machine!.currentPauth());
  const threads: ThreadOptions | undefined = begin
    ? { begin, most: options.smp, follow: (c) => machine!.clock.follow(c) }
    : undefined;
  const { facts } = cpu;
  const readId: ReadId = facts ? (enc) => facts.read(enc) : (enc) => cpu.executed.raw.get(enc) ?? 0n;
  const engine = createEngine(mem, cpu.executed, facts, ask, pauth, basename(options.program), tier, threads);
  const described = cpu.description === undefined ? {} : hostSpecFromJson(cpu.description, options.mode, options.cpu);
  const host = lazy(() => makeHost({ ...described, raw: cpu.shown.raw, mode: options.mode, cpus: options.smp }));
  const { unavailable, vectorQuads } = facts ?? host();
  const devices: DevicePlug[] = [];
  const story = options.trace === undefined ? undefined : fpTrace(options.trace, services.message);
  if (unavailable === undefined) {
    const clock = () => machine!.clock;
    const random = () => {
      const bytes = new Uint8Array(8);
      machine!.rng.fill(bytes);
      return new DataView(bytes.buffer).getBigUint64(0, true);
    };
    // Most programs never open it.
    const kvm = lazy(() =>
      createKvm({
        host: host(),
        mem,
        counter: () => clock().counter(),
        hardware: guestHardware({
          mem,
          engine,
          directory: guests,
          readId: (enc) => cpu.shown.raw.get(enc) ?? 0n,
          clock,
          parallel,
        }),
        random,
        trace,
        compat: options.compat,
        offer: options.offer,
        fpTrace: story,
        fpHostState: options.fpHostState,
      }),
    );
    devices.push({ ...KVM_DEVICE, open: () => kvm().open() });
  } else services.message(`hypatia: no /dev/kvm on this CPU: ${unavailable}`);
  machine = boot(
    {
      mem,
      engine,
      host: services,
      readId,
      facts,
      vectorQuads,
      cpus: options.smp,
      seed: options.seed,
      credentials: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
      devices,
      binds: options.binds,
      writable: options.writable,
      ...(options.sysroot === undefined ? {} : { sysroot: options.sysroot }),
      moduleParameters: { kvm: { halt_poll_ns: '500000' } },
      disassembler: async () => {
        const { disassemble } = await import('../asm/a64.ts');
        return (word, pc) => disassemble(word, { pc });
      },
    },
    {
      path: options.program,
      argv: [options.program, ...options.args],
      envp: Object.keys(options.env).map((k) => `${k}=${options.env[k]}`),
      cwd: options.cwd,
    },
  );
  hooks = linuxHooks(machine);
  if (story)
    machine.fp.observe((cpu, task) =>
      story('fp_user', { cpu: cpu.index, tid: task.tid, owner: 'host', fpmr: task.block.get('FPMR') }),
    );
  return machine;
}

/** What we could not do for a guest is said once each; everything else is for tracing. */
const told = new Set<string>();
const trace: Trace = (event, fields) => {
  if (!event.startsWith('hypatia_')) return;
  const what = String(fields['what']);
  if (told.has(what)) return;
  told.add(what);
  message(`hypatia: KVM: ${what}`);
};

interface Sink {
  write(line: string): void;
  close(): void;
}
function openStrace(to: string | undefined): Sink | undefined {
  if (to === undefined) return undefined;
  if (to === '') return { write: message, close() {} };
  try {
    const fd = openSync(to, 'w');
    return { write: (line) => writeSync(fd, `${line}\n`), close: () => closeSync(fd) };
  } catch (e) {
    throw new UsageError(`--strace=${to}: cannot be written (${(e as { code?: string }).code ?? String(e)})`);
  }
}

/** Takes texts of regions: all into one file, or each into a file of its own in a directory. @throws UsageError */
function openDump(to: string): (text: string, address: bigint) => void {
  let count = 0;
  try {
    if (statSync(to, { throwIfNoEntry: false })?.isDirectory()) {
      accessSync(to, constants.W_OK);
      return (text, address) =>
        writeFileSync(join(to, `${String(++count).padStart(4, '0')}-${address.toString(16)}.txt`), text);
    }
    const fd = openSync(to, 'w');
    return (text) => writeSync(fd, `${text}\n`);
  } catch (e) {
    throw new UsageError(`--jit-dump ${to}: cannot be written (${(e as { code?: string }).code ?? String(e)})`);
  }
}
