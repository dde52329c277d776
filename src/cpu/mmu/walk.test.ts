import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Access } from '../engine.ts';
import type { Regime } from './regime.ts';
import { type Descriptor, type TablePort, type WalkResult, walkStage1 } from './walk.ts';

// An independent walker: bigint throughout, one step after the other, as the manual tells it. Direct permissions only.
interface Params {
  readonly granule: bigint;
  readonly tsz: bigint;
  readonly base: bigint;
  readonly outputBits: bigint;
  readonly wxn: boolean;
  readonly ha: boolean;
  readonly hd: boolean;
  readonly hpd: boolean;
}
type Memory = Map<bigint, bigint>;
interface Answer {
  readonly fault?: string;
  readonly ipa?: bigint;
  readonly r?: boolean;
  readonly w?: boolean;
  readonly x?: boolean;
}

function plainWalk(p: Params, mem: Memory, va: bigint, el0: boolean, pan: boolean, access: Access): Answer {
  const size = 64n - p.tsz;
  if (va >> size !== 0n) return { fault: 'translation 0' };
  const stride = p.granule - 3n;
  let level = 3n;
  while (p.granule + (4n - level) * stride < size) level--;
  let table = p.base;
  let [noUser, readOnly, uxnT, pxnT] = [false, false, false, false];
  for (; ; level++) {
    const shift = p.granule + (3n - level) * stride;
    const index = (va >> shift) & ((1n << stride) - 1n);
    const at = table + 8n * index;
    const d = mem.get(at) ?? 0n;
    if ((d & 1n) === 0n) return { fault: `translation ${level}` };
    const bit1 = (d & 2n) !== 0n;
    if (level === 3n && !bit1) return { fault: `translation ${level}` };
    const oa = d & 0x0000_ffff_ffff_f000n;
    if (level < 3n && bit1) {
      table = (oa >> p.granule) << p.granule;
      if (table >> p.outputBits !== 0n) return { fault: `size ${level}` };
      if (!p.hpd) {
        noUser ||= (d & (1n << 61n)) !== 0n;
        readOnly ||= (d & (1n << 62n)) !== 0n;
        uxnT ||= (d & (1n << 60n)) !== 0n;
        pxnT ||= (d & (1n << 59n)) !== 0n;
      }
      continue;
    }
    const blockLevels = p.granule === 12n ? [1n, 2n] : [2n];
    if (level < 3n && !blockLevels.includes(level)) return { fault: `translation ${level}` };
    const out = (oa >> shift) << shift;
    if (out >> p.outputBits !== 0n) return { fault: `size ${level}` };
    if ((d & 0x400n) === 0n && !p.ha) return { fault: `access ${level}` };
    const dbm = p.hd && (d & (1n << 51n)) !== 0n;
    const ro = ((d & 0x80n) !== 0n && !dbm) || readOnly;
    const user = (d & 0x40n) !== 0n && !noUser;
    const userW = user && !ro;
    let x = el0 ? (d & (1n << 54n)) === 0n && !uxnT : (d & (1n << 53n)) === 0n && !pxnT && !userW;
    let r = el0 ? user : true;
    let w = el0 ? userW : !ro;
    if (p.wxn && w) x = false;
    if (!el0 && pan && user) [r, w] = [false, false];
    if (!(access === 'read' ? r : access === 'write' ? w : x)) return { fault: `permission ${level}` };
    return { ipa: out + (va & ((1n << shift) - 1n)), r, w, x };
  }
}

function regimeFor(p: Params): Regime {
  const range = {
    disabled: false,
    el0Disabled: false,
    inputBits: Number(64n - p.tsz),
    granuleBits: Number(p.granule) as 12 | 14 | 16,
    startLevel: 3 - Math.floor((Number(64n - p.tsz) - 1 - Number(p.granule)) / (Number(p.granule) - 3)),
    base: Number(p.base),
    tbiData: false,
    tbiInstruction: false,
    hierarchical: !p.hpd,
  };
  return {
    on: true, lower: range, upper: { ...range, disabled: true }, outputBits: Number(p.outputBits), ds: false, lpa64K: false, wxn: p.wxn, checksAlignment: false,
    epan: false, hardwareAf: p.ha, hardwareDirty: p.hd, mair: 0xffn, pie: undefined, privOverlay: undefined, userOverlay: undefined,
    asid: 0, key: '',
  }; // biome-ignore format: a record
}
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
const textOf = (w: WalkResult): string => (w.ok ? 'ok' : `${KINDS[w.fsc! >> 2]} ${w.fsc! & 3}`);

const walkCase = fc.record({
  granule: fc.constantFrom(12n, 14n, 16n),
  tsz: fc.bigInt(16n, 39n),
  outputBits: fc.constantFrom(32n, 36n, 40n, 48n),
  flags: fc.record({ wxn: fc.boolean(), ha: fc.boolean(), hd: fc.boolean(), hpd: fc.boolean() }),
  attributes: fc.array(fc.bigInt(0n, (1n << 64n) - 1n), { minLength: 5, maxLength: 5 }),
  kinds: fc.array(fc.constantFrom('table', 'table', 'table', 'leaf', 'invalid', 'wild'), {
    minLength: 5,
    maxLength: 5,
  }),
  va: fc.bigInt(0n, (1n << 48n) - 1n),
  high: fc.boolean(),
  el0: fc.boolean(),
  pan: fc.boolean(),
  access: fc.constantFrom<Access>('read', 'write', 'execute'),
});

describe('the stage 1 walk', () => {
  it('agrees with a walker that follows the manual step by step', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(walkCase, (c) => {
        const p: Params = {
          ...c.flags,
          hd: c.flags.hd && c.flags.ha,
          granule: c.granule,
          tsz: c.tsz,
          outputBits: c.outputBits,
          base: 0x100_0000n,
        };
        const size = 64n - c.tsz;
        const va = c.high ? c.va : c.va & ((1n << size) - 1n);
        // Tables one after the other; each has one descriptor, where the walk of `va` will look.
        const mem: Memory = new Map();
        const stride = c.granule - 3n;
        let table = p.base;
        let level = 3n;
        while (c.granule + (4n - level) * stride < size) level--;
        for (let i = 0; level <= 3n; level++, i++) {
          const shift = c.granule + (3n - level) * stride;
          const at = table + 8n * ((va >> shift) & ((1n << stride) - 1n));
          const next = 0x200_0000n + (BigInt(i) << 20n);
          const attributes = c.attributes[i]! & 0xfff0_0000_0000_0ffcn;
          const kind = level === 3n && c.kinds[i] === 'table' ? 'leaf' : c.kinds[i]!;
          const far = c.attributes[i]! & 0x0000_ffff_ffff_f000n;
          const type = level === 3n ? 3n : 1n;
          // Random attributes, but mostly with the access flag.
          if (kind === 'table') mem.set(at, attributes | next | 3n);
          else if (kind === 'leaf') mem.set(at, attributes | 0x400n | (far & 0x3fff_f000n) | type);
          else if (kind === 'wild') mem.set(at, c.attributes[i]!);
          table = next;
        }
        const expected = plainWalk(p, mem, va, c.el0, c.pan, c.access);
        const got = walkStage1(regimeFor(p), portOf(mem), {
          va,
          access: c.access,
          el0: c.el0,
          pan: c.pan,
          update: true,
        });
        seen.add(expected.fault ?? 'ok');
        expect(textOf(got)).toBe(expected.fault ?? 'ok');
        if (!got.ok) return;
        expect(BigInt(got.ipa)).toBe(expected.ipa);
        expect(got.executable).toBe(expected.x);
        // What is writable but clean is not offered for writing before it was written to.
        if (c.access === 'write' || !p.hd) expect(got.writable).toBe(expected.w);
        else if (got.writable) expect(expected.w).toBe(true);
      }),
      { numRuns: 6000, seed: 7 },
    );
    expect([...seen].sort()).toEqual(
      expect.arrayContaining(['ok', 'permission 3', 'translation 0', 'translation 2', 'size 3', 'access 3']),
    );
  });

  it('sets the access flag and clears AP[2] of a dirty page, and only then', () => {
    const p: Params = {
      granule: 12n,
      tsz: 34n,
      outputBits: 48n,
      base: 0x1000n,
      wxn: false,
      ha: true,
      hd: true,
      hpd: false,
    };
    const AP2 = 0x80n;
    const DBM = 1n << 51n;
    const mem: Memory = new Map([
      [0x1000n, 0x2003n],
      [0x2000n, 0x3003n],
      [0x3000n, 0x9000n | AP2 | DBM | 3n],
    ]);
    const walk = (access: Access): WalkResult =>
      walkStage1(regimeFor({ ...p, tsz: 25n }), portOf(mem), {
        va: 0x123n,
        access,
        el0: false,
        pan: false,
        update: true,
      });
    expect(walk('read')).toMatchObject({ ok: true, ipa: 0x9123, writable: false });
    expect(mem.get(0x3000n)).toBe(0x9000n | AP2 | DBM | 0x403n);
    expect(walk('write')).toMatchObject({ ok: true, writable: true });
    expect(mem.get(0x3000n)).toBe(0x9000n | DBM | 0x403n);
  });
});
