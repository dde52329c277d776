// Semantics of arch/a64/sve_int.ts: sums of products.

import { SVE_INT_MLA } from '../arch/a64/sve_int.ts';
import { routines } from './semantics.ts';
import { accumulating, countOf, type Elements, lanesOf, narrow, type Op3, wide } from './sve_lanes.ts';
import type { Plan, SveMachine } from './sve_machine.ts';
import * as op from './sve_ops.ts';

/** @arm PointerMultiplyAddCheck */
const multiplyPointer = (m: SveMachine): Op3 => ({
  ...op.mla,
  w: (base, a, b) => {
    const product = BigInt.asIntN(64, a) * BigInt.asIntN(64, b);
    return m.checkPointer(BigInt.asUintN(64, base + product), base, product !== BigInt.asIntN(64, product));
  },
});
/** Zdn = Za + Zdn * Zm */
const multiplyInto = (Zdn: number, Za: number, Zm: number, m: SveMachine): Plan => {
  const lanes = wide(m);
  const { w } = multiplyPointer(m);
  return () => {
    const [d, c, b] = [lanes.read(0, Zdn), lanes.read(1, Za), lanes.read(2, Zm)];
    for (let i = 0; i < countOf(m, 3); i++) d[i] = w(c[i]!, d[i]!, b[i]!, 64);
    lanes.write(Zdn, d);
  };
};

interface Products {
  readonly Zm: number;
  readonly Zn: number;
  readonly Zda: number;
}
type Terms = (e: number, n: Elements<number>, m: Elements<number>) => bigint;
/** Zda[e] += terms(e) over elements a quarter as wide. */
const dotProduct =
  (signedN: boolean, signedM: boolean, terms: (f: { rot?: number }) => Terms) =>
  (f: Products & { sz?: number; rot?: number }, m: SveMachine): Plan => {
    const size = 2 + (f.sz ?? 0);
    const { lanes, of } = lanesOf(m, size);
    const [n, o] = [narrow(m, size - 2, signedN), narrow(m, size - 2, signedM)];
    const sumOf = terms(f);
    return () => {
      const [d, a, b] = [lanes.read(0, f.Zda), n.read(1, f.Zn), o.read(2, f.Zm)];
      for (let e = 0; e < countOf(m, size); e++) d[e] = of(BigInt.asUintN(8 << size, BigInt(d[e]!) + sumOf(e, a, b)));
      lanes.write(f.Zda, d);
    };
  };
const fourProducts = (): Terms => (e, n, m) => {
  let s = 0;
  for (let i = 4 * e; i < 4 * e + 4; i++) s += n[i]! * m[i]!;
  return BigInt(s);
};
/** Two complex products, their real (rot 0, 180) or imaginary parts. @arm CDOT */
const complexProducts = ({ rot = 0 }: { rot?: number }): Terms => {
  const [a, b] = rot & 1 ? [1, 0] : [0, 1];
  const sign = (rot & 1) === rot >> 1 ? -1 : 1;
  return (e, n, m) => {
    let s = 0;
    for (let i = 4 * e; i < 4 * e + 4; i += 2) s += n[i]! * m[i + a]! + sign * n[i + 1]! * m[i + b]!;
    return BigInt(s);
  };
};
/** Zda[e] = f(Zda[e], Zn[2e + odd n], Zm[2e + odd m]) over elements half as wide. */
const widening =
  (o: Op3, odds: (f: { T?: number }) => readonly [n: number, m: number]) =>
  (f: Products & { size: number; T?: number }, m: SveMachine): Plan => {
    const source = narrow(m, f.size - 1, o.signed);
    const [x, y] = odds(f);
    const { lanes, of } = lanesOf(m, f.size, o.signed);
    const g = (f.size < 3 ? o.n : o.w) as (c: unknown, a: unknown, b: unknown, bits: number) => number | bigint;
    return () => {
      const [d, a, b] = [lanes.read(0, f.Zda), source.read(1, f.Zn), source.read(2, f.Zm)];
      for (let e = 0; e < countOf(m, f.size); e++) d[e] = g(d[e], of(a[2 * e + x]!), of(b[2 * e + y]!), lanes.bits);
      lanes.write(f.Zda, d);
    };
  };
const same = ({ T = 0 }: { T?: number }) => [T, T] as const;
const bottomTop = () => [0, 1] as const;
const long = (signed: boolean, sign: 1 | -1): Op3 => ({
  signed,
  n: (c, a, b) => c + sign * a * b,
  w: (c, a, b) => c + BigInt(sign) * a * b,
});
/** Doubled product and sum saturate each on its own. */
const longDoubling = (sign: 1 | -1): Op3 =>
  op.signed3(
    (c, a, b, bits) => op.satS.n(c + sign * op.satS.n(2 * a * b, bits), bits),
    (c, a, b) => op.satS.w(c + BigInt(sign) * op.satS.w(2n * a * b)),
  );
/** Pairs of elements as complex numbers: real part, imaginary part += products that the rotation chooses. @arm CMLA */
const complex =
  (o: { readonly plus: Op3; readonly minus: Op3 }) =>
  (f: Products & { size: number; rot: number }, m: SveMachine): Plan => {
    const { lanes } = lanesOf(m, f.size, true);
    const [a, b] = f.rot & 1 ? [1, 0] : [0, 1];
    const choose = (minus: boolean) =>
      (f.size < 3 ? (minus ? o.minus : o.plus).n : (minus ? o.minus : o.plus).w) as (
        c: unknown, x: unknown, y: unknown, bits: number,
      ) => number | bigint; // biome-ignore format: a type
    const real = choose((f.rot & 1) !== f.rot >> 1);
    const imaginary = choose(f.rot >> 1 === 1);
    return () => {
      const [d, n, o2] = [lanes.read(0, f.Zda), lanes.read(1, f.Zn), lanes.read(2, f.Zm)];
      for (let e = 0; e < countOf(m, f.size); e += 2) {
        d[e] = real(d[e], n[e + a], o2[e + a], lanes.bits);
        d[e + 1] = imaginary(d[e + 1], n[e + a], o2[e + b], lanes.bits);
      }
      lanes.write(f.Zda, d);
    };
  };

export const sveIntMla = routines(SVE_INT_MLA, {
  MLAPT_zzzz: (f, m) => accumulating(multiplyPointer)({ ...f, size: 3 }, m),
  MADPT_zzzz: ({ Zdn, Zm, Za }, m) => multiplyInto(Zdn, Za, Zm, m),
  SDOT_zzzz: dotProduct(true, true, fourProducts),
  UDOT_zzzz: dotProduct(false, false, fourProducts),
  USDOT_zzzz: dotProduct(false, true, fourProducts),
  CDOT_zzzz: dotProduct(true, true, complexProducts),
  CMLA_zzzz: complex({ plus: op.mla, minus: op.mls }),
  SQRDCMLAH_zzzz: complex({ plus: op.sqrdmlah, minus: op.sqrdmlsh }),
  SQDMLALBT_zzzz: widening(longDoubling(1), bottomTop),
  SQDMLSLBT_zzzz: widening(longDoubling(-1), bottomTop),
  SMLAL_zzzz: widening(long(true, 1), same),
  UMLAL_zzzz: widening(long(false, 1), same),
  SMLSL_zzzz: widening(long(true, -1), same),
  UMLSL_zzzz: widening(long(false, -1), same),
  SQDMLAL_zzzz: widening(longDoubling(1), same),
  SQDMLSL_zzzz: widening(longDoubling(-1), same),
  SQRDMLAH_zzzz: accumulating(op.sqrdmlah),
  SQRDMLSH_zzzz: accumulating(op.sqrdmlsh),
});
