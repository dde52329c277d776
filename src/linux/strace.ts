// --strace: system calls in strace's familiar shape, one line each, in the order in which they happen. What is printed
// of an argument is strace_args.ts's business. Prints, decides nothing.

import { hex } from '../base/bits.ts';
import { errorText } from './abi/error_text.ts';
import { Open } from './abi/flags.ts';
import { signalName } from './abi/signals.ts';
import type { SigInfo } from './siginfo.ts';
import { ArgumentPrinter, direction, isWrittenOnly, pointer } from './strace_args.ts';
import type { Call } from './syscalls/dispatch.ts';
import { KEEP, type Kind } from './syscalls/schema.ts';
import type { Thread } from './thread.ts';
import { Restart } from './wait.ts';

const LATE: ReadonlySet<Kind> = new Set<Kind>([
  'bufout', 'timespecout', 'sigsetout', 'sigactionout', 'statout', 'intout', 'pairout', 'waitstatus', 'iovout',
]); // biome-ignore format: a list

/** A call that has begun. */
interface Begun {
  readonly call: Call | undefined;
  readonly nr: number;
  readonly raw: readonly bigint[];
  /** Texts of arguments that are known before the call. */
  readonly early: (string | undefined)[];
  /** The first half is out: "<unfinished ...>". */
  split: boolean;
}

export interface StraceOptions {
  /** Takes whole lines. */
  readonly write: (line: string) => void;
  /** Names of KVM register ids. */
  readonly regName?: (id: bigint) => string | undefined;
}

export class Strace {
  private readonly options: StraceOptions;
  private readonly open = new Map<Thread, Begun>();
  private many = false;
  private readonly printer: ArgumentPrinter;

  constructor(options: StraceOptions) {
    this.options = options;
    this.printer = new ArgumentPrinter(options.regName);
  }

  // ---- what happens --------------------------------------------------------------------------------------------

  enter(t: Thread, call: Call | undefined, nr: number, raw: readonly bigint[]): void {
    const params = call?.params ?? [];
    const early = params.map(([, kind], i) =>
      LATE.has(kind) || (kind === 'ioctlarg' && isWrittenOnly(t, raw))
        ? undefined
        : this.printer.text(t, call!, kind, i, raw),
    );
    this.open.set(t, { call, nr, raw, early, split: false });
  }
  exit(t: Thread, result: number): void {
    const o = this.open.get(t);
    if (!o) return;
    this.open.delete(t);
    const args = this.args(t, o, true, result);
    const value = this.result(o, result);
    const name = o.call?.name ?? `syscall_${hex(o.nr)}`;
    const line = o.split ? `<... ${name} resumed>${this.restArgs(t, o, result)})` : `${name}(${args})`;
    this.line(t, `${line.padEnd(39)} = ${value}`);
  }
  signal(t: Thread, info: SigInfo): void {
    const f = [`si_signo=${signalName(info.signo)}`, `si_code=${info.code}`];
    if (info.addr !== undefined) f.push(`si_addr=${hex(info.addr)}`);
    else if (info.pid !== undefined) f.push(`si_pid=${info.pid}`, `si_uid=${info.uid ?? 0}`);
    this.line(t, `--- ${signalName(info.signo)} {${f.join(', ')}} ---`);
  }
  born(_parent: Thread, _child: Thread): void {
    this.many = true;
  }
  /** The thread ends by its own call. */
  gone(t: Thread, status?: number): void {
    const o = this.open.get(t);
    if (o) {
      this.open.delete(t);
      this.line(t, `${`${o.call?.name}(${this.args(t, o, false, 0)})`.padEnd(39)} = ?`);
    }
    if (status !== undefined || t.process.threads.length === 1)
      this.line(t, `+++ exited with ${((status ?? 0) >> 8) & 0xff} +++`);
  }
  killed(t: Thread, signo: number, core: boolean): void {
    this.line(t, `+++ killed by ${signalName(signo)}${core ? ' (core dumped)' : ''} +++`);
  }

  // ---- lines ---------------------------------------------------------------------------------------------------

  private line(t: Thread, text: string): void {
    // Calls of other threads that have begun are shown as such first.
    for (const [other, o] of this.open) {
      if (other === t || o.split) continue;
      o.split = true;
      const name = o.call?.name ?? `syscall_${hex(o.nr)}`;
      this.raw(other, `${name}(${this.args(other, o, false, 0)} <unfinished ...>`);
    }
    this.raw(t, text);
  }
  private raw(t: Thread, text: string): void {
    this.options.write(this.many ? `[pid ${t.tid}] ${text}` : text);
  }
  /** @param from first argument to show @param late those that only the finished call can tell, too */
  private args(t: Thread, o: Begun, late: boolean, result: number, from = 0): string {
    if (!o.call) return o.raw.map((v) => hex(v)).join(', ');
    const out: string[] = [];
    const params = visibleParams(o);
    for (let i = from; i < params.length; i++) {
      const e = o.early[i];
      if (e === undefined) {
        if (!late) break; // the rest comes when the call has finished
        out.push(this.lateText(t, o, params[i]![1], i, result));
      } else out.push(params[i]![1] === 'ioctlarg' && late && direction(o.raw) === 3 ? this.changed(t, o, e) : e);
    }
    return out.join(', ');
  }
  /** The arguments that the first half of a split line did not show. */
  private restArgs(t: Thread, o: Begun, result: number): string {
    const first = visibleParams(o).findIndex((_, i) => o.early[i] === undefined);
    return o.call && first >= 0 ? this.args(t, o, true, result, first) : '';
  }
  /** A structure that the call may have written to: what it was, and what it is now. */
  private changed(t: Thread, o: Begun, before: string): string {
    const now = this.printer.ioctlArgument(t, o.raw);
    return now === before ? before : `${before} => ${now}`;
  }
  private lateText(t: Thread, o: Begun, kind: Kind, i: number, result: number): string {
    if (result < 0 && kind !== 'waitstatus') return pointer(o.raw[i]!);
    return this.printer.text(t, o.call!, kind, i, o.raw, result);
  }
  private result(o: Begun, r: number): string {
    if (r === KEEP) return '?';
    if (r === Restart.ERESTARTSYS) return '? ERESTARTSYS (To be restarted if SA_RESTART is set)';
    if (r === Restart.ERESTARTNOINTR) return '? ERESTARTNOINTR (To be restarted)';
    if (r === Restart.ERESTARTNOHAND) return '? ERESTARTNOHAND (To be restarted if no handler)';
    if (r < 0 && r >= -4095) {
      const e = errorText(-r);
      return `-1 ${e.name} (${e.words})`;
    }
    const pointers = ['mmap', 'brk', 'mremap'];
    return o.call && pointers.includes(o.call.name) ? hex(r) : String(r);
  }
}

/** The mode of an open that creates nothing says nothing. */
function visibleParams(o: Begun): Call['params'] {
  const params = o.call?.params ?? [];
  return o.call?.name === 'openat' && (o.raw[2]! & BigInt(Open.O_CREAT)) === 0n ? params.slice(0, 3) : params;
}
