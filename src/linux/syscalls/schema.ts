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
export type Params = Readonly<Record<string, Kind>>;
export type Args<P extends Params> = { readonly [K in keyof P]: KindTypes[P[K]] };

export interface SyscallRow<P extends Params = Params> {
  readonly nr: number;
  readonly params: P;
  readonly handler: (t: Thread, a: Args<P>) => Result;
}

export function sys<const P extends Params>(
  nr: number,
  params: P,
  handler: (t: Thread, a: Args<P>) => Result,
): SyscallRow<P> {
  return { nr, params, handler };
}
/** A call that always gives the same answer; the reason stands beside the row. */
export function answer<const P extends Params>(nr: number, params: P, result: number): SyscallRow<P> {
  return { nr, params, handler: () => result };
}
/** A table of rows, with the argument types forgotten. */
export type SyscallTable = Readonly<
  Record<string, { readonly nr: number; readonly params: Params; readonly handler: unknown }>
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
