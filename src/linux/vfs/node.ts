// Things that have a name in the tree: directories, files, links, devices; and a place in the tree (Location).
// Where their contents come from is the business of the classes built on these.

import { Errno } from '../../base/hostfile.ts';
import { Mode } from '../abi/flags.ts';
import { blankStat, type DirEntry, type FileOps, type Stat } from './file.ts';
import type { HostStat } from './hostfs.ts';

let nextIno = 2 ** 40;
/** Inode numbers of things that no host file system numbered. */
export function freshIno(): number {
  return nextIno++;
}

/** What is kept of everything that has a name, and begins as the same. An object of its own: there are many kinds of nodes. */
interface Inode {
  uid: number;
  gid: number;
  nlink: number;
  mtime: bigint;
  atime: bigint;
  ctime: bigint;
  ino: number;
}

export abstract class Node {
  mode: number;
  readonly inode: Inode;

  constructor(mode: number) {
    this.mode = mode;
    this.inode = { uid: 0, gid: 0, nlink: 1, mtime: 0n, atime: 0n, ctime: 0n, ino: freshIno() };
  }
  /** Takes over what the host says of its file. */
  adopt(s: HostStat): void {
    const { inode } = this;
    inode.ino = s.ino;
    inode.uid = s.uid;
    inode.gid = s.gid;
    inode.nlink = s.nlink;
    inode.mtime = s.mtime;
    inode.atime = s.atime;
    inode.ctime = s.ctime;
  }
  /** It has been made. */
  protected begin(now: bigint): void {
    this.touch(now);
    this.inode.atime = now;
  }
  /** What it holds has changed. */
  protected touch(now: bigint): void {
    this.inode.mtime = this.inode.ctime = now;
  }
  get ino(): number {
    return this.inode.ino;
  }
  get type(): number {
    return this.mode & Mode.S_IFMT;
  }
  stat(): Stat {
    return {
      ...blankStat(),
      ...this.inode,
      dev: 1,
      mode: this.mode,
    };
  }
  /** @param flags O_*. @returns an open file or a negative errno. */
  abstract open(flags: number): FileOps | number;
  /** Permission bits and times change in memory only, unless the node knows better. @param atime undefined: stays */
  setTimes(atime: bigint | undefined, mtime: bigint | undefined): number {
    if (atime !== undefined) this.inode.atime = atime;
    if (mtime !== undefined) this.inode.mtime = mtime;
    return 0;
  }
  chmod(mode: number): number {
    this.mode = (this.mode & Mode.S_IFMT) | (mode & 0o7777);
    return 0;
  }
}

export abstract class DirNode extends Node {
  /** Other trees that hide an entry of this one: mounts. Some are made when they are looked at. */
  readonly mounts = new Map<string, () => Node>();

  constructor(mode = Mode.S_IFDIR | 0o755) {
    super(mode);
    this.inode.nlink = 2;
  }
  /** @returns the entry, undefined if there is none, a negative errno if it cannot be told. */
  protected abstract find(name: string): Node | undefined | number;
  protected abstract names(): Iterable<DirEntry>;
  lookup(name: string): Node | undefined | number {
    return this.mounts.get(name)?.() ?? this.find(name);
  }
  list(): DirEntry[] {
    const out: DirEntry[] = [];
    const hidden = new Set(this.mounts.keys());
    for (const e of this.names()) if (!hidden.has(e.name)) out.push(e);
    for (const [name, mounted] of this.mounts) {
      const { ino, type } = mounted();
      out.push({ name, ino, type });
    }
    return out;
  }
  /** Adds an entry. @returns 0 or a negative errno. */
  add(_name: string, _node: Node): number {
    return -Errno.EROFS;
  }
  /** Gives a file another name. @returns 0 or a negative errno. */
  link(name: string, node: Node): number {
    const r = this.add(name, node);
    if (r === 0) node.inode.nlink++;
    return r;
  }
  /** Takes an entry away, whatever it is. @returns 0 or a negative errno. */
  remove(_name: string): number {
    return -Errno.EROFS;
  }
  /** New, empty things of the sort this directory keeps. */
  makeFile(_name: string, _mode: number): Node | number {
    return -Errno.EROFS;
  }
  makeFifo(_name: string, _mode: number): Node | number {
    return -Errno.EROFS;
  }
  makeDir(_name: string, _mode: number): Node | number {
    return -Errno.EROFS;
  }
  makeSymlink(_name: string, _target: string): Node | number {
    return -Errno.EROFS;
  }
  override open(): FileOps | number {
    return { kind: 'directory', close() {} };
  }
}

export class SymlinkNode extends Node {
  private readonly target: () => string;
  /** For links that lead somewhere by magic (/proc/self/fd/3), not by their text. */
  readonly jump: (() => Location | undefined) | undefined;

  constructor(target: string | (() => string), jump?: () => Location | undefined) {
    super(Mode.S_IFLNK | 0o777);
    this.target = typeof target === 'string' ? () => target : target;
    this.jump = jump;
  }
  readlink(): string {
    return this.target();
  }
  override stat(): Stat {
    return { ...super.stat(), size: this.readlink().length };
  }
  override open(): number {
    return -Errno.ELOOP;
  }
}

export class DeviceNode extends Node {
  private readonly opener: (flags: number) => FileOps | number;
  private readonly rdev: number;

  constructor(rdev: number, opener: (flags: number) => FileOps | number, mode = Mode.S_IFCHR | 0o666) {
    super(mode);
    this.rdev = rdev;
    this.opener = opener;
  }
  override stat(): Stat {
    return { ...super.stat(), dev: 6, rdev: this.rdev };
  }
  override open(flags: number): FileOps | number {
    return this.opener(flags);
  }
}

/** A place in the tree: a node and how it was reached. */
export class Location {
  readonly node: Node;
  readonly parent: Location | undefined;
  readonly name: string;

  constructor(node: Node, parent: Location | undefined, name: string) {
    this.node = node;
    this.parent = parent;
    this.name = name;
  }
  path(): string {
    let out = '';
    for (let l: Location = this; l.parent; l = l.parent) out = `/${l.name}${out}`;
    return out || '/';
  }
}
