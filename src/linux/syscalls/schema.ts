// The vocabulary of system call rows: number, named and typed arguments, handler. Dispatch, --strace and the status
// page are derived from the rows; an argument's kind says how it is read and how it is printed.

import type { Result } from '../../base/hostfile.ts';
import type { Thread } from '../thread.ts';

/** How an argument is read: what a handler gets. */
interface KindTypes {
  /** Signed 32 bits. */
  int: number;
  /** Unsigned 32 bits. */
  uint: number;
  /** Signed 64 bits that fit a number. */
  long: number;
  /** Unsigned 64 bits that fit a number. */
  size: number;
  /** All 64 bits. */
  u64: bigint;
  /** An address handed through untouched. */
  ptr: bigint;
  /** A user address as a number (top byte ignored). */
  addr: number;
  fd: number;
  /** A descriptor or AT_FDCWD. */
  dirfd: number;
  pid: number;
  sig: number;
  mode: number;
  /** A NUL-terminated string, at most PATH_MAX. */
  path: string;
  /** Bytes that the call reads / writes; the next argument is their number. */
  bufin: bigint;
  bufout: bigint;
  // Flag words.
  openflags: number;
  prot: number;
  mapflags: number;
  madvice: number;
  cloneflags: number;
  atflags: number;
  futexop: number;
  clockid: number;
  fcntlcmd: number;
  ioctlcmd: number;
  whence: number;
  sighow: number;
  rlimit: number;
  // Pointers to structures, printed decoded. `…out` ones are printed after the call.
  timespec: bigint;
  timespecout: bigint;
  sigset: bigint;
  sigsetout: bigint;
  sigaction: bigint;
  sigactionout: bigint;
  statout: bigint;
  intout: bigint;
  pairout: bigint;
  waitstatus: bigint;
  iovin: bigint;
  iovout: bigint;
  argv: bigint;
  ioctlarg: bigint;
  cpuset: bigint;
}
export type Kind = keyof KindTypes;
/**
 * What a call is given, as a prototype: `'fd fd, bufout buf, size count'`, kinds and names. Text, because programs make few of
 * the calls there are: what stands in it is taken apart when a call is first made.
 */
type Params<S extends string> = S extends `${infer Kind} ${infer Name}, ${infer Rest}`
  ? { readonly [N in Name]: Kind } & Params<Rest>
  : S extends `${infer Kind} ${infer Name}`
    ? { readonly [N in Name]: Kind }
    : unknown;
type Args<S extends string> = {
  readonly [N in keyof Params<S>]: Params<S>[N] extends Kind ? KindTypes[Params<S>[N]] : never;
};
/** Itself, if all kinds are some. */
type Checked<S extends string> = Exclude<Params<S>[keyof Params<S>], Kind> extends never ? S : never;

export interface SyscallRow<S extends string = string> {
  readonly nr: number;
  readonly params: S;
  readonly handler: (t: Thread, a: Args<S>) => Result;
}

export function sys<const S extends string>(
  nr: number,
  params: Checked<S>,
  handler: (t: Thread, a: Args<S>) => Result,
): SyscallRow<S> {
  return { nr, params, handler };
}
/** A call that always gives the same answer; the reason stands beside the row. */
export function answer<const S extends string>(nr: number, params: Checked<S>, result: number): SyscallRow<S> {
  return { nr, params, handler: () => result };
}
export function paramsOf({ params }: { readonly params: string }): (readonly [name: string, kind: Kind])[] {
  const all: [name: string, kind: Kind][] = [];
  for (let at = 0; at < params.length; ) {
    const space = params.indexOf(' ', at);
    const comma = params.indexOf(', ', space);
    const end = comma < 0 ? params.length : comma;
    all.push([params.slice(space + 1, end), params.slice(at, space) as Kind]);
    at = end + 2;
  }
  return all;
}
/** A table of rows, with the argument types forgotten. */
export type SyscallTable = Readonly<
  Record<string, { readonly nr: number; readonly params: string; readonly handler: unknown }>
>;

/** Ends a system call with an errno from deep inside. */
export class SysError extends Error {
  override readonly name = 'SysError';
  readonly errno: number;
  constructor(errno: number) {
    super(`errno ${errno}`);
    this.errno = errno;
  }
}
/** Result of a call that leaves X0 alone (rt_sigreturn, execve) . */
export const KEEP = -0x1_0000_0000;
/** Result of a wait after which the whole call is made again. */
export const REDO = -0x1_0000_0001;
