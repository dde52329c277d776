// Stage 2 of the EL1&0 regime as the manual tells it, one step after the other, bigint throughout, straight from the
// registers. Shares nothing with src/cpu/mmu: tests hold that to this. @arm D8 "Stage 2 translation", "Memory attributes"

import type { PlainMemory } from './plain_walk.ts';

export interface PlainStage2Regs {
  readonly hcr: bigint;
  readonly vtcr: bigint;
  readonly vttbr: bigint;
  readonly s2pir: bigint;
}
export interface PlainStage2Access {
  readonly ipa: bigint;
  readonly kind: 'read' | 'write' | 'execute';
  readonly el0: boolean;
  /** Of a stage 1 table walk. */
  readonly walk: boolean;
}
/** What of the machine counts. Everything else of Armv9 is there, but S2POE, HAFT, THE, D128 and RME. */
export interface PlainMachine {
  readonly paBits: bigint;
  readonly xnx: boolean;
}
export type PlainStage2Answer =
  | { readonly fault: string; readonly dirtyBit?: boolean }
  | {
      readonly pa: bigint;
      readonly level: bigint;
      readonly size: bigint;
      readonly w: boolean;
      readonly x: boolean;
      /** Not dirty after this access. */
      readonly clean: boolean;
      /** MemAttr and SH. */
      readonly attr: bigint;
      readonly sh: bigint;
      readonly at: bigint;
      readonly before: bigint;
      readonly after: bigint;
    };

const bit = (v: bigint, n: number): boolean => ((v >> BigInt(n)) & 1n) === 1n;
const bits = (v: bigint, hi: number, lo: number): bigint => (v >> BigInt(lo)) & ((1n << BigInt(hi - lo + 1)) - 1n);
const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/** S2PIR: what EL1 may do, what EL0 may do, what walks may do. */
const S2PIR = [
  '//', '//', 'r/r/rw', 'r/r/rw', 'w/w/', '//', 'r/r/rw', 'r/r/rw',
  'r/r/r', 'r/rx/r', 'rx/r/r', 'rx/rx/r', 'rw/rw/rw', 'rw/rwx/rw', 'rwx/rw/rw', 'rwx/rwx/rw',
]; // biome-ignore format: a table

/** @param memory descriptors by physical address; whatever `get` throws comes out with the level as `level` set on it */
export function plainStage2(
  regs: PlainStage2Regs,
  memory: PlainMemory,
  a: PlainStage2Access,
  { paBits, xnx }: PlainMachine,
): PlainStage2Answer {
  const { hcr, vtcr } = regs;
  const bad = { fault: 'translation 0' };
  const tg = ([12n, 16n, 14n, 12n] as const)[Number(bits(vtcr, 15, 14))]!;
  const ds = bit(vtcr, 32) && tg !== 16n;

  // Sizes.
  const tsz = bits(vtcr, 5, 0);
  const most = tg === 16n || ds ? least(paBits, 52n) : least(paBits, 48n);
  if (tsz < 64n - most) return bad;
  if (tsz > (tg === 16n ? 47n : 48n)) return bad;
  const ipaBits = 64n - tsz;
  const ps = bits(vtcr, 18, 16);
  const oaBits = least(most, [32n, 36n, 40n, 42n, 44n, 48n, 52n, 52n][Number(ps)]!);

  // The first level, by SL2 and SL0.
  let level: bigint;
  const sl0 = bits(vtcr, 7, 6);
  if (tg === 12n) {
    if (ds && bit(vtcr, 33)) {
      if (sl0 !== 0n || paBits < 52n) return bad;
      level = -1n;
    } else {
      level = [2n, 1n, 0n, 3n][Number(sl0)]!;
      if (level === 0n && paBits < 44n) return bad;
    }
  } else {
    level = 3n - sl0;
    if (tg === 16n && level === 0n) return bad;
    if (tg === 16n && level === 1n && paBits < 44n) return bad;
    if (tg === 14n && level === 1n && paBits < 42n) return bad;
    if (tg === 14n && level === 0n && !(ds && paBits >= 52n)) return bad;
  }
  // It resolves at least one bit, and at most four more than one table has.
  const stride = tg - 3n;
  const resolvedLater = tg + (3n - level) * stride;
  const resolvedFirst = ipaBits - resolvedLater;
  if (resolvedFirst < 1n || resolvedFirst > stride + 4n) return bad;
  if (a.ipa >> ipaBits !== 0n) return bad;

  const wideBase = ds || (tg === 16n && oaBits === 52n);
  let align = resolvedFirst + 3n;
  if (wideBase && align < 6n) align = 6n;
  if (!wideBase && align < 5n) align = 5n;
  let base = bits(regs.vttbr, 47, 1) << 1n;
  if (wideBase) base = (base & ~0x3cn) | (bits(regs.vttbr, 5, 2) << 48n);
  let table = (base >> align) << align;
  if (table >> oaBits !== 0n) return { fault: 'size 0' };

  for (let first = true; ; level++, first = false) {
    const shift = tg + (3n - level) * stride;
    const index = first ? a.ipa >> shift : (a.ipa >> shift) & ((1n << stride) - 1n);
    const at = table + 8n * index;
    const L = `${level}`;
    let d: bigint;
    try {
      d = memory.get(at) ?? 0n;
    } catch {
      return { fault: `external ${L}` };
    }
    if (!bit(d, 0)) return { fault: `translation ${L}` };
    if (level === 3n && !bit(d, 1)) return { fault: `translation ${L}` };
    let oa: bigint;
    if (ds) oa = (bits(d, 9, 8) << 50n) | (bits(d, 49, 12) << 12n);
    else if (tg === 16n && oaBits === 52n) oa = (bits(d, 15, 12) << 48n) | (bits(d, 47, 16) << 16n);
    else oa = bits(d, 47, 12) << 12n;
    if (level < 3n && bit(d, 1)) {
      table = (oa >> tg) << tg;
      if (table >> oaBits !== 0n) return { fault: `size ${L}` };
      continue;
    }
    if (level < 3n) {
      const blocks = {
        12: ds ? '0 1 2' : '1 2',
        14: ds ? '1 2' : '2',
        16: paBits === 52n ? '1 2' : '2',
      }[`${tg}`]!;
      if (!blocks.split(' ').includes(L)) return { fault: `translation ${L}` };
    }
    const out = (oa >> shift) << shift;
    if (out >> oaBits !== 0n) return { fault: `size ${L}` };
    const ha = bit(vtcr, 21);
    const hd = ha && bit(vtcr, 22);
    if (!bit(d, 10) && !ha) return { fault: `access ${L}` };

    const attr = bits(d, 5, 2);
    const isDevice = bit(hcr, 46) ? !bit(attr, 2) : attr < 4n;
    if (a.walk && bit(hcr, 2) && isDevice) return { fault: `permission ${L}` };

    const pie = bit(vtcr, 36);
    const s2ap1 = bit(d, 7);
    let may: string;
    let clean: boolean;
    if (pie) {
      const index = 8n * bits(d, 54, 54) + 4n * bits(d, 53, 53) + 2n * bits(d, 51, 51) + bits(d, 6, 6);
      const [el1, el0, walk] = S2PIR[Number((regs.s2pir >> (4n * index)) & 15n)]!.split('/');
      may = (a.walk ? walk : a.el0 ? el0 : el1)!;
      clean = !s2ap1;
    } else {
      const managed = hd && bit(d, 51);
      clean = managed && !s2ap1;
      const xn = `${bits(d, 54, 54)}${xnx ? bits(d, 53, 53) : 0n}`;
      const executable = a.el0 ? ['00', '01'] : ['00', '11'];
      may = (bit(d, 6) ? 'r' : '') + (s2ap1 || managed ? 'w' : '') + (executable.includes(xn) && !a.walk ? 'x' : '');
    }
    if (!may.includes({ read: 'r', write: 'w', execute: 'x' }[a.kind])) return { fault: `permission ${L}` };
    if (a.kind === 'write' && clean && !hd) return { fault: `permission ${L}`, dirtyBit: true };

    const dirtied = a.kind === 'write' && clean;
    const joined = tg === 12n ? 16n : tg === 16n ? 32n : level === 3n ? 128n : 32n;
    return {
      pa: out + (a.ipa & ((1n << shift) - 1n)),
      level,
      size: (1n << shift) * (bit(d, 52) ? joined : 1n),
      w: may.includes('w'),
      x: may.includes('x'),
      clean: clean && !dirtied,
      attr,
      sh: ds ? bits(vtcr, 13, 12) : bits(d, 9, 8),
      at,
      before: d,
      after: d | 0x400n | (dirtied ? 0x80n : 0n),
    };
  }
}

// ---- attributes ---------------------------------------------------------------------------------------------------------

type Policy = 'NC' | 'WT' | 'WB';
interface Cache {
  readonly policy: Policy;
  readonly transient: boolean;
  readonly hints: bigint;
}
type Type = { readonly device: string } | { readonly outer: Cache; readonly inner: Cache; readonly tagged?: boolean };
const DEVICES = ['nGnRnE', 'nGnRE', 'nGRE', 'GRE'];
const UNCACHED: Cache = { policy: 'NC', transient: false, hints: 0n };
const ALLOCATING: Cache = { policy: 'WB', transient: false, hints: 3n };

function decodeMair(byte: bigint): Type {
  if (byte === 0xf0n) return { outer: ALLOCATING, inner: ALLOCATING, tagged: true };
  if (byte === 0x40n) return { outer: UNCACHED, inner: UNCACHED };
  if (byte === 0xa0n) return decodeMair(0xaan);
  if (bits(byte, 7, 4) === 0n) return { device: DEVICES[Number(bits(byte, 3, 2))]! };
  const one = (n: bigint): Cache => {
    if (n === 0n || n === 4n) return UNCACHED;
    return { policy: bit(n, 2) ? 'WB' : 'WT', transient: !bit(n, 3), hints: bits(n, 1, 0) };
  };
  return { outer: one(bits(byte, 7, 4)), inner: one(bits(byte, 3, 0)) };
}
function encodeMair(t: Type): bigint {
  if ('device' in t) return BigInt(DEVICES.indexOf(t.device)) << 2n;
  const one = (c: Cache): bigint =>
    c.policy === 'NC' ? 4n : (c.transient ? 0n : 8n) | (c.policy === 'WB' ? 4n : 0n) | c.hints;
  return t.tagged ? 0xf0n : (one(t.outer) << 4n) | one(t.inner);
}
function weaker(first: Cache, second: Policy): Cache {
  const policies: Policy[] = [first.policy, second];
  if (policies.includes('NC')) return UNCACHED;
  return { ...first, policy: policies.includes('WT') ? 'WT' : 'WB' };
}
function combineTypes(s1: Type, attr: bigint, fwb: boolean, cd: boolean): Type {
  const worst = (name: string): Type => ({
    device: 'device' in s1 ? DEVICES[Math.min(DEVICES.indexOf(s1.device), DEVICES.indexOf(name))]! : name,
  });
  if (fwb && !bit(attr, 2)) return worst(DEVICES[Number(bits(attr, 1, 0))]!);
  if (!fwb && attr < 4n) return worst(DEVICES[Number(attr)]!);
  if (fwb && cd) {
    const cached = combineTypes(s1, attr, true, false);
    return 'device' in cached ? cached : { outer: UNCACHED, inner: UNCACHED };
  }
  if (cd) return 'device' in s1 ? s1 : { outer: UNCACHED, inner: UNCACHED };
  if (fwb) {
    const how = bits(attr, 1, 0);
    if (how === 3n) return s1;
    if (how === 2n) {
      const forced = (c: Cache): Cache => (c.policy === 'NC' ? ALLOCATING : { ...c, policy: 'WB' });
      return 'device' in s1
        ? { outer: ALLOCATING, inner: ALLOCATING }
        : { outer: forced(s1.outer), inner: forced(s1.inner), tagged: s1.tagged === true };
    }
    return 'device' in s1 ? s1 : { outer: UNCACHED, inner: UNCACHED };
  }
  if ('device' in s1) return s1;
  const policy = (n: bigint): Policy => (n === 3n ? 'WB' : n === 2n ? 'WT' : 'NC');
  const outer = weaker(s1.outer, policy(bits(attr, 3, 2)));
  const inner = weaker(s1.inner, policy(bits(attr, 1, 0)));
  const tagged = s1.tagged === true && outer.policy === 'WB' && inner.policy === 'WB';
  return { outer, inner, tagged };
}
/** Outer Shareable whatever is said. */
const alwaysOuter = (t: Type): boolean => 'device' in t || (t.outer.policy === 'NC' && t.inner.policy === 'NC');

/** ATTR and SH as PAR_EL1 shows them, of a leaf of stage 1 with one of stage 2. */
export function plainCombine(
  s1: { readonly attr: bigint; readonly sh: bigint },
  s2: { readonly attr: bigint; readonly sh: bigint },
  hcr: bigint,
): { attr: bigint; sh: bigint } {
  const first = decodeMair(s1.attr);
  const type = combineTypes(first, s2.attr, bit(hcr, 46), bit(hcr, 32));
  const named = (sh: bigint): string => ['none', 'outer', 'outer', 'inner'][Number(sh)]!;
  const both = [alwaysOuter(first) ? 'outer' : named(s1.sh), named(s2.sh)];
  const joined = both.includes('outer') ? 2n : both.includes('inner') ? 3n : 0n;
  return { attr: encodeMair(type), sh: alwaysOuter(type) ? 2n : joined };
}
