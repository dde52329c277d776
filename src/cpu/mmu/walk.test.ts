import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PlainRegs, plainWalk } from '../../../test/plain_walk.ts';
import type { Feat } from '../../arch/features.ts';
import type { RegName } from '../../arch/sysregs.ts';
import type { Access } from '../engine.ts';
import type { PeRegs } from '../pe_regs.ts';
import { regimeOf } from './regime.ts';
import { type Descriptor, type TablePort, type WalkResult, walkStage1 } from './walk.ts';

type Memory = Map<bigint, bigint>;
const NAMES: Readonly<Record<keyof PlainRegs, RegName>> = {
  sctlr: 'SCTLR_EL1', tcr: 'TCR_EL1', tcr2: 'TCR2_EL1', ttbr0: 'TTBR0_EL1', ttbr1: 'TTBR1_EL1', mair: 'MAIR_EL1', pir: 'PIR_EL1',
  pire0: 'PIRE0_EL1', por1: 'POR_EL1', por0: 'POR_EL0',
}; // biome-ignore format: a table
/** Registers as regimeOf reads them. */
function registers(r: PlainRegs): PeRegs {
  const values = new Map<string, bigint>([['HCR_EL2', 0n], ['HCRX_EL2', (1n << 64n) - 1n], ['VTTBR_EL2', 0n]]); // biome-ignore format: a table
  for (const [key, name] of Object.entries(NAMES)) values.set(name, r[key as keyof PlainRegs]);
  return { value: (name: RegName) => values.get(name)! } as PeRegs;
}
const everything = (_: Feat): boolean => true;

function portOf(mem: Memory): TablePort {
  return {
    read: (ipa: number, into: Descriptor) => {
      const d = mem.get(BigInt(ipa)) ?? 0n;
      into.lo = Number(BigInt.asUintN(32, d));
      into.hi = Number(d >> 32n);
      return true;
    },
    write: (ipa: number, v: Descriptor) => {
      mem.set(BigInt(ipa), (BigInt(v.hi >>> 0) << 32n) | BigInt(v.lo >>> 0));
      return true;
    },
  };
}
const KINDS: Readonly<Record<number, string>> = { 0: 'size', 1: 'translation', 2: 'access', 3: 'permission' };
/** Status codes of level -1 stand alone. */
const textOf = (w: WalkResult): string =>
  w.ok ? 'ok' : w.fsc === 0x29 ? 'size -1' : w.fsc === 0x2b ? 'translation -1' : `${KINDS[w.fsc! >> 2]} ${w.fsc! & 3}`;

const u64 = fc.bigInt(0n, (1n << 64n) - 1n);
const flag = (n: number, v: boolean): bigint => (v ? 1n << BigInt(n) : 0n);
const GRANULES0 = { 12: 0n, 14: 2n, 16: 1n } as const;
const GRANULES1 = { 12: 2n, 14: 1n, 16: 3n } as const;

const walkCase = fc.record({
  granule: fc.constantFrom(12, 14, 16),
  otherGranule: fc.constantFrom(12, 14, 16),
  tsz: fc.oneof(fc.bigInt(12n, 47n), fc.bigInt(16n, 39n), fc.bigInt(0n, 63n)),
  ips: fc.oneof(fc.bigInt(0n, 7n), fc.constantFrom(5n, 6n)),
  ds: fc.boolean(),
  upper: fc.boolean(),
  /** TBI and TBID of both halves, EPD, E0PD, HPD: seldom set, as they hide the rest. */
  seldom: fc.array(fc.nat(7), { minLength: 10, maxLength: 10 }),
  ha: fc.boolean(),
  hd: fc.boolean(),
  wxn: fc.boolean(),
  epan: fc.boolean(),
  indirect: fc.boolean(),
  overlays: fc.tuple(fc.boolean(), fc.boolean()),
  values: fc.tuple(u64, u64, u64, u64, u64),
  /** Overlays that take everything away are frequent enough. */
  por: fc.constantFrom(0n, 0x7777_7777_7777_7777n, 0x7531_7531_7531_7531n, undefined),
  farBase: fc.boolean(),
  attributes: fc.array(u64, { minLength: 5, maxLength: 5 }),
  kinds: fc.array(fc.constantFrom('table', 'table', 'table', 'table', 'leaf', 'invalid', 'wild'), {
    minLength: 5,
    maxLength: 5,
  }),
  /** Which output address bits a leaf has. */
  outputMask: fc.constantFrom(0x3fff_f000n, 0xff_ffff_f000n, 0xffff_ffff_f000n),
  va: u64,
  canonical: fc.nat(9),
  el0: fc.boolean(),
  pan: fc.boolean(),
  access: fc.constantFrom<Access>('read', 'write', 'execute'),
});

describe('the stage 1 walk', () => {
  it('agrees with a walker that follows the manual step by step', () => {
    const seen = new Map<string, number>();
    const saw = (what: string): void => void seen.set(what, (seen.get(what) ?? 0) + 1);
    fc.assert(
      fc.property(walkCase, (c) => {
        const seldom = (i: number, n: number): bigint => flag(n, c.seldom[i] === 0);
        const [tg0, tg1] = c.upper ? [c.otherGranule, c.granule] : [c.granule, c.otherGranule];
        const tcr =
          c.tsz | (c.tsz << 16n) | (GRANULES0[tg0 as 12] << 14n) | (GRANULES1[tg1 as 12] << 30n) | (c.ips << 32n) |
          flag(59, c.ds) | flag(39, c.ha) | flag(40, c.hd) | (1n << 12n) | (2n << 28n) |
          seldom(0, 37) | seldom(1, 38) | seldom(2, 51) | seldom(3, 52) | seldom(4, 7) | seldom(5, 23) |
          seldom(6, 55) | seldom(7, 56) | seldom(8, 41) | seldom(9, 42); // biome-ignore format: one field after the other
        const granule = BigInt(c.granule);
        const ds = c.ds && granule !== 16n;
        const size = 64n - c.tsz;
        const mask = (1n << size) - 1n;
        // Mostly an address of the half that is meant, and in range.
        const top = c.upper ? ~mask & ((1n << 64n) - 1n) : 0n;
        const va =
          c.canonical === 0
            ? c.va
            : c.canonical === 1
              ? top | (c.va & mask) | (c.va & (0xffn << 56n))
              : top | (c.va & mask);
        // Tables one after the other; each has one descriptor, where the walk of `va` will look.
        const base = (c.farBase ? 0x3_0000_0000n : 0n) + 0x100_0000n;
        const mem: Memory = new Map();
        const stride = granule - 3n;
        let level = 3n;
        while (granule + (4n - level) * stride < size) level--;
        let table = base;
        for (let i = 0; level <= 3n && i < 5; level++, i++) {
          const shift = granule + (3n - level) * stride;
          const inTable = i === 0 ? (va & mask) >> shift : (va >> shift) & ((1n << stride) - 1n);
          const next = base + 0x100_0000n + (BigInt(i) << 20n);
          const kind = level === 3n && c.kinds[i] === 'table' ? 'leaf' : c.kinds[i]!;
          const type = level === 3n ? 3n : 1n;
          const lowAttributes = ds ? 0xcfcn : 0xffcn;
          const attributes = c.attributes[i]! & (0xfffc_0000_0000_0000n | lowAttributes);
          // Random attributes, but mostly with the access flag.
          if (kind === 'table') mem.set(table + 8n * inTable, (attributes & ~0x0003_ffff_ffff_ff00n) | next | 3n);
          else if (kind === 'leaf')
            mem.set(table + 8n * inTable, attributes | 0x400n | (c.attributes[i]! & c.outputMask) | type);
          else if (kind === 'wild') mem.set(table + 8n * inTable, c.attributes[i]!);
          table = next;
        }
        const regs: PlainRegs = {
          sctlr: 1n | flag(19, c.wxn) | flag(57, c.epan),
          tcr,
          tcr2: flag(1, c.indirect) | flag(2, c.overlays[0]) | flag(3, c.overlays[1]),
          ttbr0: base | (c.values[3] & 0xffff_0000_0000_0001n),
          ttbr1: base | (c.values[4] & 0xffff_0000_0000_0001n),
          mair: c.values[2],
          pir: c.values[0],
          pire0: c.values[1],
          por1: c.por ?? c.values[3],
          por0: c.por ?? c.values[4],
        };
        const q = { va, access: c.access, el0: c.el0, pan: c.pan };
        const expected = plainWalk(regs, mem, { ...q, kind: c.access });
        const got = walkStage1(regimeOf(registers(regs), everything), portOf(mem), { ...q, update: true });
        if ('fault' in expected) {
          expect(textOf(got)).toBe(expected.fault);
          if (got.ok) return;
          const because = expected.overlay ? 'overlay' : expected.dirtyBit ? 'clean' : undefined;
          expect(got.because).toBe(because);
          saw(because ? `${expected.fault} ${because}` : expected.fault);
          return;
        }
        expect(textOf(got)).toBe('ok');
        if (!got.ok) return;
        const { pa, attr, sh, guarded, size: bytes, at, descriptor } = expected;
        expect({ ...got, bytes: 2n ** BigInt(got.sizeBits), descriptor: mem.get(at) }).toMatchObject({
          ipa: Number(pa), attr: Number(attr), sh: Number(sh), guarded, level: Number(expected.level), bytes, descriptor, executable: expected.x,
          // What is clean is not offered for writing before it was written to.
          writable: expected.w && (!expected.clean || c.access === 'write'),
        }); // biome-ignore format: a record
        saw(
          `ok, level ${expected.level} of ${c.granule}${ds ? ' DS' : granule === 16n && c.ips === 6n ? ' LPA' : ''}${c.indirect ? ' indirect' : ''}`,
        );
        if (expected.clean && c.access === 'write') saw('made dirty');
        if (pa >> 48n !== 0n) saw('52-bit output');
        if (size > 48n) saw('52-bit input');
        if (c.pan && !c.el0) saw('PAN');
      }),
      { numRuns: 12000, seed: 7 },
    );
    const wanted = [
      'translation -1', 'translation 0', 'translation 1', 'translation 2', 'translation 3', 'size 0', 'size 1', 'size 2', 'size 3',
      'access 1', 'access 2', 'access 3', 'permission 1', 'permission 2', 'permission 3', 'permission 3 overlay', 'permission 3 clean',
      'made dirty', '52-bit output', '52-bit input', 'PAN', 'ok, level 0 of 12 DS', 'ok, level 1 of 12', 'ok, level 2 of 12 indirect', 'ok, level 3 of 12 DS indirect',
      'ok, level 1 of 14 DS', 'ok, level 2 of 14', 'ok, level 3 of 14', 'ok, level 1 of 16', 'ok, level 1 of 16 LPA', 'ok, level 2 of 16', 'ok, level 3 of 16 LPA indirect',
    ]; // biome-ignore format: a list
    expect(wanted.filter((w) => !seen.has(w))).toEqual([]);
  });

  it('sets the access flag and clears AP[2] of a dirty page, and only then', () => {
    const AP2 = 0x80n;
    const DBM = 1n << 51n;
    const mem: Memory = new Map([
      [0x1000n, 0x2003n],
      [0x2000n, 0x3003n],
      [0x3000n, 0x9000n | AP2 | DBM | 3n],
    ]);
    const zero = {
      sctlr: 1n,
      tcr2: 0n,
      ttbr0: 0x1000n,
      ttbr1: 0n,
      mair: 0xffn,
      pir: 0n,
      pire0: 0n,
      por1: 0n,
      por0: 0n,
    };
    const regime = regimeOf(registers({ ...zero, tcr: 25n | (5n << 32n) | (3n << 39n) }), everything);
    const walk = (access: Access, update = true): WalkResult =>
      walkStage1(regime, portOf(mem), { va: 0x123n, access, el0: false, pan: false, update });
    expect(walk('read', false)).toMatchObject({ ok: true, ipa: 0x9123 });
    expect(mem.get(0x3000n)).toBe(0x9000n | AP2 | DBM | 3n);
    expect(walk('read')).toMatchObject({ ok: true, ipa: 0x9123, writable: false });
    expect(mem.get(0x3000n)).toBe(0x9000n | AP2 | DBM | 0x403n);
    expect(walk('write')).toMatchObject({ ok: true, writable: true });
    expect(mem.get(0x3000n)).toBe(0x9000n | DBM | 0x403n);
  });
});
