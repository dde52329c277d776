// Directories: a tree in memory that may lie over a directory of the host. Looking reads through to the host;
// creating, removing and renaming happen in memory only, unless the directory is mounted for writing (--rw).

import { Errno } from '../../base/hostfile.ts';
import { Mode } from '../abi/flags.ts';
import { FifoNode } from './fifo.ts';
import type { DirEntry, Stat } from './file.ts';
import type { HostStat } from './hostfs.ts';
import { DeviceNode, DirNode, type Node, SymlinkNode } from './node.ts';
import { FileNode, type FsContext } from './regular.ts';

/** Says whether changes below a host path go through to the host. */
export type IsWritable = (hostPath: string) => boolean;

const join = (dir: string, name: string) => (dir === '/' ? `/${name}` : `${dir}/${name}`);

export class TreeDir extends DirNode {
  private readonly fs: FsContext;
  /** Directories of the host whose union this is, the first one on top. */
  private readonly lowers: readonly string[];
  private readonly writable: IsWritable;
  /** Known entries; null hides one of the host's. */
  private readonly known = new Map<string, Node | null>();
  private readonly hostDev: number;

  constructor(
    fs: FsContext,
    options: { lowers?: readonly string[]; stat?: HostStat; mode?: number; writable?: IsWritable } = {},
  ) {
    super(Mode.S_IFDIR | ((options.stat?.mode ?? options.mode ?? 0o755) & 0o7777));
    this.fs = fs;
    this.lowers = options.lowers ?? [];
    this.writable = options.writable ?? (() => false);
    this.hostDev = options.stat?.dev ?? 1;
    const s = options.stat;
    if (s) this.adopt(s);
    else this.begin(fs.now());
  }
  private through(): string | undefined {
    return this.lowers.find((l) => this.writable(l));
  }
  override stat(): Stat {
    return { ...super.stat(), dev: this.hostDev, size: 4096, blocks: 8 };
  }
  protected override find(name: string): Node | undefined | number {
    const k = this.known.get(name);
    if (k === null) return undefined;
    // Behind a directory mounted for writing the host may change things itself: ask again.
    if (k && !this.through()) return k;
    const { host } = this.fs;
    if (!host) return k ?? undefined;
    let top: { path: string; stat: HostStat } | undefined;
    const dirs: string[] = [];
    for (const lower of this.lowers) {
      const path = join(lower, name);
      const stat = host.lstat(path);
      if (typeof stat === 'number') {
        if (stat === -Errno.ENOENT || stat === -Errno.ENOTDIR) continue;
        return stat;
      }
      top ??= { path, stat };
      if ((top.stat.mode & Mode.S_IFMT) !== Mode.S_IFDIR) break;
      if ((stat.mode & Mode.S_IFMT) === Mode.S_IFDIR) dirs.push(path);
    }
    if (!top) {
      if (k && this.lowers.length > 0 && this.through() !== undefined) this.known.delete(name);
      return this.through() === undefined ? k : undefined;
    }
    if (k && k.ino === top.stat.ino && k.type === (top.stat.mode & Mode.S_IFMT)) return k;
    const node = this.adoptEntry(top.path, top.stat, dirs);
    this.known.set(name, node);
    return node;
  }
  private adoptEntry(path: string, s: HostStat, dirs: readonly string[]): Node {
    const { host } = this.fs;
    switch (s.mode & Mode.S_IFMT) {
      case Mode.S_IFDIR:
        return new TreeDir(this.fs, { lowers: dirs, stat: s, writable: this.writable });
      case Mode.S_IFLNK: {
        const link = new SymlinkNode(() => {
          const t = host!.readlink(path);
          return typeof t === 'number' ? '' : t;
        });
        link.adopt(s);
        return link;
      }
      case Mode.S_IFREG:
        return new FileNode(this.fs, s.mode, { path, stat: s, writeThrough: this.writable(path) });
      default: {
        // Devices, FIFOs and sockets of the host are visible but cannot be opened.
        const n = new DeviceNode(s.rdev, () => -Errno.ENXIO, s.mode);
        n.adopt(s);
        return n;
      }
    }
  }
  protected override names(): Iterable<DirEntry> {
    const out = new Map<string, DirEntry>();
    for (const lower of this.lowers) {
      const l = this.fs.host?.readdir(lower) ?? -Errno.ENOENT;
      if (typeof l === 'number') continue;
      for (const e of l) {
        // The inode number only has to be stable: the entry is looked up when it matters.
        if (!out.has(e.name)) out.set(e.name, { name: e.name, ino: nameIno(this.ino, e.name), type: e.type });
      }
    }
    for (const [name, n] of this.known) {
      if (n === null) out.delete(name);
      else if (!this.through() || out.has(name)) out.set(name, { name, ino: n.ino, type: n.type });
    }
    return [...out.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }
  override add(name: string, node: Node): number {
    this.known.set(name, node);
    this.touch(this.fs.now());
    return 0;
  }
  override link(name: string, node: Node): number {
    const t = this.through();
    if (t === undefined || !this.fs.host) return super.link(name, node);
    if (!(node instanceof FileNode) || node.hostPath === undefined) return -Errno.EXDEV;
    return this.fs.host.link(node.hostPath, join(t, name));
  }
  override remove(name: string): number {
    const t = this.through();
    if (t !== undefined && this.fs.host) {
      const n = this.find(name);
      const r = n instanceof DirNode ? this.fs.host.rmdir(join(t, name)) : this.fs.host.unlink(join(t, name));
      if (r < 0) return r;
      this.known.delete(name);
      return 0;
    }
    if (this.lowers.length === 0) this.known.delete(name);
    else this.known.set(name, null);
    this.touch(this.fs.now());
    return 0;
  }
  override makeFile(name: string, mode: number): Node | number {
    const t = this.through();
    if (t !== undefined && this.fs.host) {
      const h = this.fs.host.open(join(t, name), 'create', mode);
      if (h < 0) return h;
      this.fs.host.close(h);
      return this.find(name) as Node;
    }
    const n = new FileNode(this.fs, mode);
    this.add(name, n);
    return n;
  }
  override makeFifo(name: string, mode: number): Node | number {
    if (this.through() !== undefined) return -Errno.EPERM;
    const n = new FifoNode(mode);
    this.add(name, n);
    return n;
  }
  override makeDir(name: string, mode: number): Node | number {
    const t = this.through();
    if (t !== undefined && this.fs.host) {
      const r = this.fs.host.mkdir(join(t, name), mode);
      return r < 0 ? r : (this.find(name) as Node);
    }
    const n = new TreeDir(this.fs, { mode });
    this.add(name, n);
    return n;
  }
  override makeSymlink(name: string, target: string): Node | number {
    const t = this.through();
    if (t !== undefined && this.fs.host) {
      const r = this.fs.host.symlink(target, join(t, name));
      return r < 0 ? r : (this.find(name) as Node);
    }
    const n = new SymlinkNode(target);
    this.add(name, n);
    return n;
  }
  /** Host path of an entry when both sides of a rename are mounted for writing. */
  hostEntry(name: string): string | undefined {
    const t = this.through();
    return t === undefined ? undefined : join(t, name);
  }
  forget(name: string): void {
    this.known.delete(name);
  }
}

/** A stable stand-in for an inode number that is not worth a system call. */
function nameIno(dirIno: number, name: string): number {
  let h = dirIno | 0;
  for (let i = 0; i < name.length; i++) h = Math.imul(h ^ name.charCodeAt(i), 0x01000193);
  return (h >>> 0) + 2 ** 33;
}

/** Moves an entry. @linux vfs_rename. @returns 0 or a negative errno. */
export function renameEntry(from: DirNode, name: string, node: Node, to: DirNode, newName: string): number {
  if (from instanceof TreeDir && to instanceof TreeDir) {
    const a = from.hostEntry(name);
    const b = to.hostEntry(newName);
    if (a !== undefined && b !== undefined) {
      const host = (from as unknown as { fs: FsContext }).fs.host!;
      const r = host.rename(a, b);
      if (r === 0) {
        from.forget(name);
        to.forget(newName);
      }
      return r;
    }
    if ((a === undefined) !== (b === undefined)) return -Errno.EXDEV;
  }
  const r = to.add(newName, node);
  return r < 0 ? r : from.remove(name);
}
