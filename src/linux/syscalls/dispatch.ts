// From X8 to the row, and from the result back to X0. All rows of all families come together here.

import { Errno, type Result } from '../../base/hostfile.ts';
import { lazy } from '../../base/lazy.ts';
import { OutOfFrames } from '../../cpu/physmem.ts';
import { Slot } from '../../cpu/state.ts';
import { userAddress } from '../mm/addresses.ts';
import { UserfaultWait } from '../mm/user_access.ts';
import { RT_SIGRETURN } from '../sigframe_layout.ts';
import type { Thread } from '../thread.ts';
import { Restart, Wait } from '../wait.ts';
import { CLONE } from './clone.ts';
import { DESCRIPTORS } from './descriptors.ts';
import { EVENTS } from './events.ts';
import { FILES } from './files.ts';
import { FUTEX } from './futex.ts';
import { IO } from './io.ts';
import { MEMORY } from './memory.ts';
import { PROCESS } from './process.ts';
import { SCHED } from './sched.ts';
import { KEEP, type Kind, paramsOf, REDO, type SyscallRow, type SyscallTable, SysError } from './schema.ts';
import { returnQuickly, SIGNALS } from './signals.ts';
import { SOCKETS } from './sockets.ts';
import { START } from './start.ts';
import { STAT } from './stat.ts';
import { SYSTEM } from './system.ts';
import { TIME } from './time.ts';
import { getString } from './util.ts';

/** Of calls that all programs make, that most make, and all others: chunks of the command that are loaded when they are needed. */
const TABLES: readonly (() => readonly SyscallTable[])[] = [
  () => [START],
  () => [FILES, IO, DESCRIPTORS, STAT, MEMORY, PROCESS, SIGNALS, TIME, SYSTEM, FUTEX],
  () => [SOCKETS, EVENTS, CLONE, SCHED],
];
/** Every system call there is, by name. Programs do without: an object of so many names takes long to make. */
export const syscalls = lazy(
  (): SyscallTable => Object.assign({}, ...TABLES.flatMap((load) => load())) as SyscallTable,
);

type Value = number | bigint | string;
type Read = (raw: bigint, t: Thread) => Value;
const whole: Read = (raw) => raw;
const int: Read = (raw) => Number(BigInt.asIntN(32, raw));
const uint: Read = (raw) => Number(BigInt.asUintN(32, raw));
const size: Read = (raw) => Number(raw);
const long: Read = (raw) => Number(BigInt.asIntN(64, raw));
/** How arguments are read: those of most kinds are simply 64 bits. */
function readerOf(kind: Kind): Read {
  switch (kind) {
    case 'int': case 'fd': case 'dirfd': case 'pid': case 'sig': case 'clockid': case 'fcntlcmd': case 'whence':
    case 'sighow': case 'prot': case 'madvice': case 'futexop': case 'openflags': case 'atflags':
      return int;
    case 'uint': case 'mode': case 'rlimit': case 'ioctlcmd':
      return uint;
    case 'size': case 'mapflags': case 'cloneflags':
      return size;
    case 'long':
      return long;
    case 'addr':
      return userAddress;
    case 'path':
      return (raw, t) => getString(t, raw);
    default:
      return whole;
  }
} // biome-ignore format: a table

export interface Call {
  readonly name: string;
  readonly nr: number;
  readonly params: readonly (readonly [name: string, kind: Kind])[];
  readonly handler: SyscallRow['handler'];
  readonly readers: readonly Read[];
}
function callOf(name: string, row: SyscallTable[string]): Call {
  const params = paramsOf(row);
  const readers = params.map((param) => readerOf(param[1]));
  return { name, nr: row.nr, params, readers, handler: row.handler as SyscallRow['handler'] };
}
function find(nr: number): Call | undefined {
  for (const load of TABLES) {
    for (const table of load()) {
      for (const name in table) {
        const row = table[name]!;
        if (row.nr === nr) return callOf(name, row);
      }
    }
  }
  return undefined;
}
/** Made when they are first made use of; undefined: there is none. */
const calls = new Map<number, Call | undefined>();
export function callByNumber(nr: number): Call | undefined {
  let call = calls.get(nr);
  if (call || calls.has(nr)) return call;
  call = find(nr);
  calls.set(nr, call);
  return call;
}

/** Makes the system call that the thread's registers ask for. */
export function dispatch(t: Thread): void {
  const cpu = t.state;
  const nr = cpu.low(Slot.X + 8 * 8);
  t.syscall = nr;
  // What SVE has beyond V does not survive a system call.
  if (cpu.sveLive !== 0) cpu.discardSve();
  const { strace } = t.machine;
  if (nr === RT_SIGRETURN && !strace && returnQuickly(t)) return;
  const call = callByNumber(nr);
  if (strace) {
    const raw = [cpu.x(0), cpu.x(1), cpu.x(2), cpu.x(3), cpu.x(4), cpu.x(5)];
    strace.enter(t, call, nr, raw);
  }
  if (!call) {
    t.machine.unknown(`system call ${nr}`);
    finishCall(t, -Errno.ENOSYS);
    return;
  }
  settle(t, invoke(t, call));
}
function invoke(t: Thread, call: Call): Result {
  try {
    const { params, readers } = call;
    const args: Record<string, Value> = {};
    for (let i = 0; i < params.length; i++) args[params[i]![0]] = readers[i]!(t.state.x(i), t);
    return call.handler(t, args as never);
  } catch (e) {
    return thrown(t, e);
  }
}
function thrown(t: Thread, e: unknown): Result {
  if (e instanceof SysError) return -e.errno;
  if (e instanceof OutOfFrames) return -Errno.ENOMEM;
  if (e instanceof UserfaultWait && e.fault.kind === 'userfault') {
    const { addr, write, vma } = e.fault;
    const u = vma.userfault!;
    u.report(addr, write, t.tid);
    return new Wait(
      () => {
        if (t.mm.fault(addr, write) !== 0) return REDO;
        return t.mm.lastFault?.kind === 'userfault' ? 'wait' : REDO;
      },
      { queues: [u.resolved], interrupted: Restart.ERESTARTNOINTR },
    );
  }
  throw e;
}
function settle(t: Thread, r: Result): void {
  if (t.dead) return;
  if (typeof r === 'number') finishCall(t, r);
  else t.op = r;
}

/** Goes on with the call that the thread is inside of. */
export function stepCall(t: Thread, budget: number): number | 'again' | 'wait' | 'away' {
  try {
    return t.op!.step(budget);
  } catch (e) {
    if (e instanceof UserfaultWait && e.fault.kind === 'userfault') {
      // The call itself goes on when the page is there: it keeps what it already has.
      const { addr, write, vma } = e.fault;
      vma.userfault!.report(addr, write, t.tid);
      t.pollOnce = true;
      return 'wait';
    }
    const r = thrown(t, e);
    return typeof r === 'number' ? r : 'wait';
  }
}

/** The call is over: its result goes to X0, or it is noted for a restart. */
export function finishCall(t: Thread, result: number): void {
  t.op = undefined;
  if (t.syscall < 0) return;
  if (result === REDO) {
    dispatch(t);
    return;
  }
  t.machine.strace?.exit(t, result);
  if (result === KEEP) return;
  if (result === Restart.ERESTARTSYS || result === Restart.ERESTARTNOINTR || result === Restart.ERESTARTNOHAND) {
    t.restart = result;
    return;
  }
  // Results are below 2^53: addresses have 48 bits.
  t.state.setHalves(Slot.X, result, Math.floor(result / 2 ** 32));
}
