// memfd_create(2) and shared anonymous memory: pages without a file behind them. Seals included.

import { Errno } from '../../base/hostfile.ts';
import type { PhysMem } from '../../cpu/physmem.ts';
import { Falloc, Mode, Seal } from '../abi/flags.ts';
import { PageStore } from '../mm/pages.ts';
import type { Backing } from '../mm/vma.ts';
import { blankStat, type FileOps, type Stat } from './file.ts';
import { freshIno } from './node.ts';

/** A mapping's view of a page store that lives as long as somebody maps or holds it. */
export function shmemBacking(pages: PageStore, path: string, ino: number, mayWrite = true): Backing {
  return {
    pages,
    path,
    ino,
    dev: 1,
    shmem: true,
    mayWrite,
    ref: () => pages.ref(),
    unref: () => pages.unref(),
  };
}

export class MemFd implements FileOps {
  readonly kind = 'memfd';
  readonly seekable = true;
  private readonly pages: PageStore;
  private readonly ino = freshIno();
  private readonly mapped: Backing;
  seals: number;
  private mode: number;

  constructor(mem: PhysMem, name: string, sealing: boolean, executable = true) {
    this.mode = executable ? 0o777 : 0o666;
    this.pages = new PageStore(mem, 0);
    this.seals = (sealing ? 0 : Seal.F_SEAL_SEAL) | (executable ? 0 : Seal.F_SEAL_EXEC);
    this.mapped = shmemBacking(this.pages, `/memfd:${name} (deleted)`, this.ino);
  }
  private has(seal: number): boolean {
    return (this.seals & seal) !== 0;
  }
  pread(out: Uint8Array, offset: bigint): number {
    return this.pages.read(Number(offset), out);
  }
  pwrite(data: Uint8Array, offset: bigint, append = false): number {
    if (this.has(Seal.F_SEAL_WRITE | Seal.F_SEAL_FUTURE_WRITE)) return -Errno.EPERM;
    const at = append ? this.pages.size : Number(offset);
    let part = data;
    if (this.has(Seal.F_SEAL_GROW) && at + data.length > this.pages.size) {
      if (at >= this.pages.size) return -Errno.EPERM;
      part = data.subarray(0, this.pages.size - at);
    }
    this.pages.write(at, part);
    return part.length;
  }
  truncate(size: number): number {
    if (size < this.pages.size && this.has(Seal.F_SEAL_SHRINK)) return -Errno.EPERM;
    if (size > this.pages.size && this.has(Seal.F_SEAL_GROW)) return -Errno.EPERM;
    this.pages.resize(size);
    return 0;
  }
  fallocate(mode: number, offset: bigint, length: bigint): number {
    const { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE } = Falloc;
    if ((mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE)) !== 0) return -Errno.EOPNOTSUPP;
    if ((mode & FALLOC_FL_PUNCH_HOLE) !== 0) {
      if ((mode & FALLOC_FL_KEEP_SIZE) === 0) return -Errno.EOPNOTSUPP;
      if (this.has(Seal.F_SEAL_WRITE | Seal.F_SEAL_FUTURE_WRITE)) return -Errno.EPERM;
      this.pages.punch(Number(offset), Number(length));
      return 0;
    }
    const end = Number(offset + length);
    if ((mode & FALLOC_FL_KEEP_SIZE) === 0 && end > this.pages.size) return this.truncate(end);
    return 0;
  }
  /** Whoever seals the right to execute of an executable file seals its contents too. */
  addSeals(seals: number): void {
    const { F_SEAL_EXEC, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE, F_SEAL_FUTURE_WRITE } = Seal;
    const contents = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;
    this.seals |= seals;
    if ((seals & F_SEAL_EXEC) !== 0 && (this.mode & 0o111) !== 0) this.seals |= contents;
  }
  chmod(mode: number): number {
    if (this.has(Seal.F_SEAL_EXEC) && ((mode ^ this.mode) & 0o111) !== 0) return -Errno.EPERM;
    this.mode = mode & 0o7777;
    return 0;
  }
  size(): bigint {
    return BigInt(this.pages.size);
  }
  stat(): Stat {
    return {
      ...blankStat(),
      dev: 1,
      ino: this.ino,
      mode: Mode.S_IFREG | this.mode,
      size: this.pages.size,
      blocks: this.pages.resident / 512,
    };
  }
  poll(): number {
    return 5;
  }
  backing(): Backing {
    return this.mapped;
  }
  close(): void {
    this.pages.unref();
  }
}
