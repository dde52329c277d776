// What an open file can do, beyond what plug-ins (base/hostfile.ts) offer, and the description that descriptors share.
// Knows no particular kind of file.

import type { HostFile } from '../../base/hostfile.ts';
import { Mode, O_ACCMODE, Open } from '../abi/flags.ts';
import type { Backing } from '../mm/vma.ts';
import type { WaitQueue } from '../wait.ts';
import type { Location } from './node.ts';

/** struct stat in host-neutral form. Times in ns since 1970. */
export interface Stat {
  dev: number;
  ino: number;
  mode: number;
  nlink: number;
  uid: number;
  gid: number;
  rdev: number;
  size: number;
  blksize: number;
  blocks: number;
  atime: bigint;
  mtime: bigint;
  ctime: bigint;
}

/** A file as the system calls see it. Would-block is told by returning a Pending; O_NONBLOCK turns it into EAGAIN. */
export interface FileOps extends HostFile {
  /** Has a position; read and write go through pread and pwrite. */
  readonly seekable?: boolean;
  /** @param append write at the end. @returns bytes written or a negative errno. */
  pwrite?(data: Uint8Array, offset: bigint, append?: boolean): number;
  truncate?(size: number): number;
  /** For files without a name. @param mode permission bits */
  chmod?(mode: number): number;
  stat?(): Stat;
  /** Woken when poll() may answer differently. Without one, pollers ask again from time to time. */
  readonly waitQueue?: WaitQueue;
  /** What mmap maps. */
  backing?(): Backing;
  /** Lines of its own in /proc/PID/fdinfo. */
  info?(): string;
  /** Writes what mappings changed back to where the file lives. */
  sync?(): void;
}

export interface DirEntry {
  readonly name: string;
  readonly ino: number;
  /** S_IFMT bits. */
  readonly type: number;
}

let nextMountlessIno = 1;

/** An open file description: what dup() and fork() share. */
export class Description {
  readonly file: FileOps;
  /** O_* without creation flags. */
  flags: number;
  pos = 0;
  /** What /proc/PID/fd says when it has no place in the tree. */
  readonly label: string;
  readonly location: Location | undefined;
  /** A directory listing in progress. */
  entries: readonly DirEntry[] | undefined;
  private refs = 1;
  private readonly ino = nextMountlessIno++;

  constructor(file: FileOps, flags: number, label: string, location?: Location) {
    this.file = file;
    this.flags = flags;
    this.label = label;
    this.location = location;
  }
  get readable(): boolean {
    return (this.flags & O_ACCMODE) !== Open.O_WRONLY && (this.flags & Open.O_PATH) === 0;
  }
  get writable(): boolean {
    return (this.flags & O_ACCMODE) !== 0 && (this.flags & Open.O_PATH) === 0;
  }
  get nonblock(): boolean {
    return (this.flags & Open.O_NONBLOCK) !== 0;
  }
  get path(): string {
    return this.location ? this.location.path() : this.label;
  }
  ref(): this {
    this.refs++;
    return this;
  }
  unref(): void {
    if (--this.refs === 0) this.file.close();
  }
  get refCount(): number {
    return this.refs;
  }
  stat(): Stat {
    if (this.file.stat) return this.file.stat();
    if (this.location) return this.location.node.stat();
    return { ...blankStat(), ino: this.ino, mode: 0o600, size: Number(this.file.size?.() ?? 0n) };
  }
}

export function blankStat(): Stat {
  return {
    dev: 15,
    ino: 0,
    mode: Mode.S_IFREG | 0o600,
    nlink: 1,
    uid: 0,
    gid: 0,
    rdev: 0,
    size: 0,
    blksize: 4096,
    blocks: 0,
    atime: 0n,
    mtime: 0n,
    ctime: 0n,
  };
}

/** Linux dev_t as stat(2) shows it. */
export function makedev(major: number, minor: number): number {
  return (minor & 0xff) + major * 256 + Math.floor(minor / 256) * 0x100000;
}
