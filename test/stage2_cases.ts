// Random stage 2 tables for tests: registers, tables for an address, and the memory that both walkers see.

import fc from 'fast-check';
import type { PhysMem } from '../src/cpu/physmem.ts';
import type { PlainStage2Regs } from './plain_stage2.ts';

export const PAGE = 4096n;
export const mask = (bits: bigint): bigint => (1n << bits) - 1n;
export const flag = (n: number, v: boolean): bigint => (v ? 1n << BigInt(n) : 0n);
export const u64 = fc.bigInt(0n, mask(64n));

/** Physical memory of both walkers: bigints here, pages there that are made when they are asked for. */
export class Memory {
  readonly words = new Map<bigint, bigint>();
  /** Pages in which there is nothing, not even memory. */
  hole = -1n;
  private readonly mem: PhysMem;
  private readonly pool: readonly number[];
  private readonly pages = new Map<number, number>();

  constructor(mem: PhysMem, pages: number) {
    this.mem = mem;
    this.pool = Array.from({ length: pages }, () => mem.allocFrame());
  }
  clear(): void {
    this.words.clear();
    this.pages.clear();
    this.hole = -1n;
  }
  get(at: bigint): bigint | undefined {
    if (at / PAGE === this.hole) throw new Error('no memory');
    return this.words.get(at);
  }
  frame(page: number): number | undefined {
    if (BigInt(page) === this.hole) return undefined;
    let frame = this.pages.get(page);
    if (frame === undefined) {
      frame = this.pool[this.pages.size]!;
      this.mem.u8.fill(0, frame * 4096, frame * 4096 + 4096);
      this.pages.set(page, frame);
      for (const [at, value] of this.words)
        if (Number(at / PAGE) === page) this.mem.view.setBigUint64(frame * 4096 + Number(at % PAGE), value, true);
    }
    return frame;
  }
  /** Copies of all words that were looked at, as the emulated walk left them. */
  left(): Map<bigint, bigint> {
    const all = new Map(this.words);
    for (const at of all.keys()) {
      const frame = this.pages.get(Number(at / PAGE));
      if (frame !== undefined) all.set(at, this.mem.view.getBigUint64(frame * 4096 + Number(at % PAGE), true));
    }
    return all;
  }
}

export const GRANULES = { 12: 0n, 16: 1n, 14: 2n } as const;
export const stage2Case = fc.record({
  granule: fc.constantFrom(12, 14, 16),
  tsz: fc.oneof(fc.bigInt(12n, 48n), fc.bigInt(16n, 34n), fc.bigInt(0n, 63n), fc.bigInt(12n, 15n)),
  /** Mostly a level that fits. */
  sl: fc.oneof({ weight: 8, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.bigInt(0n, 7n) }),
  /** Several tables at the first level, where there is a choice. */
  concatenates: fc.boolean(),
  ps: fc.oneof(fc.bigInt(0n, 7n), fc.constantFrom(5n, 6n)),
  paBits: fc.constantFrom(52n, 52n, 52n, 48n, 44n, 42n, 40n),
  ds: fc.boolean(),
  ha: fc.boolean(),
  hd: fc.boolean(),
  indirect: fc.boolean(),
  pir: u64,
  xnx: fc.boolean(),
  hcr: fc.record({ ptw: fc.boolean(), cd: fc.nat(3), fwb: fc.boolean() }),
  farBase: fc.boolean(),
  /** Bits of VTTBR_EL2 that do not count, where the tables are larger than that. */
  lowBase: fc.oneof(fc.constant(0n), u64),
  attributes: fc.array(u64, { minLength: 5, maxLength: 5 }),
  kinds: fc.array(
    fc.constantFrom('table', 'table', 'table', 'table', 'table', 'leaf', 'invalid', 'wild', 'no memory'),
    {
      minLength: 5,
      maxLength: 5,
    },
  ),
  generous: fc.boolean(),
  outputMask: fc.constantFrom(0x3fff_f000n, 0xff_ffff_f000n, 0xffff_ffff_f000n),
  ipa: u64,
  outside: fc.nat(19),
});
export type Stage2Case = typeof stage2Case extends fc.Arbitrary<infer T> ? T : never;

/** The first level that resolves the input size, as SL2:SL0 say it. */
function startOf(c: Stage2Case, size: bigint): { level: bigint; sl: bigint } {
  const granule = BigInt(c.granule);
  const stride = granule - 3n;
  const fits = (level: bigint): boolean => {
    const below = granule + (3n - level) * stride;
    return size > below && size <= below + stride + 4n;
  };
  const levels = [-1n, 0n, 1n, 2n, 3n].filter(fits);
  const level = (c.concatenates ? levels.at(-1) : levels[0]) ?? 1n;
  const sl4K = ({ '-1': 4n, 0: 2n, 1: 1n, 2: 0n, 3: 3n } as const)[`${level}` as '0'];
  const sl = granule === 12n ? sl4K : 3n - level;
  return { level, sl: c.sl ?? sl };
}
export function registersOf(c: Stage2Case): { regs: PlainStage2Regs; level: bigint; base: bigint; size: bigint } {
  const size = 64n - c.tsz;
  const { level, sl } = startOf(c, size);
  const base = (c.farBase ? 0x3_0000_0000n : 0n) + 0x4000_0000n;
  const vtcr =
    c.tsz | ((sl & 3n) << 6n) | (2n << 12n) | (GRANULES[c.granule as 12] << 14n) | (c.ps << 16n) | flag(21, c.ha) | flag(22, c.hd) |
    (1n << 31n) | flag(32, c.ds) | ((sl >> 2n) << 33n) | flag(36, c.indirect); // biome-ignore format: one field after the other
  const resolvedFirst = size - BigInt(c.granule) - (3n - level) * (BigInt(c.granule) - 3n);
  const ignored = resolvedFirst > 3n ? c.lowBase & mask(resolvedFirst + 3n) & ~0x3fn : 0n;
  const hcr = 1n | flag(2, c.hcr.ptw) | flag(32, c.hcr.cd === 0) | flag(46, c.hcr.fwb);
  return { regs: { hcr, vtcr, vttbr: base | ignored | (5n << 48n), s2pir: c.pir }, level, base, size };
}
/**
 * Tables for one address, each with one descriptor, from `table` on.
 * @returns the last descriptor: where it is
 */
export function buildTables(
  c: Stage2Case,
  ipa: bigint,
  first: bigint,
  table: bigint,
  memory: Memory,
  next: () => bigint,
): void {
  const granule = BigInt(c.granule);
  const stride = granule - 3n;
  const ds = c.ds && granule !== 16n;
  for (let level = first, i = 0; level <= 3n; level++, i++) {
    const shift = granule + (3n - level) * stride;
    const index = i === 0 ? ipa >> shift : (ipa >> shift) & mask(stride);
    const at = table + 8n * index;
    const kind = level === 3n && c.kinds[i] === 'table' ? 'leaf' : c.kinds[i]!;
    let attributes = c.attributes[i]! & (0xfffc_0000_0000_0000n | (ds ? 0xcfcn : 0xffcn));
    // Access flag, read, write, Normal memory; S2PIR decides otherwise.
    if (c.generous) attributes = (attributes & ~(3n << 53n)) | 0xc0n | 0x3cn;
    if (attributes >> 61n !== 0n) attributes |= 0x400n;
    table = next();
    if (kind === 'no memory') memory.hole = at / PAGE;
    else if (kind === 'wild') memory.words.set(at, c.attributes[i]!);
    else if (kind === 'table') memory.words.set(at, (attributes & ~0x0003_ffff_ffff_ff00n) | table | 3n);
    else if (kind === 'leaf')
      memory.words.set(at, attributes | (c.attributes[i]! & c.outputMask) | (level === 3n ? 3n : 1n));
    if (kind !== 'table' && memory.words.has(at) && kind !== 'wild') return;
  }
}
