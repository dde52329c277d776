// What the virtual file system asks of the machine it runs on. Node gives one answer (nodefs.ts), a browser another.
// Nothing here is an implementation.

/** What the host says of a path. Times in ns. */
export interface HostStat {
  readonly dev: number;
  readonly ino: number;
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev: number;
  readonly size: number;
  readonly atime: bigint;
  readonly mtime: bigint;
  readonly ctime: bigint;
}

/** All calls answer a negative errno on failure. */
export interface HostFs {
  lstat(path: string): HostStat | number;
  readdir(path: string): readonly { readonly name: string; readonly type: number }[] | number;
  readlink(path: string): string | number;
  /** @returns a handle. */
  open(path: string, how: 'read' | 'write' | 'create', mode?: number): number;
  fstat(handle: number): HostStat | number;
  pread(handle: number, out: Uint8Array, offset: number): number;
  pwrite(handle: number, data: Uint8Array, offset: number): number;
  truncate(handle: number, size: number): number;
  close(handle: number): void;
  mkdir(path: string, mode: number): number;
  unlink(path: string): number;
  rmdir(path: string): number;
  rename(from: string, to: string): number;
  symlink(target: string, path: string): number;
  link(from: string, to: string): number;
  chmod(path: string, mode: number): number;
  /** Times in ns since 1970. */
  utimes(path: string, atime: bigint, mtime: bigint): number;
}

/** One of the three streams a program starts with. */
export interface HostStream {
  /** S_IFMT bits: character device, FIFO, regular file. */
  readonly type: number;
  readonly isTty: boolean;
  /** Columns and rows of the terminal. */
  size?(): readonly [number, number];
  /**
   * Blocks until there is something, except on a terminal. @returns bytes, 0 at the end, a negative errno, or
   * 'wait' when a terminal has nothing to give yet.
   */
  read(out: Uint8Array): number | 'wait';
  /** Writes everything. @returns bytes or a negative errno. */
  write(data: Uint8Array): number;
  /**
   * A terminal hands over every key at once instead of whole lines.
   * @param onInterrupt Ctrl-C is still to mean SIGINT: called instead of handing the key over
   */
  setRaw?(raw: boolean, onInterrupt?: () => void): void;
  /** A read would not wait. */
  readable(): boolean;
}
