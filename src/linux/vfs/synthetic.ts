// Directories and files whose contents are made up when somebody looks: the stuff of /proc and /sys.

import { Errno } from '../../base/hostfile.ts';
import { lazy } from '../../base/lazy.ts';
import { Mode, O_ACCMODE } from '../abi/flags.ts';
import { fromUtf8, utf8 } from '../bytes.ts';
import type { DirEntry, FileOps, Stat } from './file.ts';
import { DirNode, Node, SymlinkNode } from './node.ts';

/** A file whose text is made at open. */
export class TextNode extends Node {
  private readonly make: () => string | Uint8Array;
  private readonly onWrite: ((text: string) => number) | undefined;

  constructor(make: string | (() => string | Uint8Array), onWrite?: (text: string) => number) {
    super(Mode.S_IFREG | (onWrite ? 0o644 : 0o444));
    this.make = typeof make === 'string' ? () => make : make;
    this.onWrite = onWrite;
  }
  override stat(): Stat {
    return { ...super.stat(), dev: 21, blksize: 1024 };
  }
  override open(flags: number): FileOps | number {
    const { onWrite } = this;
    if ((flags & O_ACCMODE) !== 0 && !onWrite) return -Errno.EACCES;
    const look = () => {
      const made = this.make();
      return typeof made === 'string' ? utf8(made) : made;
    };
    let bytes: Uint8Array | undefined;
    return {
      kind: 'text',
      seekable: true,
      pread: (out, offset) => {
        // Going back to the start shows what is true now.
        if (offset === 0n || !bytes) bytes = look();
        const part = bytes.subarray(Number(offset), Number(offset) + out.length);
        out.set(part);
        return part.length;
      },
      pwrite: (data) => {
        const r = onWrite ? onWrite(fromUtf8(data)) : -Errno.EINVAL;
        return r < 0 ? r : data.length;
      },
      stat: () => this.stat(),
      poll: () => 5,
      close() {},
    };
  }
}

/** Made when they are looked for: most never are. */
export const text =
  (...of: ConstructorParameters<typeof TextNode>) =>
  (): Node =>
    new TextNode(...of);
export const link =
  (...of: ConstructorParameters<typeof SymlinkNode>) =>
  (): Node =>
    new SymlinkNode(...of);

/** Of a process or descriptor, written as the kernel writes it. */
export function isNumber(name: string): boolean {
  return /^(0|[1-9]\d*)$/.test(name);
}

export type Entries = Readonly<Record<string, Node | (() => Node)>>;

/** A directory with fixed names, and optionally some that come and go. */
export class FixedDir extends DirNode {
  readonly fsType: string;
  private readonly entries: () => Entries;
  private readonly made = new Map<string, Node>();
  private readonly more: { names(): readonly string[]; find(name: string): Node | undefined } | undefined;

  constructor(
    fsType: string,
    entries: Entries | (() => Entries),
    more?: { names(): readonly string[]; find(name: string): Node | undefined },
  ) {
    super(Mode.S_IFDIR | 0o555);
    this.fsType = fsType;
    this.entries = typeof entries === 'function' ? lazy(entries) : () => entries;
    this.more = more;
  }
  override stat(): Stat {
    return { ...super.stat(), dev: this.fsType === 'proc' ? 21 : 22, blksize: 1024 };
  }
  protected override find(name: string): Node | undefined {
    const known = this.made.get(name);
    if (known) return known;
    const other = this.more?.find(name);
    if (other) return other;
    const entries = this.entries();
    if (!Object.hasOwn(entries, name)) return undefined;
    const e = entries[name]!;
    const n = e instanceof Node ? e : e();
    this.made.set(name, n);
    return n;
  }
  protected override names(): Iterable<DirEntry> {
    const out: DirEntry[] = [];
    for (const name of [...Object.keys(this.entries()), ...(this.more?.names() ?? [])]) {
      const n = this.find(name);
      if (n) out.push({ name, ino: n.ino, type: n.type });
    }
    return out;
  }
}

/** A tree of texts from nested objects: leaves are file contents. Directories are made when somebody looks into them. */
export interface TextTree {
  readonly [name: string]: string | (() => string) | Node | TextTree;
}
export function textTree(fsType: string, tree: TextTree): FixedDir {
  return new FixedDir(fsType, () => {
    const entries: Record<string, Node> = {};
    for (const [name, v] of Object.entries(tree)) {
      if (v instanceof Node) entries[name] = v;
      else if (typeof v === 'string' || typeof v === 'function') entries[name] = new TextNode(v);
      else entries[name] = textTree(fsType, v);
    }
    return entries;
  });
}
