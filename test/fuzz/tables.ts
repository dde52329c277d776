// Page tables that map a guest's memory and devices to themselves: any granule, tables or blocks, attributes at random,
// and mistakes now and then. Not always what a guest wants, but mostly something that it can run on.

import { AT, RAM } from './layout.ts';
import type { Random } from './random.ts';

export interface Regime {
  readonly ttbr0: bigint;
  readonly ttbr1: bigint;
  readonly tcr: bigint;
  readonly mair: bigint;
  readonly sctlr: bigint;
}
interface Granule {
  /** Bits of a page. */
  readonly page: number;
  readonly tg0: number;
  readonly tg1: number;
  /** Sizes of address spaces, in TxSZ, that reach RAM. */
  readonly sizes: readonly number[];
}
const GRANULES: readonly Granule[] = [
  { page: 12, tg0: 0, tg1: 2, sizes: [16, 25, 25, 32, 33] },
  { page: 14, tg0: 2, tg1: 1, sizes: [16, 17, 28, 33] },
  { page: 16, tg0: 1, tg1: 3, sizes: [12, 16, 22, 33] },
];
/** Normal write-back, Device-nGnRnE, Device-nGnRE, Normal non-cacheable, Normal tagged, write-through, two that are odd. */
const MAIR = 0x40bb_f044_0004_00ffn;
const AF = 1n << 10n;
const VALID = 1n;
const TABLE = 3n;
const SCTLR_RES1 = 0x30d0_0800n;
const SCTLR_MCI = 0x1005n;
const IDENTITY = [RAM, 0x0800_0000n, RAM + 0x100_0000n] as const;

class Builder {
  private readonly r: Random;
  private readonly g: Granule;
  private readonly write: (offset: number, value: bigint) => void;
  private next: number;

  constructor(r: Random, g: Granule, write: (offset: number, value: bigint) => void) {
    this.r = r;
    this.g = g;
    this.write = write;
    this.next = AT.tables;
  }
  /** @returns offset in RAM */
  table(): number {
    const size = 1 << this.g.page;
    const at = Math.ceil(this.next / size) * size;
    this.next = at + size;
    return at;
  }
  /** The bits of the address below those that `level` looks at. */
  private shift(level: number): number {
    return this.g.page + (3 - level) * (this.g.page - 3);
  }
  startLevel(bits: number): number {
    let level = 3;
    while (level > 0 && bits > this.shift(level) + this.g.page - 3) level--;
    return level;
  }
  private leaf(pa: bigint, level: number): bigint {
    const { r } = this;
    const isDevice = pa < RAM;
    let d = (pa >> BigInt(this.shift(level))) << BigInt(this.shift(level));
    d |= level === 3 ? TABLE : VALID;
    if (!r.chance(0.02)) d |= AF;
    d |= BigInt(isDevice ? 1 : r.chance(0.85) ? 0 : r.below(8)) << 2n;
    d |= BigInt(r.chance(0.92) ? 0 : r.below(4)) << 6n; // AP
    d |= BigInt(r.below(4)) << 8n; // SH
    if (r.chance(0.06)) d |= 1n << BigInt(r.pick([11, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60]));
    if (r.chance(0.01)) d ^= 1n << BigInt(r.below(64));
    return d;
  }
  map(table: number, va: bigint, level: number, bits: number): void {
    const { r } = this;
    const shift = BigInt(this.shift(level));
    const index = Number(
      (va >> shift) & ((1n << BigInt(Math.min(this.g.page - 3, Math.max(1, bits - Number(shift))))) - 1n),
    );
    const at = table + index * 8;
    const canBlock = level === 3 || level === 2 || (level === 1 && this.g.page === 12);
    if (level === 3 || (canBlock && r.chance(0.5))) {
      const pages = level === 3 ? 24 : 1;
      for (let i = 0; i < pages; i++) this.write(at + 8 * i, this.leaf(va + (BigInt(i) << shift), level));
      return;
    }
    const below = this.table();
    if (below + (1 << this.g.page) > AT.data) return;
    const upper = r.chance(0.1) ? BigInt(r.below(32)) << 59n : 0n;
    this.write(at, (RAM + BigInt(below)) | TABLE | upper);
    this.map(below, va, level + 1, bits);
  }
}

/** @param write a doubleword at an offset in RAM */
export function randomRegime(r: Random, write: (offset: number, value: bigint) => void): Regime {
  const g = r.chance(0.6) ? GRANULES[0]! : r.pick(GRANULES);
  const size = r.chance(0.95) ? r.pick(g.sizes) : r.below(64);
  const bits = 64 - size;
  const b = new Builder(r, g, write);
  const root = b.table();
  const level = b.startLevel(Math.min(bits, 48));
  for (const at of IDENTITY) b.map(root, at, level, bits);
  const low = AT.tables;
  for (let n = r.below(3); n > 0; n--) write(low + r.below(0x2000) * 8, r.chance(0.5) ? r.u64() : r.word());
  const base = RAM + BigInt(root);
  let tcr = BigInt(size | (size << 16) | (g.tg0 << 14)) | (BigInt(g.tg1) << 30n);
  tcr |= (BigInt(r.below(4)) << 8n) | (BigInt(r.below(4)) << 10n) | (BigInt(r.below(4)) << 12n);
  tcr |= 2n << 32n; // IPS: 40 bits
  if (r.chance(0.5)) tcr |= BigInt(r.below(1 << 25)) << 36n;
  if (r.chance(0.05)) tcr ^= 1n << BigInt(r.below(64));
  let sctlr = SCTLR_RES1 | SCTLR_MCI;
  if (r.chance(0.5)) for (let n = r.below(8); n > 0; n--) sctlr ^= 1n << BigInt(r.below(64));
  return {
    ttbr0: base | (BigInt(r.below(4)) << 48n),
    ttbr1: r.chance(0.7) ? base : r.u64(),
    tcr,
    mair: r.chance(0.9) ? MAIR : r.u64(),
    sctlr: r.chance(0.9) ? sctlr | 1n : sctlr,
  };
}
