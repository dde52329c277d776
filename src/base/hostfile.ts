// How a file description that is not part of the process emulator (such as /dev/kvm and the files it hands
// out) plugs into it, and what it may ask of the program that calls it. `kvm/` implements HostFile, `linux/`
// implements Caller; the two never import each other.

/** Linux errno numbers used on both sides of this interface (asm-generic/errno-base.h, errno.h). */
export const Errno = {
  EPERM: 1, ENOENT: 2, ESRCH: 3, EINTR: 4, EIO: 5, ENXIO: 6, E2BIG: 7, ENOEXEC: 8, EBADF: 9, ECHILD: 10,
  EAGAIN: 11, ENOMEM: 12, EACCES: 13, EFAULT: 14, ENOTBLK: 15, EBUSY: 16, EEXIST: 17, EXDEV: 18, ENODEV: 19,
  ENOTDIR: 20, EISDIR: 21, EINVAL: 22, ENFILE: 23, EMFILE: 24, ENOTTY: 25, ETXTBSY: 26, EFBIG: 27, ENOSPC: 28,
  ESPIPE: 29, EROFS: 30, EMLINK: 31, EPIPE: 32, EDOM: 33, ERANGE: 34, EDEADLK: 35, ENAMETOOLONG: 36, ENOLCK: 37,
  ENOSYS: 38, ENOTEMPTY: 39, ELOOP: 40, EOVERFLOW: 75, EOPNOTSUPP: 95, ETIMEDOUT: 110, EHWPOISON: 133,
} as const; // biome-ignore format: a table
export type ErrnoName = keyof typeof Errno;

/** What a file operation answers: a value >= 0, a negative errno, or work that goes on in slices. */
export type Result = number | Pending;

/** Work that a thread is inside of (KVM_RUN, a blocking read): the scheduler steps it until it is done. */
export interface Pending {
  /**
   * Go on for at most `budget` guest instructions.
   * @returns a Result value when finished; 'again' when the budget ran out; 'wait' when nothing can happen until
   *          something outside changes (the scheduler polls again after other threads ran or time advanced); 'away' when a
   *          guest executes elsewhere at the same time: the CPU is taken, and the next step asks how it is.
   */
  step(budget: number): number | 'again' | 'wait' | 'away';
  /** After 'away': the thread is no more. */
  abandon?(): void;
  /** For 'wait': the virtual time in ns at which it is worth asking again, if there is one (a timer deadline). */
  wakeAt?(): bigint | undefined;
  /** A signal arrived for the thread. @returns the Result to give (usually -EINTR), or undefined to go on. */
  interrupt?(): number | undefined;
}

/** Memory of the calling program, by its own virtual addresses. All throw nothing: false/undefined means EFAULT. */
export interface UserMemory {
  read(addr: bigint, out: Uint8Array): boolean;
  write(addr: bigint, data: Uint8Array): boolean;
  /**
   * The physical frame number (see cpu/physmem.ts) that backs the page at `addr`, faulting it in.
   * 'pending' means that somebody else (a userfaultfd handler) must act first; undefined means EFAULT.
   * @param write the caller is going to write: copy-on-write pages are copied, read-only ones refused
   */
  frame(addr: bigint, write: boolean): number | undefined | 'pending';
  /** Called after any change of what `frame` would answer for [start, end): unmapping, protection, COW. */
  onChange(listener: (start: bigint, end: bigint) => void): () => void;
}

/** The process and thread on whose behalf a file operation runs. */
export interface Caller {
  readonly pid: number;
  readonly tid: number;
  /** Identity of the address space: ioctls of a VM made by another one answer EIO. */
  readonly memory: UserMemory;
  /** Installs a new file description and returns its descriptor, or a negative errno (EMFILE). */
  installFd(file: HostFile, path: string, flags: number): number;
  getFile(fd: number): HostFile | undefined;
  /** A signal is pending and not blocked (mask: a temporary one while KVM_RUN runs, by KVM_SET_SIGNAL_MASK). */
  signalPending(mask?: bigint): boolean;
  /** Which of the host's CPUs the thread runs on. */
  cpu(): number;
  /** Its floating-point registers: a TaskFp (cpu/host_fp.ts). Absent: it has none that KVM would have to mind. */
  readonly fp?: object;
  /** ns that the thread was ready to run but had to wait for a CPU; absent: not known. */
  readonly runDelay?: number;
}

/** Frames that a mapping of a HostFile shows: page i of the mapping is frames(i). */
export interface SharedPages {
  readonly pages: number;
  /** @param wish the frame that is preferred if it must be made, 0: any. @returns frame number, or undefined: touching the page is SIGBUS. */
  frame(index: number, wish?: number): number | undefined;
  /** Nobody has the page in memory, and it is a whole one: `readInto` gives what it would hold. */
  isOutside?(index: number): boolean;
  /** Reads pages that are outside. */
  readInto?(first: number, out: Uint8Array): void;
  /**
   * Called before pages go away (truncation, hole punching): mappings forget them.
   * @returns the function that removes the listener.
   */
  onZap?(listener: (first: number, count: number) => void): () => void;
}

/** A file description. Every member is optional but `close`: an absent one answers the errno that Linux gives. */
export interface HostFile {
  /** For other layers that must recognise it (`eventfd`, `kvm-vm`, `guest_memfd`, ...). */
  readonly kind: string;
  ioctl?(cmd: number, arg: bigint, caller: Caller): Result;
  /** @returns the pages or a negative errno. @param shared MAP_SHARED */
  mmap?(offset: bigint, length: bigint, shared: boolean, prot: number): SharedPages | number;
  read?(out: Uint8Array, caller: Caller): Result;
  write?(data: Uint8Array, caller: Caller): Result;
  pread?(out: Uint8Array, offset: bigint): number;
  fallocate?(mode: number, offset: bigint, length: bigint): number;
  size?(): bigint;
  /** poll(2) bits that are ready now: POLLIN 1, POLLOUT 4, POLLERR 8, POLLHUP 16. */
  poll?(): number;
  close(): void;
}

/** An eventfd as the device side sees it (irqfd, ioeventfd). */
export interface EventFile extends HostFile {
  readonly kind: 'eventfd';
  signal(value: bigint): void;
  /** Reads and clears the counter, as irqfd does. */
  consume(): bigint;
  /** @returns the function that removes the listener. */
  onSignal(listener: () => void): () => void;
}
