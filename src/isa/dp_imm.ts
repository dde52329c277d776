// Semantics of arch/a64/dp_imm.ts: data processing with an immediate.

import { DP_IMM } from '../arch/a64/dp_imm.ts';
import type { FieldsOf } from '../arch/a64/schema.ts';
import type { Ops, Reg, Val } from './ops.ts';
import { semantics } from './semantics.ts';
import { bitfieldMask, bitMask, constOf, immOf, type MinMax, minMax, signed } from './shared.ts';

type Rows = typeof DP_IMM;
type Kit<K extends keyof Rows> = Ops<FieldsOf<Rows[K]>>;
type Src = { readonly sf: number; readonly Rn: Reg; readonly Rd: Reg };

const widthOf = (sf: number): number => (sf ? 64 : 32);

const imm12 = (o: Kit<'ADD_imm'>, sf: number): Val => immOf(o, sf, (f) => BigInt(f.imm12) << (f.sh ? 12n : 0n));
const logicalImm = (o: Kit<'AND_imm'>, sf: number): Val =>
  immOf(o, sf, (f) => bitMask(f.N, f.imms, f.immr, widthOf(sf)) ?? 0n);
const imm8 = (o: Kit<'SMAX_imm'>, sf: number, isSigned: boolean): Val =>
  immOf(o, sf, (f) => (isSigned ? signed(f.imm8, 8) : BigInt(f.imm8)));
const wide = (o: Kit<'MOVZ'>, sf: number, value: (chunk: bigint, shift: bigint) => bigint): Val =>
  immOf(o, sf, (f) => value(BigInt(f.imm16), BigInt(16 * f.hw)));

/** imms and immr as operands of the width. */
const fieldImm = (o: Kit<'SBFM'>, sf: number, value: (r: number, s: number, width: number) => number | bigint): Val =>
  immOf(o, sf, (f) => BigInt(value(f.immr, f.imms, widthOf(sf))));

const adr = (immhi: number, immlo: number): bigint => signed((immhi << 2) | immlo, 21);

const minMaxImm =
  (kind: MinMax) =>
  (o: Kit<'SMAX_imm'>, { sf, Rn, Rd }: Src): void =>
    o.setX(Rd, minMax(o, kind, o.X(Rn, sf), imm8(o, sf, kind[0] === 's')));

export const dpImm = semantics(DP_IMM, {
  ADR: (o, { Rd }) =>
    o.setX(
      Rd,
      o.pcRel((f) => adr(f.immhi, f.immlo)),
    ),
  ADRP: (o, { Rd }) => {
    const page = o.and(o.pc(), o.i64(-4096n));
    o.setX(
      Rd,
      o.add(
        page,
        o.imm((f) => adr(f.immhi, f.immlo) << 12n),
      ),
    );
  },

  ADD_imm: (o, { sf, Rn, Rd }) => o.setXSP(Rd, o.add(o.XSP(Rn, sf), imm12(o, sf))),
  ADDS_imm: (o, { sf, Rn, Rd }) => o.setX(Rd, o.addWithCarry(o.XSP(Rn, sf), imm12(o, sf), 0, true)),
  SUB_imm: (o, { sf, Rn, Rd }) => o.setXSP(Rd, o.sub(o.XSP(Rn, sf), imm12(o, sf))),
  SUBS_imm: (o, { sf, Rn, Rd }) => o.setX(Rd, o.addWithCarry(o.XSP(Rn, sf), o.not(imm12(o, sf)), 1, true)),

  SMAX_imm: minMaxImm('smax'),
  UMAX_imm: minMaxImm('umax'),
  SMIN_imm: minMaxImm('smin'),
  UMIN_imm: minMaxImm('umin'),

  AND_imm: (o, { sf, Rn, Rd }) => o.setXSP(Rd, o.and(o.X(Rn, sf), logicalImm(o, sf))),
  ORR_imm: (o, { sf, Rn, Rd }) => o.setXSP(Rd, o.or(o.X(Rn, sf), logicalImm(o, sf))),
  EOR_imm: (o, { sf, Rn, Rd }) => o.setXSP(Rd, o.xor(o.X(Rn, sf), logicalImm(o, sf))),
  ANDS_imm: (o, { sf, Rn, Rd }) => {
    const result = o.and(o.X(Rn, sf), logicalImm(o, sf));
    o.setNZ(result);
    o.setX(Rd, result);
  },

  MOVN: (o, { sf, Rd }) =>
    o.setX(
      Rd,
      wide(o, sf, (chunk, shift) => ~(chunk << shift)),
    ),
  MOVZ: (o, { sf, Rd }) =>
    o.setX(
      Rd,
      wide(o, sf, (chunk, shift) => chunk << shift),
    ),
  MOVK: (o, { sf, Rd }) => {
    const kept = o.and(
      o.X(Rd, sf),
      wide(o, sf, (_, shift) => ~(0xffffn << shift)),
    );
    o.setX(
      Rd,
      o.or(
        kept,
        wide(o, sf, (chunk, shift) => chunk << shift),
      ),
    );
  },

  // The field goes to the top and comes down again with its sign. Where immr > imms it stays above bit 0.
  SBFM: (o, { sf, Rn, Rd }) => {
    const top = o.shl(
      o.X(Rn, sf),
      fieldImm(o, sf, (_, s, width) => width - 1 - s),
    );
    o.setX(
      Rd,
      o.shrS(
        top,
        fieldImm(o, sf, (r, s, width) => (s >= r ? width - 1 - s + r : r - 1 - s)),
      ),
    );
  },
  BFM: (o, { sf, Rn, Rd }) => {
    const field = o.and(
      o.rotr(
        o.X(Rn, sf),
        fieldImm(o, sf, (r) => r),
      ),
      fieldImm(o, sf, bitfieldMask),
    );
    const kept = o.and(
      o.X(Rd, sf),
      fieldImm(o, sf, (r, s, width) => ~bitfieldMask(r, s, width)),
    );
    o.setX(Rd, o.or(kept, field));
  },
  UBFM: (o, { sf, Rn, Rd }) =>
    o.setX(
      Rd,
      o.and(
        o.rotr(
          o.X(Rn, sf),
          fieldImm(o, sf, (r) => r),
        ),
        fieldImm(o, sf, bitfieldMask),
      ),
    ),

  // One register twice is ROR. Else the high part is shifted in two steps: by the full width, for lsb 0, it must vanish.
  EXTR: (o, { sf, Rm, Rn, Rd }) => {
    const amount = immOf(o, sf, (f) => BigInt(f.imms));
    if (o.pick((f) => (f.Rm === f.Rn ? 1 : 0), [0, 1])) {
      o.setX(Rd, o.rotr(o.X(Rm, sf), amount));
      return;
    }
    const high = o.shl(
      o.shl(
        o.X(Rn, sf),
        immOf(o, sf, (f) => BigInt(widthOf(sf) - 1 - f.imms)),
      ),
      constOf(o, sf, 1),
    );
    o.setX(Rd, o.or(high, o.shrU(o.X(Rm, sf), amount)));
  },
});
