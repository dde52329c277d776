// How an SVE instruction is written follows from which registers its row names: Zd, Zda or Zdn first, its predicate, then
// the sources in Arm's order.

import type { Row } from '../../arch/a64/schema.ts';
import { form, type Shape } from '../form.ts';
import type { Named } from '../operands_simd.ts';
import { P, Pm, Pz, Z } from '../operands_sve.ts';

/**
 * @param d element size of the result (and of an addend)
 * @param n element size of the first source; as `d` if absent
 * @param m element size of the second; as `n` if absent
 */
export function byFields(row: Row, d: string | Named, n: string | Named = d, m: string | Named = n): Shape {
  const has = (field: string): boolean => new RegExp(`\\b${field}:`).test(row.pattern);
  const rd = has('Zdn') ? 'Zdn' : has('Zda') ? 'Zda' : 'Zd';
  const [zd, zn, zm] = [Z(rd, d), Z('Zn', n), Z('Zm', m)];
  const p = Pm();
  if (has('Pd')) return (t) => form`${t} ${P('Pd', d)}, ${Pz()}, ${zn}, ${zm}`;
  if (has('Za')) return (t) => form`${t} ${zd}, ${p}, ${zm}, ${Z('Za', d)}`;
  if (has('Zk')) return (t) => form`${t} ${zd}, ${zd}, ${zm}, ${Z('Zk', d)}`;
  if (has('Zdn')) {
    if (!has('Zm')) return (t) => form`${t} ${zd}, ${zd}`;
    return has('Pg') ? (t) => form`${t} ${zd}, ${p}, ${zd}, ${zm}` : (t) => form`${t} ${zd}, ${zd}, ${zm}`;
  }
  if (has('Pg')) {
    return has('Zm') ? (t) => form`${t} ${zd}, ${p}, ${zn}, ${zm}` : (t) => form`${t} ${zd}, ${p}, ${zn}`;
  }
  return has('Zm') ? (t) => form`${t} ${zd}, ${zn}, ${zm}` : (t) => form`${t} ${zd}, ${zn}`;
}
