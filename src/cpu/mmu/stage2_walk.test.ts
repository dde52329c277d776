import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PlainStage2Regs, plainCombine, plainStage2 } from '../../../test/plain_stage2.ts';
import {
  buildTables,
  flag,
  Memory,
  mask,
  PAGE,
  registersOf,
  type Stage2Case,
  stage2Case,
} from '../../../test/stage2_cases.ts';
import type { Feat } from '../../arch/features.ts';
import type { RegName } from '../../arch/sysregs.ts';
import type { Access } from '../engine.ts';
import type { Stage2Answer } from '../pe_ports.ts';
import type { PeRegs } from '../pe_regs.ts';
import { PhysMem } from '../physmem.ts';
import { ArchStage2 } from './stage2.ts';
import { combine } from './stage2_attrs.ts';

const KINDS = { translation: 'translation', permission: 'permission', accessFlag: 'access', addressSize: 'size', externalWalk: 'external' }; // biome-ignore format: a table
const textOf = (a: Stage2Answer): string =>
  a.ok ? 'ok' : a.external !== undefined ? 'no memory' : `${KINDS[a.fault]} ${a.level}`;
const featuresOf =
  (c: Stage2Case) =>
  (f: Feat): boolean =>
    f !== 'FEAT_XNX' || c.xnx;
function stubRegs(r: PlainStage2Regs): PeRegs {
  const values = new Map<string, bigint>([['HCR_EL2', r.hcr], ['VTCR_EL2', r.vtcr], ['VTTBR_EL2', r.vttbr], ['S2PIR_EL2', r.s2pir]]); // biome-ignore format: a table
  return { value: (name: RegName) => values.get(name)! } as PeRegs;
}

describe('the stage 2 walk', () => {
  it('agrees with a walker that follows the manual step by step', () => {
    const seen = new Map<string, number>();
    const saw = (what: string): void => void seen.set(what, (seen.get(what) ?? 0) + 1);
    const mem = new PhysMem(64);
    const memory = new Memory(mem, 64);
    const access = fc.record({ kind: fc.constantFrom<Access>('read', 'write', 'execute'), el0: fc.boolean(), walk: fc.boolean() }); // biome-ignore format: a record
    fc.assert(
      fc.property(stage2Case, access, (c, how) => {
        memory.clear();
        const { regs, level, base, size } = registersOf(c);
        const ipa = c.outside === 0 ? c.ipa & mask(52n) : c.ipa & mask(size > 52n ? 52n : size);
        let tables = base + 0x10_0000n;
        buildTables(c, ipa & mask(size), level, base, memory, () => {
          tables += 0x10_0000n;
          return tables;
        });
        const walk = how.walk && how.kind !== 'execute';
        const machine = { paBits: c.paBits, xnx: c.xnx };
        const expected = plainStage2(regs, memory, { ...how, walk, ipa }, machine);
        const stage2 = new ArchStage2(mem, memory, Number(c.paBits));
        stage2.follow(stubRegs(regs), featuresOf(c));
        const got = stage2.translate(Number(ipa), how.kind, walk, how.el0, true);
        if ('fault' in expected) {
          expect(textOf(got)).toBe(expected.fault);
          expect(!got.ok && got.because).toBe(expected.dirtyBit ? 'clean' : undefined);
          expect([...memory.left()]).toEqual([...memory.words]);
          saw(expected.dirtyBit ? `${expected.fault} clean` : expected.fault);
          return;
        }
        const { at, before, after, pa } = expected;
        memory.words.set(at, after);
        expect([...memory.left()]).toEqual([...memory.words]);
        if (pa / PAGE === memory.hole) {
          expect(textOf(got)).toBe('no memory');
          return;
        }
        expect(textOf(got)).toBe('ok');
        if (!got.ok) return;
        expect({ ...got, size: 2n ** BigInt(got.mapping!.sizeBits) }).toMatchObject({
          writable: expected.w && !expected.clean,
          executable: expected.x,
          size: expected.size,
          mapping: { pa: Number(pa), memory: { attr: Number(expected.attr), sh: Number(expected.sh) } },
        });
        const wide = c.ds && c.granule !== 16 ? ' DS' : c.granule === 16 && pa >> 48n !== 0n ? ' LPA' : '';
        saw(`ok, level ${expected.level} of ${c.granule}${wide}${c.indirect ? ' indirect' : ''}`);
        if (before !== after) saw(how.kind === 'write' && (before & 0x80n) === 0n ? 'made dirty' : 'flag set');
        if (pa >> 48n !== 0n) saw('52-bit output');
        if (ipa >> 48n !== 0n) saw('52-bit input');
        if (level === -1n) saw('five levels');
        const stride = BigInt(c.granule) - 3n;
        if (size > BigInt(c.granule) + (4n - level) * stride) saw(`concatenated at ${level}`);
      }),
      { numRuns: 8000, seed: 11 },
    );
    const wanted = [
      'translation -1', 'translation 0', 'translation 1', 'translation 2', 'translation 3', 'size 0', 'size 1', 'size 2', 'size 3',
      'access 1', 'access 2', 'access 3', 'permission 1', 'permission 2', 'permission 3', 'permission 3 clean', 'external -1', 'external 0',
      'external 1', 'external 2', 'external 3', 'made dirty', 'flag set', '52-bit output', '52-bit input', 'five levels',
      'concatenated at 0', 'concatenated at 1', 'concatenated at 2', 'concatenated at 3',
      'ok, level 0 of 12 DS', 'ok, level 1 of 12', 'ok, level 2 of 12 indirect', 'ok, level 3 of 12 DS indirect', 'ok, level 1 of 14 DS',
      'ok, level 2 of 14', 'ok, level 3 of 14', 'ok, level 1 of 16', 'ok, level 2 of 16', 'ok, level 3 of 16 LPA indirect',
    ]; // biome-ignore format: a list
    expect(wanted.filter((w) => !seen.has(w))).toEqual([]);
  });

  it('combines attributes as the manual lists them, every pair of them', () => {
    const nibbles = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
    const first = [0, 4, 8, 12, 0x40, 0xa0, 0xf0, ...nibbles.flatMap((o) => nibbles.map((i) => (o << 4) | i))];
    for (const attr of first)
      for (let s2 = 0; s2 < 16; s2++)
        for (const [fwb, uncached] of [[false, false], [true, false], [false, true], [true, true]] as const) // biome-ignore format: a list
          for (const [sh1, sh2] of [
            [0, 0],
            [0, 3],
            [3, 0],
            [2, 3],
            [1, 0],
          ] as const) {
            // biome-ignore format: a list
            const got = combine({ attr, sh: sh1 }, { attr: s2, sh: sh2, fwb, uncached });
            const hcr = flag(46, fwb) | flag(32, uncached);
            const big = (a: number, sh: number): { attr: bigint; sh: bigint } => ({ attr: BigInt(a), sh: BigInt(sh) });
            const expected = plainCombine(big(attr, sh1), big(s2, sh2), hcr);
            if (BigInt(got.attr) !== expected.attr || BigInt(got.sh) !== expected.sh)
              expect({ attr, s2, fwb, uncached, sh1, sh2, got: big(got.attr, got.sh) }).toEqual({
                attr, s2, fwb, uncached, sh1, sh2, got: expected,
              }); // biome-ignore format: a record
          }
  });
});
