// Semantics of arch/a64/sve_pred.ts.

import { SVE_PRED } from '../arch/a64/sve_pred.ts';
import { routines } from './semantics.ts';
import { countOf, FFR, lanesOf, maskRoom, narrow, predTest, readMask, type Value, writeMask } from './sve_lanes.ts';
import type { Plan, SveMachine } from './sve_machine.ts';
import { addToElements, saturateScalar } from './sve_scalar.ts';

/** Elements that a predicate pattern means, of `count` there are. @arm DecodePredCount */
export function patternCount(pattern: number, count: number): number {
  const upTo = (n: number): number => (n <= count ? n : 0);
  if (pattern === 0) return 2 ** Math.floor(Math.log2(count));
  if (pattern <= 8) return upTo(pattern);
  if (pattern <= 13) return upTo(16 << (pattern - 9));
  switch (pattern) {
    case 29:
      return count - (count % 4);
    case 30:
      return count - (count % 3);
    default:
      return pattern === 31 ? count : 0;
  }
}

// ---- compares: signed or not, with elements, doublewords or an immediate --------------------------------------------------

type Test = (a: Value, b: Value) => boolean;
const eq: Test = (a, b) => a === b;
const ne: Test = (a, b) => a !== b;
const ge: Test = (a, b) => a >= b;
const gt: Test = (a, b) => a > b;
const le: Test = (a, b) => a <= b;
const lt: Test = (a, b) => a < b;
interface Compare {
  readonly size: number;
  readonly Pg: number;
  readonly Zn: number;
  readonly Pd: number;
}
function compare(m: SveMachine, f: Compare, signed: boolean, test: Test, other: () => (i: number) => Value): Plan {
  const { lanes } = lanesOf(m, f.size, signed);
  return () => {
    const count = countOf(m, f.size);
    const a = lanes.read(0, f.Zn);
    const b = other();
    const active = readMask(m, 0, f.Pg, f.size);
    const result = maskRoom(1);
    for (let i = 0; i < count; i++) result[i] = active[i] && test(a[i]!, b(i)) ? 1 : 0;
    writeMask(m, f.Pd, f.size, result);
    predTest(m, active, result, count);
  };
}
const vectors = (signed: boolean, test: Test) => (f: Compare & { readonly Zm: number }, m: SveMachine) => {
  const { lanes } = lanesOf(m, f.size, signed);
  return compare(m, f, signed, test, () => {
    const b = lanes.read(1, f.Zm);
    return (i) => b[i]!;
  });
};
/** The doubleword that the element lies in; tests of numbers with bigints compare values. */
const doublewords = (signed: boolean, test: Test) => (f: Compare & { readonly Zm: number }, m: SveMachine) => {
  const sized = narrow(m, f.size, signed);
  const { lanes } = lanesOf(m, 3, signed);
  return compare(
    m,
    f,
    signed,
    (a, b) => test(BigInt(a), b),
    () => {
      const b = lanes.read(1, f.Zm);
      return (i) => b[i >> (3 - sized.size)]!;
    },
  );
};
const immediate =
  <F extends Compare>(signed: boolean, test: Test, value: (f: F) => number) =>
  (f: F, m: SveMachine): Plan => {
    const v = lanesOf(m, f.size, signed).of(value(f));
    return compare(m, f, signed, test, () => () => v);
  };
const signed5 = (f: Compare & { readonly imm5: number }): number => (f.imm5 << 27) >> 27;
const unsigned7 = (f: Compare & { readonly imm7: number }): number => f.imm7;

// ---- predicates -------------------------------------------------------------------------------------------------------------

/** Writes P[n] and, if asked, sets flags by it. */
function put(m: SveMachine, n: number, size: number, result: Uint8Array, active?: Uint8Array): void {
  writeMask(m, n, size, result);
  if (active) predTest(m, active, result, countOf(m, size));
}
const everything = (m: SveMachine, room: number, size: number): Uint8Array =>
  maskRoom(room).fill(1, 0, countOf(m, size));
interface Logical {
  readonly S?: number;
  readonly Pm: number;
  readonly Pg: number;
  readonly Pn: number;
  readonly Pd: number;
}
/** Bits of inactive elements become zero. */
const logical = (g: (n: number, m: number) => number) => (f: Logical, m: SveMachine) => () => {
  const [active, a, b] = [readMask(m, 0, f.Pg, 0), readMask(m, 1, f.Pn, 0), readMask(m, 2, f.Pm, 0)];
  for (let i = 0; i < m.vl; i++) a[i] = active[i]! & g(a[i]!, b[i]!);
  put(m, f.Pd, 0, a, f.S ? active : undefined);
};
/** True up to the first active true element of Pn, with it (after) or without; Pm's if that element is wanted and was. */
const breakPair = (after: boolean) => (f: Logical, m: SveMachine) => () => {
  const [active, a, b] = [readMask(m, 0, f.Pg, 0), readMask(m, 1, f.Pn, 0), readMask(m, 2, f.Pm, 0)];
  let last = false;
  for (let i = m.vl - 1; i >= 0; i--)
    if (active[i]) {
      last = a[i] === 1;
      break;
    }
  const result = maskRoom(3);
  for (let i = 0; i < m.vl; i++) {
    const is = active[i] === 1 && b[i] === 1;
    if (!after) last &&= !is;
    result[i] = active[i] && last ? 1 : 0;
    if (after) last &&= !is;
  }
  put(m, f.Pd, 0, result, f.S ? active : undefined);
};
const breakAt =
  (after: boolean) => (f: { S: number; Pg: number; Pn: number; M: number; Pd: number }, m: SveMachine) => () => {
    const [active, a, d] = [readMask(m, 0, f.Pg, 0), readMask(m, 1, f.Pn, 0), readMask(m, 2, f.Pd, 0)];
    let before = true;
    for (let i = 0; i < m.vl; i++) {
      const is = active[i] === 1 && a[i] === 1;
      if (!after) before &&= !is;
      if (active[i]) d[i] = before ? 1 : 0;
      else if (!f.M) d[i] = 0;
      if (after) before &&= !is;
    }
    put(m, f.Pd, 0, d, f.S ? active : undefined);
  };

// ---- loops --------------------------------------------------------------------------------------------------------------------

interface While {
  readonly size: number;
  readonly sf: number;
  readonly Rm: number;
  readonly Rn: number;
  readonly Pd: number;
}
/** The first `n` elements from the low end (or the high one) are true. */
function first(m: SveMachine, f: { size: number; Pd: number }, n: bigint, fromTop = false): void {
  const count = countOf(m, f.size);
  const k = n < 0n ? 0 : n > count ? count : Number(n);
  const p = maskRoom(0).fill(0, 0, count);
  if (fromTop) p.fill(1, count - k, count);
  else p.fill(1, 0, k);
  put(m, f.Pd, f.size, p, everything(m, 1, f.size));
}
const operand = (f: While, signed: boolean, v: bigint): bigint =>
  signed ? BigInt.asIntN(f.sf ? 64 : 32, v) : BigInt.asUintN(f.sf ? 64 : 32, v);
/** Rn, Rn + 1, ... while less than Rm (or equal). A limit that nothing exceeds leaves all true. */
const whileLess = (signed: boolean, orEqual: boolean) => (f: While, m: SveMachine) => () => {
  const [a, b] = [operand(f, signed, m.x(f.Rn)), operand(f, signed, m.x(f.Rm))];
  const largest = (1n << BigInt((f.sf ? 64 : 32) - (signed ? 1 : 0))) - 1n;
  const endless = orEqual && b === largest;
  first(m, f, endless ? BigInt(m.vl) : b - a + (orEqual ? 1n : 0n));
};
/** Rn, Rn - 1, ... while greater than Rm (or equal), from the highest element down. */
const whileGreater = (signed: boolean, orEqual: boolean) => (f: While, m: SveMachine) => () => {
  const [a, b] = [operand(f, signed, m.x(f.Rn)), operand(f, signed, m.x(f.Rm))];
  const smallest = signed ? -(1n << BigInt(f.sf ? 63 : 31)) : 0n;
  const endless = orEqual && b === smallest;
  first(m, f, endless ? BigInt(m.vl) : a - b + (orEqual ? 1n : 0n), true);
};
/** Elements that a store to Rm cannot have changed for a load from Rn before it, and the other way round. */
const whileConflict = (readAfterWrite: boolean) => (f: Omit<While, 'sf'>, m: SveMachine) => () => {
  const [a, b] = [m.x(f.Rn), m.x(f.Rm)];
  const size = BigInt(f.size);
  const distance = readAfterWrite ? (b > a ? b - a : a - b) : b - a;
  const elements = distance >> size;
  const free = readAfterWrite ? elements === 0n : elements <= 0n;
  first(m, f, free ? BigInt(m.vl) : elements);
};
/** N: the loop goes on no more; V = !C otherwise. @arm CTERMEQ */
const terminate = (onEqual: boolean) => (f: Pick<While, 'sf' | 'Rn' | 'Rm'>, m: SveMachine) => () => {
  const equal = BigInt.asUintN(f.sf ? 64 : 32, m.x(f.Rn)) === BigInt.asUintN(f.sf ? 64 : 32, m.x(f.Rm));
  const carry = (m.nzcv >> 1) & 1;
  const done = equal === onEqual;
  m.nzcv = (m.nzcv & 6) | (done ? 8 : carry ^ 1);
};

// ---- counts -------------------------------------------------------------------------------------------------------------------

const trueElements = (m: SveMachine, n: number, size: number): number => {
  const p = readMask(m, 0, n, size);
  let k = 0;
  for (let i = 0; i < countOf(m, size); i++) k += p[i]!;
  return k;
};

export const svePred = routines(SVE_PRED, {
  CMPHS_ppzz: vectors(false, ge),
  CMPHI_ppzz: vectors(false, gt),
  CMPEQ_ppzw: doublewords(true, eq),
  CMPNE_ppzw: doublewords(true, ne),
  CMPGE_ppzw: doublewords(true, ge),
  CMPGT_ppzw: doublewords(true, gt),
  CMPLT_ppzw: doublewords(true, lt),
  CMPLE_ppzw: doublewords(true, le),
  CMPGE_ppzz: vectors(true, ge),
  CMPGT_ppzz: vectors(true, gt),
  CMPEQ_ppzz: vectors(true, eq),
  CMPNE_ppzz: vectors(true, ne),
  CMPHS_ppzw: doublewords(false, ge),
  CMPHI_ppzw: doublewords(false, gt),
  CMPLO_ppzw: doublewords(false, lt),
  CMPLS_ppzw: doublewords(false, le),
  CMPHS_ppzi: immediate(false, ge, unsigned7),
  CMPHI_ppzi: immediate(false, gt, unsigned7),
  CMPLO_ppzi: immediate(false, lt, unsigned7),
  CMPLS_ppzi: immediate(false, le, unsigned7),
  CMPGE_ppzi: immediate(true, ge, signed5),
  CMPGT_ppzi: immediate(true, gt, signed5),
  CMPLT_ppzi: immediate(true, lt, signed5),
  CMPLE_ppzi: immediate(true, le, signed5),
  CMPEQ_ppzi: immediate(true, eq, signed5),
  CMPNE_ppzi: immediate(true, ne, signed5),

  AND_pppp: logical((n, m) => n & m),
  BIC_pppp: logical((n, m) => n & ~m),
  EOR_pppp: logical((n, m) => n ^ m),
  SEL_pppp: (f, m) => () => {
    const [active, a, b] = [readMask(m, 0, f.Pg, 0), readMask(m, 1, f.Pn, 0), readMask(m, 2, f.Pm, 0)];
    for (let i = 0; i < m.vl; i++) if (!active[i]) a[i] = b[i]!;
    put(m, f.Pd, 0, a);
  },
  ORR_pppp: logical((n, m) => n | m),
  ORN_pppp: logical((n, m) => n | (m ^ 1)),
  NOR_pppp: logical((n, m) => (n | m) ^ 1),
  NAND_pppp: logical((n, m) => (n & m) ^ 1),

  BRKPA: breakPair(true),
  BRKPB: breakPair(false),
  BRKA: breakAt(true),
  BRKB: breakAt(false),
  BRKN: (f, m) => () => {
    const [active, a, d] = [readMask(m, 0, f.Pg, 0), readMask(m, 1, f.Pn, 0), readMask(m, 2, f.Pdm, 0)];
    let last = m.vl - 1;
    while (last >= 0 && !active[last]) last--;
    if (last < 0 || !a[last]) d.fill(0, 0, m.vl);
    put(m, f.Pdm, 0, d, f.S ? everything(m, 3, 0) : undefined);
  },

  PTEST: (f, m) => () => predTest(m, readMask(m, 0, f.Pg, 0), readMask(m, 1, f.Pn, 0), m.vl),
  PFIRST: (f, m) => () => {
    const [active, d] = [readMask(m, 0, f.Pg, 0), readMask(m, 1, f.Pdn, 0)];
    const at = active.subarray(0, m.vl).indexOf(1);
    if (at >= 0) d[at] = 1;
    put(m, f.Pdn, 0, d, active);
  },
  PNEXT: (f, m) => () => {
    const count = countOf(m, f.size);
    const [active, d] = [readMask(m, 0, f.Pg, f.size), readMask(m, 1, f.Pdn, f.size)];
    let at = count - 1;
    while (at >= 0 && !d[at]) at--;
    at++;
    while (at < count && !active[at]) at++;
    d.fill(0, 0, count);
    if (at < count) d[at] = 1;
    put(m, f.Pdn, f.size, d, active);
  },
  PTRUE: (f, m) => () => {
    const count = countOf(m, f.size);
    const p = maskRoom(0).fill(0, 0, count).fill(1, 0, patternCount(f.pattern, count));
    put(m, f.Pd, f.size, p, f.S ? p : undefined);
  },
  PFALSE: (f, m) => () => writeMask(m, f.Pd, 0, maskRoom(0).fill(0)),
  RDFFR_p: (f, m) => () => {
    const [active, p] = [readMask(m, 0, f.Pg, 0), readMask(m, 1, FFR, 0)];
    for (let i = 0; i < m.vl; i++) p[i]! &= active[i]!;
    put(m, f.Pd, 0, p, f.S ? active : undefined);
  },
  RDFFR: (f, m) => () => writeMask(m, f.Pd, 0, readMask(m, 0, FFR, 0)),
  WRFFR: (f, m) => () => writeMask(m, FFR, 0, readMask(m, 0, f.Pn, 0)),
  SETFFR: (_, m) => () => writeMask(m, FFR, 0, everything(m, 0, 0)),

  WHILEGE: whileGreater(true, true),
  WHILEGT: whileGreater(true, false),
  WHILELT: whileLess(true, false),
  WHILELE: whileLess(true, true),
  WHILEHS: whileGreater(false, true),
  WHILEHI: whileGreater(false, false),
  WHILELO: whileLess(false, false),
  WHILELS: whileLess(false, true),
  WHILEWR: whileConflict(false),
  WHILERW: whileConflict(true),
  CTERMEQ: terminate(true),
  CTERMNE: terminate(false),

  CNTP_r: (f, m) => () => {
    const [active, p] = [readMask(m, 0, f.Pg, f.size), readMask(m, 1, f.Pn, f.size)];
    let n = 0;
    for (let i = 0; i < countOf(m, f.size); i++) n += active[i]! & p[i]!;
    m.setX(f.Rd, BigInt(n));
  },
  INCP_r: (f, m) => () => {
    const n = BigInt(trueElements(m, f.Pm, f.size));
    m.setX(f.Rdn, m.x(f.Rdn) + (f.D ? -n : n));
  },
  INCP_z: (f, m) => addToElements(m, f, () => trueElements(m, f.Pm, f.size)),
  QINCP_r: (f, m) => () => saturateScalar(m, f, trueElements(m, f.Pm, f.size)),
  QINCP_z: (f, m) => addToElements(m, f, () => trueElements(m, f.Pm, f.size)),
});
