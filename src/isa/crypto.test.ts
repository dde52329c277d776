// The cryptographic instructions put together to the algorithms they are for, against the examples of their standards:
// FIPS 197, FIPS 180-4, FIPS 202, SP 800-38D test vectors, GB/T 32905 (SM3), GB/T 32907 (SM4).

import { describe, expect, it } from 'vitest';
import { crypto } from './crypto.ts';
import { AES_INVERSE_SBOX, AES_SBOX, SM4_SBOX } from './sbox.ts';
import { simdArith } from './simd_arith.ts';
import { runInstruction, testState } from './testing.ts';

/** Runs a row on V registers given by value: operands in the order d, n, m, a. @returns Vd */
function run(row: string, d: bigint, n = 0n, m = 0n, a = 0n, fields: Record<string, number> = {}): bigint {
  const s = testState({ v: [d, n, m, a] });
  runInstruction(crypto, [row, pick(row, { Rd: 0, Rn: 1, Rm: 2, Ra: 3, ...fields })], s);
  return s.v[0]!;
}
function pick(row: string, fields: Record<string, number>): Record<string, number> {
  const pattern = crypto.rows[row]!.pattern;
  return Object.fromEntries(Object.entries(fields).filter(([k]) => pattern.includes(`${k}:`)));
}

const bytesOf = (text: string): number[] => text.match(/../g)!.map((b) => Number.parseInt(b, 16));
const ascii = (text: string): number[] => [...text].map((c) => c.charCodeAt(0));
/** Sixteen bytes as a register holds them: the first lowest. */
const vector = (b: readonly number[]): bigint => b.reduceRight((v, x) => (v << 8n) | BigInt(x), 0n);
const toBytes = (v: bigint, n = 16): number[] =>
  Array.from({ length: n }, (_, i) => Number((v >> BigInt(8 * i)) & 0xffn));
const hex = (b: readonly number[]): string => b.map((x) => x.toString(16).padStart(2, '0')).join('');
const lane = (v: bigint, i: number, bits = 32): bigint => BigInt.asUintN(bits, v >> BigInt(bits * i));
const fromLanes = (l: readonly bigint[], bits = 32): bigint =>
  l.reduceRight((v, x) => (v << BigInt(bits)) | BigInt.asUintN(bits, x), 0n);
const mod32 = (x: bigint): bigint => BigInt.asUintN(32, x);
const rotl32 = (x: bigint, n: number): bigint => mod32((x << BigInt(n % 32)) | (mod32(x) >> BigInt(32 - (n % 32))));
/** Lane-wise addition. */
const plus = (a: bigint, b: bigint, bits = 32): bigint =>
  fromLanes(
    Array.from({ length: 128 / bits }, (_, i) => lane(a, i, bits) + lane(b, i, bits)),
    bits,
  );
/** Words of one padded block, most significant byte first. */
function block(message: readonly number[], size: 64 | 128): bigint[] {
  const b = [...message, 0x80, ...Array(size - message.length - 1).fill(0)];
  b.splice(size - 2, 2, (message.length * 8) >> 8, (message.length * 8) & 255);
  const width = size / 16;
  return Array.from({ length: 16 }, (_, i) =>
    b.slice(i * width, (i + 1) * width).reduce((v, x) => (v << 8n) | BigInt(x), 0n),
  );
}
/** Fraction bits of a root of the n-th prime, as the SHA constants are. */
function rootFraction(prime: number, root: 2n | 3n, bits: number): bigint {
  const target = BigInt(prime) << (root * BigInt(bits));
  let [lo, hi] = [0n, 1n << BigInt(bits + 5)];
  while (hi - lo > 1n) {
    const mid = (lo + hi) >> 1n;
    if (mid ** root <= target) lo = mid;
    else hi = mid;
  }
  return BigInt.asUintN(bits, lo);
}
const primes = Array.from({ length: 420 }, (_, i) => i).filter(
  (n) => n > 1 && !Array.from({ length: n }, (_, k) => k).some((k) => k > 1 && n % k === 0),
);

describe('S-boxes', () => {
  const all = Array.from({ length: 256 }, (_, x) => x);
  const same = (x: number): bigint => vector(Array(16).fill(x));
  for (const [row, sbox] of [
    ['AESE', AES_SBOX],
    ['AESD', AES_INVERSE_SBOX],
  ] as const)
    it(`of ${row} come out of small tables as they are defined`, () => {
      expect(all.map((x) => toBytes(run(row, same(x)))[0]!)).toEqual(sbox.bytes());
    });
  it('of AES are inverses', () => {
    expect(all.map((x) => AES_INVERSE_SBOX.bytes()[AES_SBOX.bytes()[x]!])).toEqual(all);
  });
});

describe('AES', () => {
  const key = bytesOf('000102030405060708090a0b0c0d0e0f');
  const plain = bytesOf('00112233445566778899aabbccddeeff');
  const cipher = '69c4e0d86a7b0430d8cdb78070b4c55a';

  const subByte = (x: number): number => toBytes(run('AESE', vector(Array(16).fill(x))))[0]!;
  function expandKey(k: readonly number[]): bigint[] {
    const w = [0, 4, 8, 12].map((i) => k.slice(i, i + 4));
    for (let i = 4, rcon = 1; i < 44; i++) {
      let t = w[i - 1]!;
      if (i % 4 === 0) {
        t = [t[1]!, t[2]!, t[3]!, t[0]!].map(subByte);
        t = [t[0]! ^ rcon, ...t.slice(1)];
        rcon = (rcon << 1) ^ (rcon & 0x80 ? 0x11b : 0);
      }
      w.push(t.map((x, j) => x ^ w[i - 4]![j]!));
    }
    return Array.from({ length: 11 }, (_, r) => vector(w.slice(4 * r, 4 * r + 4).flat()));
  }
  function encrypt(k: readonly number[], p: readonly number[]): number[] {
    const round = expandKey(k);
    let state = vector(p);
    for (let r = 0; r < 9; r++) state = run('AESMC', 0n, run('AESE', state, round[r]));
    return toBytes(run('AESE', state, round[9]) ^ round[10]!);
  }
  it('encrypts the example of FIPS 197 appendix C.1', () => {
    expect(hex(encrypt(key, plain))).toBe(cipher);
  });
  it('decrypts it', () => {
    const round = expandKey(key);
    let state = vector(bytesOf(cipher));
    for (let r = 10; r > 1; r--) {
      state = run('AESD', state, r === 10 ? round[10] : run('AESIMC', 0n, round[r]));
      state = run('AESIMC', 0n, state);
    }
    expect(toBytes(run('AESD', state, run('AESIMC', 0n, round[1])) ^ round[0]!)).toEqual(plain);
  });
  it('authenticates with PMULL as SP 800-38D test case 2 does', () => {
    const reverse = (b: readonly number[]): bigint => {
      let v = 0n;
      for (const x of b) for (let i = 7; i >= 0; i--) v = (v >> 1n) | (BigInt((x >> i) & 1) << 127n);
      return v;
    };
    const h = reverse(encrypt(Array(16).fill(0), Array(16).fill(0)));
    const pmull = (Q: number, n: bigint, m: bigint): bigint => {
      const s = testState({ v: [0n, n, m] });
      runInstruction(simdArith, ['PMULL_1q', { Q, Rd: 0, Rn: 1, Rm: 2 }], s);
      return s.v[0]!;
    };
    /** Product in GF(2^128), bit 0 of the polynomial in bit 0. */
    const product = (x: bigint, y: bigint): bigint => {
      const low = (v: bigint): bigint => BigInt.asUintN(64, v);
      const swapped = (low(y) << 64n) | (y >> 64n);
      const crossed = pmull(0, x, swapped) ^ pmull(1, x, swapped);
      let p = pmull(0, x, y) ^ (crossed << 64n) ^ (pmull(1, x, y) << 128n);
      for (let i = 255n; i >= 128n; i--) if ((p >> i) & 1n) p ^= ((1n << 128n) | 0x87n) << (i - 128n);
      return p;
    };
    const c = reverse(bytesOf('0388dace60b6a392f328c2b971b2fe78'));
    const lengths = reverse(bytesOf('00000000000000000000000000000080'));
    const ghash = product(product(c, h) ^ lengths, h);
    expect(ghash).toBe(reverse(bytesOf('f38cbb1ad69223dcc3457ae5b6b0f885')));
  });
});

describe('SHA', () => {
  it('SHA-1 of "abc"', () => {
    const initial = [0x67452301n, 0xefcdab89n, 0x98badcfen, 0x10325476n];
    const start = fromLanes(initial);
    const w = block(ascii('abc'), 64);
    const schedule = [0, 1, 2, 3].map((i) => fromLanes(w.slice(4 * i, 4 * i + 4)));
    for (let i = 4; i < 20; i++) {
      const su0 = run('SHA1SU0', schedule[i - 4]!, schedule[i - 3], schedule[i - 2]);
      schedule.push(run('SHA1SU1', su0, schedule[i - 1]));
    }
    const constants = [0x5a827999n, 0x6ed9eba1n, 0x8f1bbcdcn, 0xca62c1d6n];
    let [abcd, e] = [start, 0xc3d2e1f0n];
    schedule.forEach((words, i) => {
      const k = constants[Math.floor(i / 5)]!;
      const next = run('SHA1H', 0n, lane(abcd, 0));
      abcd = run(
        ['SHA1C', 'SHA1P', 'SHA1M', 'SHA1P'][Math.floor(i / 5)]!,
        abcd,
        e,
        plus(words, fromLanes([k, k, k, k])),
      );
      e = next;
    });
    const digest = [...initial.map((x, i) => mod32(x + lane(abcd, i))), mod32(e + 0xc3d2e1f0n)];
    expect(digest.map((x) => x.toString(16).padStart(8, '0')).join('')).toBe(
      'a9993e364706816aba3e25717850c26c9cd0d89d',
    );
  });

  it('SHA-256 of "abc"', () => {
    const h = primes.slice(0, 8).map((p) => rootFraction(p, 2n, 32));
    const k = primes.slice(0, 64).map((p) => rootFraction(p, 3n, 32));
    const w = block(ascii('abc'), 64);
    const schedule = [0, 1, 2, 3].map((i) => fromLanes(w.slice(4 * i, 4 * i + 4)));
    for (let i = 4; i < 16; i++) {
      const su0 = run('SHA256SU0', schedule[i - 4]!, schedule[i - 3]);
      schedule.push(run('SHA256SU1', su0, schedule[i - 2], schedule[i - 1]));
    }
    let [abcd, efgh] = [fromLanes(h.slice(0, 4)), fromLanes(h.slice(4))];
    schedule.forEach((words, i) => {
      const wk = plus(words, fromLanes(k.slice(4 * i, 4 * i + 4)));
      [abcd, efgh] = [run('SHA256H', abcd, efgh, wk), run('SHA256H2', efgh, abcd, wk)];
    });
    const digest = h.map((x, i) => mod32(x + lane(i < 4 ? abcd : efgh, i % 4)));
    expect(digest.map((x) => x.toString(16).padStart(8, '0')).join('')).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
  });

  it('SHA-512 of "abc"', () => {
    const h = primes.slice(0, 8).map((p) => rootFraction(p, 2n, 64));
    const k = primes.slice(0, 80).map((p) => rootFraction(p, 3n, 64));
    const w = block(ascii('abc'), 128);
    const pair = (i: number): bigint => fromLanes([w[i]!, w[i + 1]!], 64);
    for (let i = 16; i < 80; i += 2) {
      const su0 = run('SHA512SU0', pair(i - 16), pair(i - 14));
      const next = run('SHA512SU1', su0, pair(i - 2), fromLanes([w[i - 7]!, w[i - 6]!], 64));
      w.push(lane(next, 0, 64), lane(next, 1, 64));
    }
    const two = (a: bigint, b: bigint): bigint => fromLanes([a, b], 64);
    // Registers hold pairs: ab is a in the low half.
    let [ab, cd, ef, gh] = [0, 2, 4, 6].map((i) => two(h[i]!, h[i + 1]!)) as [bigint, bigint, bigint, bigint];
    const [lo, hi] = [(v: bigint) => lane(v, 0, 64), (v: bigint) => lane(v, 1, 64)];
    for (let i = 0; i < 80; i += 2) {
      const wk = two(w[i]! + k[i]!, w[i + 1]! + k[i + 1]!);
      // h + K + W of the first round is in the upper half.
      const sums = plus(two(hi(wk), lo(wk)), gh, 64);
      const t1 = run('SHA512H', sums, two(hi(ef), lo(gh)), two(hi(cd), lo(ef)));
      const t2 = run('SHA512H2', t1, cd, ab);
      const newEf = plus(cd, t1, 64);
      [ab, cd, ef, gh] = [t2, ab, newEf, ef];
    }
    const digest = [ab, cd, ef, gh].flatMap((v, i) => [
      BigInt.asUintN(64, lo(v) + h[2 * i]!),
      BigInt.asUintN(64, hi(v) + h[2 * i + 1]!),
    ]);
    expect(digest.map((x) => x.toString(16).padStart(16, '0')).join('')).toBe(
      'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a' +
        '2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
    );
  });

  it('Keccak-f[1600] of the zero state', () => {
    const twice = (x: bigint): bigint => x | (x << 64n);
    const low = (v: bigint): bigint => BigInt.asUintN(64, v);
    // FIPS 202, 3.2.2 and 3.2.5: rotation offsets and round constants from their definitions.
    const offsets = Array<number>(25).fill(0);
    for (let t = 0, x = 1, y = 0; t < 24; t++) {
      offsets[x + 5 * y] = (((t + 1) * (t + 2)) / 2) % 64;
      [x, y] = [y, (2 * x + 3 * y) % 5];
    }
    let lfsr = 1;
    const bit = (): bigint => {
      const b = BigInt(lfsr & 1);
      lfsr = lfsr & 0x80 ? (lfsr << 1) ^ 0x171 : lfsr << 1;
      return b;
    };
    let state = Array<bigint>(25).fill(0n);
    for (let round = 0; round < 24; round++) {
      let rc = 0n;
      for (let j = 0; j <= 6; j++) rc |= bit() << BigInt(2 ** j - 1);
      const at = (x: number, y: number): bigint => twice(state[(x % 5) + 5 * (y % 5)]!);
      const column = [0, 1, 2, 3, 4].map((x) =>
        run('EOR3', 0n, run('EOR3', 0n, at(x, 0), at(x, 1), at(x, 2)), at(x, 3), at(x, 4)),
      );
      const d = column.map((_, x) => run('RAX1', 0n, column[(x + 4) % 5], column[(x + 1) % 5]));
      const b = Array<bigint>(25).fill(0n);
      for (let x = 0; x < 5; x++) {
        for (let y = 0; y < 5; y++) {
          const imm6 = (64 - offsets[x + 5 * y]!) % 64;
          b[y + 5 * ((2 * x + 3 * y) % 5)] = run('XAR', 0n, at(x, y), d[x], 0n, { imm6 });
        }
      }
      state = b.map((lanes, i) => {
        const row = 5 * Math.floor(i / 5);
        return low(run('BCAX', 0n, lanes, b[row + ((i + 2) % 5)], b[row + ((i + 1) % 5)]));
      });
      state[0]! ^= rc;
    }
    expect(state[0]!.toString(16)).toBe('f1258f7940e1dde7');
    expect(state[1]!.toString(16)).toBe('84d5ccf933c0478a');
  });
});

describe('ShangMi', () => {
  it('SM3 of "abc"', () => {
    const initial = [
      0x7380166fn,
      0x4914b2b9n,
      0x172442d7n,
      0xda8a0600n,
      0xa96f30bcn,
      0x163138aan,
      0xe38dee4dn,
      0xb0fb0e4en,
    ];
    const w = block(ascii('abc'), 64);
    const quad = (i: number): bigint => fromLanes(w.slice(i, i + 4));
    for (let i = 16; i < 68; i += 4) {
      const part1 = run('SM3PARTW1', quad(i - 16), quad(i - 9), fromLanes([0n, ...w.slice(i - 3, i)]));
      const next = run('SM3PARTW2', part1, quad(i - 6), quad(i - 13));
      for (let k = 0; k < 4; k++) w.push(lane(next, k));
    }
    // The registers hold d, c, b, a and h, g, f, e from the lowest lane up.
    const [a, b, c, d, e, f, g, h] = initial as [bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint];
    let [dcba, hgfe] = [fromLanes([d, c, b, a]), fromLanes([h, g, f, e])];
    for (let j = 0; j < 64; j++) {
      const t = rotl32(j < 16 ? 0x79cc4519n : 0x7a879d8an, j);
      const ss1 = run('SM3SS1', 0n, dcba, hgfe, t << 96n);
      const imm2 = j % 4;
      const start = j - imm2;
      const words = quad(start);
      const mixed = fromLanes([0, 1, 2, 3].map((k) => w[start + k]! ^ w[start + k + 4]!));
      const ab = j < 16 ? 'A' : 'B';
      dcba = run(`SM3TT1${ab}`, dcba, ss1, mixed, 0n, { imm2 });
      hgfe = run(`SM3TT2${ab}`, hgfe, ss1, words, 0n, { imm2 });
    }
    const out = [3, 2, 1, 0].map((i) => lane(dcba, i)).concat([3, 2, 1, 0].map((i) => lane(hgfe, i)));
    expect(out.map((x, i) => (x ^ initial[i]!).toString(16).padStart(8, '0')).join('')).toBe(
      '66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0',
    );
  });

  it('SM4 of the example in GB/T 32907', () => {
    const words = [0x01234567n, 0x89abcdefn, 0xfedcba98n, 0x76543210n];
    const fk = [0xa3b1bac6n, 0x56aa3350n, 0x677d9197n, 0xb27022dcn];
    const ck = Array.from({ length: 32 }, (_, i) =>
      [0, 1, 2, 3].reduce((v, j) => (v << 8n) | BigInt(((4 * i + j) * 7) % 256), 0n),
    );
    let key = fromLanes(words.map((x, i) => x ^ fk[i]!));
    let state = fromLanes(words);
    for (let i = 0; i < 32; i += 4) {
      key = run('SM4EKEY', 0n, key, fromLanes(ck.slice(i, i + 4)));
      state = run('SM4E', state, key);
    }
    expect([3, 2, 1, 0].map((i) => lane(state, i).toString(16).padStart(8, '0')).join('')).toBe(
      '681edf34d206965e86b3e94f536e4246',
    );
    expect(
      SM4_SBOX.bytes()
        .slice(0, 8)
        .map((x) => x.toString(16)),
    ).toEqual(['d6', '90', 'e9', 'fe', 'cc', 'e1', '3d', 'b7']);
  });
});
