// Regular files: bytes in memory over bytes of the host. Reading goes through to the host until a page is written;
// written pages stay in memory (the overlay), or go to the host's file as well when it is mounted for writing.

import { Errno } from '../../base/hostfile.ts';
import type { PhysMem } from '../../cpu/physmem.ts';
import { Mode, O_ACCMODE, Open } from '../abi/flags.ts';
import { PageStore } from '../mm/pages.ts';
import type { Backing } from '../mm/vma.ts';
import type { FileOps, Stat } from './file.ts';
import type { HostFs, HostStat } from './hostfs.ts';
import { Node } from './node.ts';

/** What all files of one file system share. */
export interface FsContext {
  readonly mem: PhysMem;
  readonly host: HostFs | undefined;
  /** ns since 1970, for new time stamps. */
  now(): bigint;
}

export class FileNode extends Node {
  private readonly fs: FsContext;
  /** Where the bytes come from; undefined for a file that exists in memory only. */
  readonly hostPath: string | undefined;
  private readonly writeThrough: boolean;
  private store: PageStore | undefined;
  private handle = -1;
  private handleUsers = 0;
  private modified = false;
  private readonly hostDev: number;
  private shared: Backing | undefined;

  constructor(fs: FsContext, mode: number, lower?: { path: string; stat: HostStat; writeThrough: boolean }) {
    super(Mode.S_IFREG | (mode & 0o7777));
    this.fs = fs;
    this.hostPath = lower?.path;
    this.writeThrough = lower?.writeThrough ?? false;
    this.hostDev = lower?.stat.dev ?? 1;
    if (lower) this.adopt(lower.stat);
    else this.begin(fs.now());
  }

  /** The host's file may have grown since; what is written here no longer follows it. */
  private refresh(): void {
    if (this.modified || this.hostPath === undefined || !this.fs.host) return;
    const s = this.handle >= 0 ? this.fs.host.fstat(this.handle) : this.fs.host.lstat(this.hostPath);
    if (typeof s === 'number') return;
    const { inode } = this;
    inode.mtime = s.mtime;
    inode.ctime = s.ctime;
    inode.nlink = s.nlink;
    if (this.store && this.store.size !== s.size) {
      if (this.store.resident === 0) this.store = undefined;
      else this.store.resize(s.size);
    }
    this.hostSize = s.size;
  }
  private hostSize = 0;

  private pages(): PageStore {
    if (this.store) return this.store;
    const { host, mem } = this.fs;
    const path = this.hostPath;
    if (path === undefined || !host) {
      this.store = new PageStore(mem, 0);
      return this.store;
    }
    this.refresh();
    this.store = new PageStore(mem, this.hostSize, {
      fill: (offset, out) => {
        const h = this.acquire();
        let n = 0;
        if (h >= 0) {
          n = Math.max(0, host.pread(h, out, offset));
          this.releaseHandle();
        }
        out.fill(0, n);
      },
    });
    return this.store;
  }
  private acquire(): number {
    if (this.handle < 0 && this.hostPath !== undefined && this.fs.host) {
      const h = this.fs.host.open(this.hostPath, this.writeThrough ? 'write' : 'read');
      if (h === -Errno.EACCES && this.writeThrough) this.handle = this.fs.host.open(this.hostPath, 'read');
      else this.handle = h;
      if (this.handle < 0) {
        const errno = this.handle;
        this.handle = -1;
        return errno;
      }
    }
    this.handleUsers++;
    return this.handle;
  }
  private releaseHandle(): void {
    if (--this.handleUsers > 0 || this.handle < 0) return;
    this.fs.host?.close(this.handle);
    this.handle = -1;
  }

  get size(): number {
    if (!this.store) this.refresh();
    return this.store ? this.store.size : this.hostSize;
  }
  override stat(): Stat {
    this.refresh();
    const size = this.size;
    return { ...super.stat(), dev: this.hostDev, size, blocks: Math.ceil(size / 512) };
  }
  override chmod(mode: number): number {
    if (this.writeThrough && this.hostPath !== undefined && this.fs.host) {
      const r = this.fs.host.chmod(this.hostPath, mode & 0o7777);
      if (r < 0) return r;
    }
    return super.chmod(mode);
  }
  override setTimes(atime: bigint | undefined, mtime: bigint | undefined): number {
    super.setTimes(atime, mtime);
    if (!this.writeThrough || this.hostPath === undefined || !this.fs.host) return 0;
    return this.fs.host.utimes(this.hostPath, this.inode.atime, this.inode.mtime);
  }
  private changed(): void {
    this.modified = !this.writeThrough || this.hostPath === undefined;
    this.touch(this.fs.now());
  }
  read(out: Uint8Array, offset: number): number {
    return this.pages().read(offset, out);
  }
  write(data: Uint8Array, offset: number): number {
    if (this.writeThrough && this.fs.host && this.hostPath !== undefined) {
      const h = this.acquire();
      if (h < 0) return h;
      const r = this.fs.host.pwrite(h, data, offset);
      this.releaseHandle();
      if (r < 0) return r;
      this.pages().write(offset, data.subarray(0, r));
      this.changed();
      return r;
    }
    this.pages().write(offset, data);
    this.changed();
    return data.length;
  }
  truncate(size: number): number {
    if (this.writeThrough && this.fs.host && this.hostPath !== undefined) {
      const h = this.acquire();
      if (h < 0) return h;
      const r = this.fs.host.truncate(h, size);
      this.releaseHandle();
      if (r < 0) return r;
    }
    this.pages().resize(size);
    this.changed();
    return 0;
  }
  /** Copies pages that shared mappings wrote back to the host. */
  sync(): void {
    if (!this.writeThrough || !this.store || !this.shared || !this.fs.host) return;
    const h = this.acquire();
    if (h < 0) return;
    for (const [index, frame] of this.store.entries()) {
      const bytes = this.fs.mem.frameBytes(frame);
      const len = Math.min(bytes.length, this.store.size - index * bytes.length);
      if (len > 0) this.fs.host.pwrite(h, bytes.subarray(0, len), index * bytes.length);
    }
    this.releaseHandle();
  }
  backing(path: string, mayWrite: boolean): Backing {
    const pages = this.pages();
    if (mayWrite) {
      // Shared stores are not seen one by one: from now on the pages in memory are the truth.
      if (!this.writeThrough) this.modified = true;
    }
    const make = (): Backing => ({
      pages,
      path,
      dev: this.hostDev,
      shmem: false,
      mayWrite,
      ref: () => {
        this.acquire();
      },
      unref: () => {
        if (mayWrite) this.sync();
        this.releaseHandle();
      },
      ino: this.ino,
    });
    if (!mayWrite) return make();
    this.shared ??= make();
    return this.shared;
  }

  override open(flags: number): FileOps | number {
    if ((flags & Open.O_DIRECTORY) !== 0) return -Errno.ENOTDIR;
    const h = this.acquire();
    if (this.hostPath !== undefined && h < 0) return h;
    if ((flags & Open.O_TRUNC) !== 0 && (flags & O_ACCMODE) !== 0 && this.size > 0) {
      const r = this.truncate(0);
      if (r < 0) return r;
    }
    return new RegularFile(this, (flags & O_ACCMODE) !== 0, () => this.releaseHandle());
  }
}

class RegularFile implements FileOps {
  readonly kind = 'file';
  readonly seekable = true;
  private readonly node: FileNode;
  private readonly mayWrite: boolean;
  private readonly onClose: () => void;
  private mapped: Backing | undefined;

  constructor(node: FileNode, mayWrite: boolean, onClose: () => void) {
    this.node = node;
    this.mayWrite = mayWrite;
    this.onClose = onClose;
  }
  pread(out: Uint8Array, offset: bigint): number {
    return this.node.read(out, Number(offset));
  }
  pwrite(data: Uint8Array, offset: bigint, append = false): number {
    return this.node.write(data, append ? this.node.size : Number(offset));
  }
  truncate(size: number): number {
    return this.node.truncate(size);
  }
  fallocate(mode: number, offset: bigint, length: bigint): number {
    const end = Number(offset + length);
    if ((mode & 2) !== 0) {
      const last = Math.min(end, this.node.size);
      if (last > Number(offset)) this.node.write(new Uint8Array(last - Number(offset)), Number(offset));
      return 0;
    }
    if ((mode & 1) === 0 && end > this.node.size) return this.node.truncate(end);
    return 0;
  }
  stat(): Stat {
    return this.node.stat();
  }
  size(): bigint {
    return BigInt(this.node.size);
  }
  poll(): number {
    return 5;
  }
  backing(): Backing {
    this.mapped ??= this.node.backing(this.path ?? '', this.mayWrite);
    return this.mapped;
  }
  /** Set by open(2): the name that /proc/self/maps shows. */
  path: string | undefined;
  sync(): void {
    this.node.sync();
  }
  close(): void {
    this.onClose();
  }
}
