// Pointer authentication against codes recorded with known keys (golden/pauth), and the rules of each generation of the
// feature where no recording exists.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  PacKey,
  type PauthState,
  pacAdd,
  pacAuth,
  pacFailed,
  pacGeneric,
  pacGood,
  pacStrip,
  resetPauth,
  result,
} from './pauth.ts';
import type { Qarma } from './qarma.ts';

const lo = (v: bigint): number => Number(BigInt.asIntN(32, v));
const hi = (v: bigint): number => Number(BigInt.asIntN(32, v >> 32n));
const taken = (): bigint => (BigInt(result[1]! >>> 0) << 32n) | BigInt(result[0]! >>> 0);
const add = (s: PauthState, p: bigint, m: bigint, key: number): bigint => {
  pacAdd(s, lo(p), hi(p), lo(m), hi(m), key);
  return taken();
};
const auth = (s: PauthState, p: bigint, m: bigint, key: number): bigint => {
  pacAuth(s, lo(p), hi(p), lo(m), hi(m), key);
  return taken();
};
const strip = (s: PauthState, p: bigint, data: boolean): bigint => {
  pacStrip(s, lo(p), hi(p), data);
  return taken();
};
const generic = (s: PauthState, p: bigint, m: bigint): bigint => {
  pacGeneric(s, lo(p), hi(p), lo(m), hi(m));
  return taken();
};

/** TxSZ, TBIx and TBIDx of a TCR_EL1 value. */
function setRegime(s: PauthState, tcr: bigint): void {
  const bit = (i: number): number => Number((tcr >> BigInt(i)) & 1n);
  const size = (i: number): number => Number((tcr >> BigInt(i)) & 63n);
  Object.assign(s, { bottom: [64 - size(0), 64 - size(16)] });
  s.tbiData = bit(37) | (bit(38) << 1);
  s.tbiInstruction = (bit(37) & ~bit(51)) | ((bit(38) & ~bit(52)) << 1);
}

describe.each(['qarma5', 'qarma3'] satisfies Qarma[])('%s', (algorithm) => {
  const lines = readFileSync(new URL(`../../golden/pauth/${algorithm}.txt`, import.meta.url), 'utf8')
    .split('\n')
    .filter((l) => l !== '' && !l.startsWith('#'));
  it(`computes the ${lines.length} recorded lines`, () => {
    const s: PauthState = { ...resetPauth(), algorithm, enabled: 15 };
    for (const line of lines) {
      const [first, ...rest] = line.split(' ');
      if (first === 'tcr') setRegime(s, BigInt(`0x${rest[0]}`));
      else if (first === 'keys') {
        for (const [i, k] of rest.entries()) s.keys.set([lo(BigInt(`0x${k}`)), hi(BigInt(`0x${k}`))], 2 * i);
      } else {
        const p = BigInt(`0x${first}`);
        const [m, ia, ib, da, db, xi, xd, ga, ai, ad] = rest.map((x) => BigInt(`0x${x}`)) as bigint[] & { length: 10 };
        expect(add(s, p, m!, PacKey.IA), line).toBe(ia);
        expect(add(s, p, m!, PacKey.IB), line).toBe(ib);
        expect(add(s, p, m!, PacKey.DA), line).toBe(da);
        expect(add(s, p, m!, PacKey.DB), line).toBe(db);
        expect(strip(s, p, false), line).toBe(xi);
        expect(strip(s, p, true), line).toBe(xd);
        expect(generic(s, p, m!), line).toBe(ga);
        if (ai) expect(auth(s, ia!, m!, PacKey.IA), line).toBe(ai);
        if (ad) expect(auth(s, db!, m!, PacKey.DB), line).toBe(ad);
      }
    }
  });
});

describe('what becomes of a pointer', () => {
  const P = 0x0000_7fff_1234_5678n;
  const K = 0xffff_8000_1234_5678n;
  const keyed = (over: Partial<PauthState> = {}): PauthState => {
    const s = { ...resetPauth(), enabled: 15, ...over };
    s.keys.set(Array.from({ length: 20 }, (_, i) => Math.imul(i + 1, 0x9e3779b1)));
    return s;
  };
  it('a disabled key leaves it alone, and only its own instructions', () => {
    const s = keyed({ enabled: 0b1101 });
    expect(add(s, P, 1n, PacKey.IB)).toBe(P);
    expect(auth(s, P | (5n << 56n), 1n, PacKey.IB)).toBe(P | (5n << 56n));
    expect(pacFailed(s, false)).toBe(false);
    expect(add(s, P, 1n, PacKey.IA)).not.toBe(P);
  });
  it.each(['impdef', 'qarma5', 'qarma3'] as const)(
    '%s: comes back under the same key and modifier only',
    (algorithm) => {
      const s = keyed({ algorithm });
      for (const p of [P, K]) {
        const signed = add(s, p, 77n, PacKey.DA);
        expect(signed & 0x0000_ffff_ffff_ffffn).toBe(p & 0x0000_ffff_ffff_ffffn);
        expect((signed >> 55n) & 1n).toBe((p >> 55n) & 1n);
        expect(auth(s, signed, 77n, PacKey.DA)).toBe(p);
        expect(pacFailed(s, false)).toBe(false);
        expect(auth(s, signed, 78n, PacKey.DA)).not.toBe(p);
        expect(pacFailed(s, false)).toBe(true);
        expect(auth(s, signed, 77n, PacKey.IA)).not.toBe(p);
        expect(strip(s, signed, true)).toBe(p);
      }
    },
  );
  it('FEAT_FPACCOMBINE decides about instructions that use the pointer at once', () => {
    const s = keyed({ fpacCombine: false });
    auth(s, P | (1n << 50n), 0n, PacKey.IA);
    expect([pacFailed(s, false), pacFailed(s, true)]).toEqual([true, false]);
    const quiet = keyed({ fpac: false, fpacCombine: false });
    auth(quiet, P | (1n << 50n), 0n, PacKey.IA);
    expect(pacFailed(quiet, false)).toBe(false);
  });
  it('before FEAT_PAuth2 a wrong code leaves an error code below the top: 01 for A keys, 10 for B keys', () => {
    const s = keyed({ pauth2: false, fpac: false, fpacCombine: false });
    const bad = P | (0x55n << 56n);
    expect(auth(s, bad, 0n, PacKey.IA)).toBe(P | (1n << 61n));
    expect(auth(s, bad, 0n, PacKey.DB)).toBe(P | (2n << 61n));
    const tagged = keyed({ pauth2: false, fpac: false, fpacCombine: false, tbiData: 1, tbiInstruction: 1 });
    expect(auth(tagged, P | (0x12n << 56n) | (1n << 50n), 0n, PacKey.DA)).toBe(P | (0x12n << 56n) | (1n << 53n));
    const signed = add(s, K, 9n, PacKey.IA);
    expect(auth(s, signed, 9n, PacKey.IA)).toBe(K);
  });
  it('a pointer that is not canonical gets a code that does not verify', () => {
    const bent = P | (1n << 58n);
    const before = keyed({ pauth2: false, fpac: false });
    expect(auth(before, add(before, bent, 3n, PacKey.IA), 3n, PacKey.IA)).not.toBe(P);
    const epac = keyed({ pauth2: false, epac: true, fpac: false });
    expect(add(epac, bent, 3n, PacKey.IA)).toBe(P); // the code is zero
    const pauth2 = keyed();
    auth(pauth2, add(pauth2, bent, 3n, PacKey.IA), 3n, PacKey.IA);
    expect(pacFailed(pauth2, false)).toBe(true);
  });
  it('is known beforehand, where it is one as it should be', () => {
    const TAGGED = 1n << 37n;
    const pointers = [
      0x1234_5678n,
      0xffff_8000_1234_5678n,
      0xffn << 56n,
      0x80_0000_0000_0000n,
      0x1000_0000_0000_0000n,
      1n << 50n,
    ];
    for (const pauth2 of [false, true])
      for (const tcr of [0n, TAGGED, TAGGED << 1n, 3n * TAGGED])
        for (const p of pointers) {
          const s: PauthState = { ...resetPauth(), pauth2, epac: !pauth2, enabled: 15 };
          setRegime(s, 0x10_0010n | tcr);
          for (const key of [PacKey.IA, PacKey.DB]) {
            const signed = add(s, p, 7n, key);
            const isGood = pacGood();
            const back = auth(s, signed, 7n, key) === p && !pacFailed(s, false);
            if (isGood) expect([p, key, tcr, back]).toEqual([p, key, tcr, true]);
            else if (!pauth2) expect([p, key, tcr, back]).toEqual([p, key, tcr, false]);
          }
        }
    expect(add(resetPauth(), 1n << 60n, 7n, PacKey.IA), 'of a key that is off').toBe(1n << 60n);
    expect(pacGood()).toBe(true);
  });
  it('where one range ignores tags, bit 55 chooses the range for both', () => {
    const s = keyed({ tbiData: 2, tbiInstruction: 2 });
    expect((add(s, 0xf300_0005_7388_11ddn, 0n, PacKey.IA) >> 55n) & 1n).toBe(0n);
    const none = keyed();
    expect((add(none, 0xf300_0005_7388_11ddn, 0n, PacKey.IA) >> 55n) & 1n).toBe(1n);
  });
});
