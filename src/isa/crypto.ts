// Semantics of arch/a64/crypto.ts: AES, SHA-1, SHA-2, SHA-3, SM3, SM4, straight from vector and integer operations.

import { CRYPTO } from '../arch/a64/crypto.ts';
import type { Ops, Reg, Val } from './ops.ts';
import { AES_INVERSE_SBOX, AES_MODULUS, AES_SBOX, type Sbox, SM4_SBOX, type Table } from './sbox.ts';
import { semantics } from './semantics.ts';
import { add, bytes16, dupElement, elements, every, type Kit, shiftAll, zero } from './simd_lanes.ts';

interface Two {
  readonly Rn: Reg;
  readonly Rd: Reg;
}
interface Three extends Two {
  readonly Rm: Reg;
}

// ---- S-boxes ------------------------------------------------------------------------------------------------------------------

/** An S-box for each byte. */
function substitute(o: Kit, sbox: Sbox, x: Val): Val {
  const { split, inverse, scaledInverse, join, constant } = sbox.nibbles();
  const low = every(o, 0, 15n);
  const vector = (table: Table): Val => bytes16(o, (i) => table[i]!);
  const look = (table: Val, index: Val): Val => o.v('i8x16.swizzle', table, index);
  /** The lower and the upper halves of bytes. */
  const halves = (v: Val): [Val, Val] => [o.v('v128.and', v, low), o.v('v128.and', shiftAll(o, 3, 'shr_u', v, 4), low)];
  const [lower, upper] = halves(x);
  const [k, i] = halves(o.v('v128.xor', look(vector(split[0]), lower), look(vector(split[1]), upper)));
  const j = o.v('v128.xor', i, k);
  const inverted = vector(inverse);
  const scaled = look(vector(scaledInverse), k);
  const part = (one: Val, other: Val): Val =>
    o.v('v128.xor', look(inverted, o.v('v128.xor', look(inverted, one), scaled)), other);
  const sum = o.v('v128.xor', look(vector(join[0]), part(i, j)), look(vector(join[1]), part(j, i)));
  return constant === 0 ? sum : o.v('v128.xor', sum, every(o, 0, BigInt(constant)));
}

// ---- AES ------------------------------------------------------------------------------------------------------------------------

/** Byte i is row i mod 4 of column i div 4; row r turns by r columns. */
function shiftRows(o: Kit, direction: 1 | -1, x: Val): Val {
  return elements(o, 0, x, x, (i) => (i + direction * 4 * (i & 3)) & 15);
}
/** Multiplication of each byte by x in the AES field. */
function xtime(o: Kit, a: Val): Val {
  const carry = o.v('v128.and', o.v('i8x16.lt_s', a, zero(o)), every(o, 0, BigInt(AES_MODULUS)));
  return o.v('v128.xor', add(o, 0, a, a), carry);
}
/** Byte r of each column replaced by byte r + n. */
function rotateColumns(o: Kit, n: number, a: Val): Val {
  return elements(o, 0, a, a, (i) => (i & ~3) | ((i + n) & 3));
}
/** 2a + 3b + c + d for each byte and those that follow it in its column. */
function mixColumns(o: Kit, a: Val): Val {
  const b = rotateColumns(o, 1, a);
  const twice = xtime(o, o.v('v128.xor', a, b));
  const others = o.v('v128.xor', b, rotateColumns(o, 2, o.v('v128.xor', a, b)));
  return o.v('v128.xor', twice, others);
}
/** The inverse matrix is the forward one times (5, 0, 4, 0). */
function inverseMixColumns(o: Kit, a: Val): Val {
  const four = xtime(o, xtime(o, o.v('v128.xor', a, rotateColumns(o, 2, a))));
  return mixColumns(o, o.v('v128.xor', a, four));
}
const aesRound =
  (sbox: Sbox, direction: 1 | -1) =>
  (o: Kit, { Rn, Rd }: Two): void =>
    o.setV(Rd, substitute(o, sbox, shiftRows(o, direction, o.v('v128.xor', o.V(Rd), o.V(Rn)))));

// ---- 32-bit words ------------------------------------------------------------------------------------------------------------------

function rotl(o: Kit, x: Val, n: number): Val {
  return o.rotr(x, o.i32(32 - n));
}
function sum(o: Kit, first: Val, ...rest: Val[]): Val {
  return rest.reduce((a, b) => o.add(a, b), first);
}
function xor(o: Kit, first: Val, ...rest: Val[]): Val {
  return rest.reduce((a, b) => o.xor(a, b), first);
}
type Words = [Val, Val, Val, Val];
function words(o: Kit, v: Val): Words {
  return [0, 1, 2, 3].map((i) => o.lane(v, 32, i)) as Words;
}
function vectorOf(o: Kit, w: readonly Val[]): Val {
  return o.lanes(32, 4, (i) => w[i]!);
}
/** Each lane rotated left. */
function rotlAll(o: Kit, size: 2 | 3, v: Val, n: number): Val {
  const bits = 8 << size;
  return o.v('v128.or', shiftAll(o, size, 'shl', v, n), shiftAll(o, size, 'shr_u', v, bits - n));
}
function xorAll(o: Kit, first: Val, ...rest: Val[]): Val {
  return rest.reduce((a, b) => o.v('v128.xor', a, b), first);
}
const chooseBits = (o: Kit, x: Val, y: Val, z: Val): Val => o.xor(o.and(o.xor(y, z), x), z);
const parity = (o: Kit, x: Val, y: Val, z: Val): Val => xor(o, x, y, z);
const majority = (o: Kit, x: Val, y: Val, z: Val): Val => o.or(o.and(x, y), o.and(o.or(x, y), z));
/** Elements 1, 2, 3 of a, then element 0 of b. */
function nextWords(o: Kit, a: Val, b: Val): Val {
  return elements(o, 2, a, b, (i) => i + 1);
}

// ---- SHA-1 ----------------------------------------------------------------------------------------------------------------------------

/** Four rounds with one of the three functions. @arm SHA1C, SHA1P, SHA1M */
const sha1Rounds =
  (f: (o: Kit, x: Val, y: Val, z: Val) => Val) =>
  (o: Kit, { Rm, Rn, Rd }: Three): void => {
    let [a, b, c, d] = words(o, o.V(Rd));
    let e = o.Vs(Rn, 32);
    for (const w of words(o, o.V(Rm))) {
      const next = sum(o, e, rotl(o, a, 5), f(o, b, c, d), w);
      [a, b, c, d, e] = [next, a, rotl(o, b, 30), c, d];
    }
    o.setV(Rd, vectorOf(o, [a, b, c, d]));
  };

// ---- SHA-256 ----------------------------------------------------------------------------------------------------------------------------

const rotations =
  (x: number, y: number, z: number) =>
  (o: Kit, a: Val): Val => {
    const by = (n: number): Val => o.rotr(a, a.ty === 'i64' ? o.i64(n) : o.i32(n));
    return xor(o, by(x), by(y), by(z));
  };
/** Two rotations and a shift of each 32-bit lane. */
function sigmaAll(o: Kit, v: Val, x: number, y: number, shift: number): Val {
  return xorAll(o, rotlAll(o, 2, v, 32 - x), rotlAll(o, 2, v, 32 - y), shiftAll(o, 2, 'shr_u', v, shift));
}
const sigma0 = rotations(2, 13, 22);
const sigma1 = rotations(6, 11, 25);

/** Four rounds; the first or second half of the hash. @arm SHA256hash */
function sha256Rounds(o: Kit, abcd: Val, efgh: Val, w: Val, first: boolean): Val {
  let [a, b, c, d] = words(o, abcd);
  let [e, f, g, h] = words(o, efgh);
  for (const word of words(o, w)) {
    const t = sum(o, h, sigma1(o, e), chooseBits(o, e, f, g), word);
    const top = sum(o, t, sigma0(o, a), majority(o, a, b, c));
    [a, b, c, d, e, f, g, h] = [top, a, b, c, o.add(d, t), e, f, g];
  }
  return vectorOf(o, first ? [a, b, c, d] : [e, f, g, h]);
}

// ---- SHA-512 ----------------------------------------------------------------------------------------------------------------------------

type Pair = [lo: Val, hi: Val];
function halves(o: Kit, v: Val): Pair {
  return [o.lane(v, 64, 0), o.lane(v, 64, 1)];
}
function fromHalves(o: Kit, lo: Val, hi: Val): Val {
  return o.setLane(o.splat('i64x2', lo), 64, 1, hi);
}
const bigSigma0 = rotations(28, 34, 39);
const bigSigma1 = rotations(14, 18, 41);
/** Two rotations and a shift. */
const smallSigma =
  (x: number, y: number, shift: number) =>
  (o: Kit, a: Val): Val =>
    xor(o, o.rotr(a, o.i64(x)), o.rotr(a, o.i64(y)), o.shrU(a, o.i64(shift)));
const smallSigma0 = smallSigma(1, 8, 7);
const smallSigma1 = smallSigma(19, 61, 6);

// ---- SM3 ----------------------------------------------------------------------------------------------------------------------------------

type O2 = Ops<{ readonly imm2: number }>;
/** The common part of SM3TT1*: `f` of the three upper words. */
const sm3tt1 =
  (f: (o: Kit, x: Val, y: Val, z: Val) => Val) =>
  (o: O2, { Rm, Rn, Rd }: Three): void => {
    const [d, c, b, a] = words(o, o.V(Rd));
    const ss2 = o.xor(o.lane(o.V(Rn), 32, 3), rotl(o, a, 12));
    const tt1 = sum(o, f(o, a, b, c), d, ss2, indexed(o, Rm));
    o.setV(Rd, vectorOf(o, [c, rotl(o, b, 9), a, tt1]));
  };
const sm3tt2 =
  (f: (o: Kit, x: Val, y: Val, z: Val) => Val) =>
  (o: O2, { Rm, Rn, Rd }: Three): void => {
    const [h, g, f1, e] = words(o, o.V(Rd));
    const tt2 = sum(o, f(o, e, f1, g), h, o.lane(o.V(Rn), 32, 3), indexed(o, Rm));
    const mixed = xor(o, tt2, rotl(o, tt2, 9), rotl(o, tt2, 17));
    o.setV(Rd, vectorOf(o, [g, rotl(o, f1, 19), e, mixed]));
  };
function indexed(o: O2, Rm: Reg): Val {
  const copies = dupElement(
    o,
    2,
    o.V(Rm),
    o.imm32((f) => f.imm2),
  );
  return o.lane(copies, 32, 0);
}
/** The permutation P1 of SM3. */
function permutation1(o: Kit, x: Val): Val {
  return xor(o, x, rotl(o, x, 15), rotl(o, x, 23));
}

// ---- SM4 ----------------------------------------------------------------------------------------------------------------------------------

/** Four rounds; `spread` is the linear map's rotations. */
function sm4Rounds(o: Kit, state: Val, keys: Val, spread: readonly number[]): Val {
  let [w, x, y, z] = words(o, state);
  for (const key of words(o, keys)) {
    const mixed = o.splat('i32x4', xor(o, x, y, z, key));
    const t = o.lane(substitute(o, SM4_SBOX, mixed), 32, 0);
    const next = xor(o, w, t, ...spread.map((n) => rotl(o, t, n)));
    [w, x, y, z] = [x, y, z, next];
  }
  return vectorOf(o, [w, x, y, z]);
}

// ---- table ----------------------------------------------------------------------------------------------------------------------------------

export const crypto = semantics(
  CRYPTO,
  {
    AESE: aesRound(AES_SBOX, 1),
    AESD: aesRound(AES_INVERSE_SBOX, -1),
    AESMC: (o, { Rn, Rd }) => o.setV(Rd, mixColumns(o, o.V(Rn))),
    AESIMC: (o, { Rn, Rd }) => o.setV(Rd, inverseMixColumns(o, o.V(Rn))),

    SHA1C: sha1Rounds(chooseBits),
    SHA1P: sha1Rounds(parity),
    SHA1M: sha1Rounds(majority),
    SHA1SU0: (o, { Rm, Rn, Rd }) => {
      const d = o.V(Rd);
      const middle = elements(o, 3, d, o.V(Rn), (i) => i + 1);
      o.setV(Rd, xorAll(o, middle, d, o.V(Rm)));
    },
    SHA256H: (o, { Rm, Rn, Rd }) => o.setV(Rd, sha256Rounds(o, o.V(Rd), o.V(Rn), o.V(Rm), true)),
    SHA256H2: (o, { Rm, Rn, Rd }) => o.setV(Rd, sha256Rounds(o, o.V(Rn), o.V(Rd), o.V(Rm), false)),
    SHA256SU1: (o, { Rm, Rn, Rd }) => {
      const [n, m] = [o.V(Rn), o.V(Rm)];
      const start = add(o, 2, o.V(Rd), nextWords(o, n, m));
      const sigma = (v: Val): Val => sigmaAll(o, v, 17, 19, 10);
      // The upper two words need the lower two of the result.
      const lower = add(o, 2, start, sigma(elements(o, 3, m, m, () => 1)));
      const upper = add(o, 2, start, sigma(elements(o, 3, lower, lower, () => 0)));
      o.setV(
        Rd,
        elements(o, 3, lower, upper, (i) => 3 * i),
      );
    },
    SHA1H: (o, { Rn, Rd }) => o.setVs(Rd, 32, rotl(o, o.Vs(Rn, 32), 30)),
    SHA1SU1: (o, { Rn, Rd }) => {
      const n = o.V(Rn);
      const shifted = elements(o, 2, n, o.v128(0n, 0n), (i) => i + 1);
      const t = o.v('v128.xor', o.V(Rd), shifted);
      const once = rotlAll(o, 2, t, 1);
      const last = o.xor(o.lane(once, 32, 3), rotl(o, o.lane(t, 32, 0), 2));
      o.setV(Rd, o.setLane(once, 32, 3, last));
    },
    SHA256SU0: (o, { Rn, Rd }) => {
      const d = o.V(Rd);
      o.setV(Rd, add(o, 2, d, sigmaAll(o, nextWords(o, d, o.V(Rn)), 7, 18, 3)));
    },

    SHA512H: (o, { Rm, Rn, Rd }) => {
      const [[x0, x1], [y0, y1], [w0, w1]] = [halves(o, o.V(Rn)), halves(o, o.V(Rm)), halves(o, o.V(Rd))];
      const hi = sum(o, chooseBits(o, y1, x0, x1), bigSigma1(o, y1), w1);
      const t = o.add(hi, y0);
      const lo = sum(o, chooseBits(o, t, y1, x0), bigSigma1(o, t), w0);
      o.setV(Rd, fromHalves(o, lo, hi));
    },
    SHA512H2: (o, { Rm, Rn, Rd }) => {
      const [x0, [y0, y1], [w0, w1]] = [o.Vs(Rn, 64), halves(o, o.V(Rm)), halves(o, o.V(Rd))];
      const hi = sum(o, majority(o, x0, y1, y0), bigSigma0(o, y0), w1);
      const lo = sum(o, majority(o, hi, y0, y1), bigSigma0(o, hi), w0);
      o.setV(Rd, fromHalves(o, lo, hi));
    },
    SHA512SU1: (o, { Rm, Rn, Rd }) => {
      const [[x0, x1], y, w] = [halves(o, o.V(Rn)), o.V(Rm), o.V(Rd)];
      const sigmas = fromHalves(o, smallSigma1(o, x0), smallSigma1(o, x1));
      o.setV(Rd, add(o, 3, add(o, 3, w, y), sigmas));
    },
    RAX1: (o, { Rm, Rn, Rd }) => o.setV(Rd, o.v('v128.xor', o.V(Rn), rotlAll(o, 3, o.V(Rm), 1))),
    SHA512SU0: (o, { Rn, Rd }) => {
      const [x0, w] = [o.Vs(Rn, 64), o.V(Rd)];
      const sigmas = fromHalves(o, smallSigma0(o, o.lane(w, 64, 1)), smallSigma0(o, x0));
      o.setV(Rd, add(o, 3, w, sigmas));
    },
    EOR3: (o, { Rm, Ra, Rn, Rd }) => o.setV(Rd, xorAll(o, o.V(Rn), o.V(Rm), o.V(Ra))),
    BCAX: (o, { Rm, Ra, Rn, Rd }) => o.setV(Rd, o.v('v128.xor', o.V(Rn), o.v('v128.andnot', o.V(Rm), o.V(Ra)))),
    XAR: (o, { Rm, Rn, Rd }) => {
      const x = o.v('v128.xor', o.V(Rn), o.V(Rm));
      const right = o.vshift(
        'i64x2',
        'shr_u',
        x,
        o.imm32((f) => f.imm6),
      );
      const left = o.vshift(
        'i64x2',
        'shl',
        x,
        o.imm32((f) => (64 - f.imm6) & 63),
      );
      o.setV(Rd, o.v('v128.or', right, left));
    },

    SM3SS1: (o, { Rm, Ra, Rn, Rd }) => {
      const [n, m, a] = [Rn, Rm, Ra].map((r) => o.lane(o.V(r), 32, 3)) as [Val, Val, Val];
      const ss1 = rotl(o, sum(o, rotl(o, n, 12), m, a), 7);
      o.setV(Rd, o.setLane(o.v128(0n, 0n), 32, 3, ss1));
    },
    SM3TT1A: sm3tt1(parity),
    SM3TT1B: sm3tt1(majority),
    SM3TT2A: sm3tt2(parity),
    SM3TT2B: sm3tt2(chooseBits),
    SM3PARTW1: (o, { Rm, Rn, Rd }) => {
      const early = words(o, o.v('v128.xor', o.V(Rd), o.V(Rn)));
      const late = words(o, o.V(Rm));
      const result: Val[] = [];
      for (let i = 0; i < 4; i++) {
        const follows = i < 3 ? late[i + 1]! : result[0]!;
        result.push(permutation1(o, o.xor(early[i]!, rotl(o, follows, 15))));
      }
      o.setV(Rd, vectorOf(o, result));
    },
    SM3PARTW2: (o, { Rm, Rn, Rd }) => {
      const t = o.v('v128.xor', o.V(Rn), rotlAll(o, 2, o.V(Rm), 7));
      const result = o.v('v128.xor', o.V(Rd), t);
      const last = permutation1(o, rotl(o, o.lane(t, 32, 0), 15));
      o.setV(Rd, o.setLane(result, 32, 3, o.xor(o.lane(result, 32, 3), last)));
    },
    SM4EKEY: (o, { Rm, Rn, Rd }) => o.setV(Rd, sm4Rounds(o, o.V(Rn), o.V(Rm), [13, 23])),
    SM4E: (o, { Rn, Rd }) => o.setV(Rd, sm4Rounds(o, o.V(Rd), o.V(Rn), [2, 10, 18, 24])),
  },
  { fp: true },
);
