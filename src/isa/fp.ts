// Semantics of arch/a64/fp.ts: scalar floating point.

import { FP } from '../arch/a64/fp.ts';
import { binary, expandImm, formatOf, immediate, type Kit, sizes, type Two, unary, zero } from './fp_shapes.ts';
import type { Fields, Fmt, Fp2, Imm, Ops, Reg, Rounding, Val } from './ops.ts';
import { semantics } from './semantics.ts';

const arith = (op: Fp2) => binary((o, fmt, a, b) => o.fp2(op, fmt, a, b));
const round = (mode: Rounding, exact = false) => unary((o, fmt, a) => o.fpRoundInt(fmt, a, mode, exact));
const roundN = (mode: Rounding, bits: 32 | 64) => unary((o, fmt, a) => o.fpRoundIntN(fmt, a, mode, bits)).sd;

const mov = sizes<Two>((o, fmt, { Rn, Rd }) => o.setVs(Rd, fmt, o.Vs(Rn, fmt)));
const convert =
  (from: Fmt, to: Fmt) =>
  (o: Kit, { Rn, Rd }: Two): void =>
    o.setFp(Rd, to, o.fpConvert(from, to, o.Vs(Rn, from)), Rd);

// ---- multiply-add: the addend and the first factor may change sign ------------------------------------------------------

const mulAdd = (negateAddend: boolean, negateFactor: boolean) =>
  sizes<Fields<{ Rm: number; Ra: number; Rn: number; Rd: number }>>((o, fmt, { Rm, Ra, Rn, Rd }) => {
    const a = o.Vs(Ra, fmt);
    const n = o.Vs(Rn, fmt);
    const m = o.Vs(Rm, fmt);
    const addend = negateAddend ? o.fneg(fmt, a) : a;
    o.setFp(Rd, fmt, o.fma(fmt, addend, negateFactor ? o.fneg(fmt, n) : n, m), Ra);
  });
const fmadd = mulAdd(false, false);
const fmsub = mulAdd(false, true);
const fnmadd = mulAdd(true, true);
const fnmsub = mulAdd(true, false);

// ---- comparison -----------------------------------------------------------------------------------------------------------

const compare = (signalNaNs: boolean) =>
  sizes<Fields<{ Rm: number; Rn: number }>>((o, fmt, { Rm, Rn }) =>
    o.setNZCV(o.fpCompare(fmt, o.Vs(Rn, fmt), o.Vs(Rm, fmt), signalNaNs)),
  );
const compareZero = (signalNaNs: boolean) =>
  sizes<Fields<{ Rn: number }>>((o, fmt, { Rn }) =>
    o.setNZCV(o.fpCompare(fmt, o.Vs(Rn, fmt), zero(o, fmt), signalNaNs)),
  );
const fcmp = compare(false);
const fcmpe = compare(true);
const fcmpZero = compareZero(false);
const fcmpeZero = compareZero(true);

interface Conditional {
  readonly Rm: Reg;
  readonly cond: Imm;
  readonly Rn: Reg;
}
function conditionalCompare<F extends { readonly nzcv: number }>(
  o: Ops<F>,
  fmt: Fmt,
  { Rm, cond, Rn }: Conditional,
  signalNaNs: boolean,
): void {
  const a = o.Vs(Rn, fmt);
  const b = o.Vs(Rm, fmt);
  o.if(
    o.cond(cond),
    () => o.setNZCV(o.fpCompare(fmt, a, b, signalNaNs)),
    () => o.setNZCV(o.imm32((f) => f.nzcv)),
  );
}
const fcsel = sizes<Conditional & { readonly Rd: Reg }>((o, fmt, { Rm, cond, Rn, Rd }) =>
  o.setVs(Rd, fmt, o.select(o.cond(cond), o.Vs(Rn, fmt), o.Vs(Rm, fmt))),
);

// ---- conversion between floating point and general registers -----------------------------------------------------------------

interface General {
  readonly sf: number;
  readonly Rn: Reg;
  readonly Rd: Reg;
}
const width = (sf: number) => (sf ? 64 : 32);

function fromFp(o: Kit, fmt: Fmt, { sf, Rn, Rd }: General, signed: boolean, mode: Rounding, fbits?: Val): void {
  o.setX(Rd, o.fpToInt(fmt, o.Vs(Rn, fmt), width(sf), signed, mode, fbits));
}
function toFp(o: Kit, fmt: Fmt, { sf, Rn, Rd }: General, signed: boolean, fbits?: Val): void {
  o.setFp(Rd, fmt, o.intToFp(fmt, o.X(Rn, sf), width(sf), signed, fbits), Rd);
}
const toInt = (mode: Rounding, signed: boolean) => sizes<General>((o, fmt, f) => fromFp(o, fmt, f, signed, mode));
const fromInt = (signed: boolean) => sizes<General>((o, fmt, f) => toFp(o, fmt, f, signed));
const fractionBits = <F extends { readonly scale: number }>(o: Ops<F>) => o.imm32((f) => 64 - f.scale);

/** Integers in vector registers (FEAT_FPRCVT). */
const toVectorInt = (mode: Rounding, signed: boolean) =>
  sizes<General>((o, fmt, { sf, Rn, Rd }) =>
    o.setFp(Rd, width(sf), o.fpToInt(fmt, o.Vs(Rn, fmt), width(sf), signed, mode), Rd),
  );
const fromVectorInt = (signed: boolean) =>
  sizes<General>((o, fmt, { sf, Rn, Rd }) =>
    o.setFp(Rd, fmt, o.intToFp(fmt, o.Vs(Rn, width(sf)), width(sf), signed), Rd),
  );

const fsqrt = unary((o, fmt, a) => o.fp1('sqrt', fmt, a));
const fabs = unary((o, fmt, a) => o.fabs(fmt, a));
const fneg = unary((o, fmt, a) => o.fneg(fmt, a));
const frint = {
  n: round('tieeven'), p: round('plusinf'), m: round('minusinf'), z: round('zero'), a: round('tieaway'),
  x: round('fpcr', true), i: round('fpcr'),
}; // biome-ignore format: a table
const op = {
  mul: arith('mul'), div: arith('div'), add: arith('add'), sub: arith('sub'),
  max: arith('max'), min: arith('min'), maxnm: arith('maxnm'), minnm: arith('minnm'),
  nmul: binary((o, fmt, a, b) => o.fneg(fmt, o.fp2('mul', fmt, a, b))),
}; // biome-ignore format: a table
const cvt = {
  ns: toInt('tieeven', true), nu: toInt('tieeven', false), as: toInt('tieaway', true), au: toInt('tieaway', false),
  ps: toInt('plusinf', true), pu: toInt('plusinf', false), ms: toInt('minusinf', true), mu: toInt('minusinf', false),
  zs: toInt('zero', true), zu: toInt('zero', false), scvtf: fromInt(true), ucvtf: fromInt(false),
}; // biome-ignore format: a table

const fpr = {
  ns: toVectorInt('tieeven', true), nu: toVectorInt('tieeven', false),
  as: toVectorInt('tieaway', true), au: toVectorInt('tieaway', false),
  ps: toVectorInt('plusinf', true), pu: toVectorInt('plusinf', false),
  ms: toVectorInt('minusinf', true), mu: toVectorInt('minusinf', false),
  zs: toVectorInt('zero', true), zu: toVectorInt('zero', false),
  scvtf: fromVectorInt(true), ucvtf: fromVectorInt(false),
}; // biome-ignore format: a table

/** @arm the pages of C7.2 for scalar floating point */
export const fp = semantics(
  FP,
  {
    FMOV_reg: mov.sd,
    FMOV_reg_half: mov.half,
    FABS: fabs.sd,
    FABS_half: fabs.half,
    FNEG: fneg.sd,
    FNEG_half: fneg.half,
    FSQRT: fsqrt.sd,
    FSQRT_half: fsqrt.half,
    FRINTN: frint.n.sd,
    FRINTN_half: frint.n.half,
    FRINTP: frint.p.sd,
    FRINTP_half: frint.p.half,
    FRINTM: frint.m.sd,
    FRINTM_half: frint.m.half,
    FRINTZ: frint.z.sd,
    FRINTZ_half: frint.z.half,
    FRINTA: frint.a.sd,
    FRINTA_half: frint.a.half,
    FRINTX: frint.x.sd,
    FRINTX_half: frint.x.half,
    FRINTI: frint.i.sd,
    FRINTI_half: frint.i.half,
    FRINT32Z: roundN('zero', 32),
    FRINT32X: roundN('fpcr', 32),
    FRINT64Z: roundN('zero', 64),
    FRINT64X: roundN('fpcr', 64),
    FCVT_s_d: convert(32, 64),
    FCVT_s_h: convert(32, 16),
    FCVT_d_s: convert(64, 32),
    FCVT_d_h: convert(64, 16),
    FCVT_h_s: convert(16, 32),
    FCVT_h_d: convert(16, 64),
    BFCVT: (o, { Rn, Rd }) => o.setFp(Rd, 16, o.helper('bfcvt', o.Vs(Rn, 32)), Rd),

    FMUL: op.mul.sd,
    FMUL_half: op.mul.half,
    FDIV: op.div.sd,
    FDIV_half: op.div.half,
    FADD: op.add.sd,
    FADD_half: op.add.half,
    FSUB: op.sub.sd,
    FSUB_half: op.sub.half,
    FMAX: op.max.sd,
    FMAX_half: op.max.half,
    FMIN: op.min.sd,
    FMIN_half: op.min.half,
    FMAXNM: op.maxnm.sd,
    FMAXNM_half: op.maxnm.half,
    FMINNM: op.minnm.sd,
    FMINNM_half: op.minnm.half,
    FNMUL: op.nmul.sd,
    FNMUL_half: op.nmul.half,

    FMADD: fmadd.sd,
    FMADD_half: fmadd.half,
    FMSUB: fmsub.sd,
    FMSUB_half: fmsub.half,
    FNMADD: fnmadd.sd,
    FNMADD_half: fnmadd.half,
    FNMSUB: fnmsub.sd,
    FNMSUB_half: fnmsub.half,

    FCMP: fcmp.sd,
    FCMP_half: fcmp.half,
    FCMP_zero: fcmpZero.sd,
    FCMP_zero_half: fcmpZero.half,
    FCMPE: fcmpe.sd,
    FCMPE_half: fcmpe.half,
    FCMPE_zero: fcmpeZero.sd,
    FCMPE_zero_half: fcmpeZero.half,
    FCCMP: (o, f) => conditionalCompare(o, formatOf(f.sz), f, false),
    FCCMP_half: (o, f) => conditionalCompare(o, 16, f, false),
    FCCMPE: (o, f) => conditionalCompare(o, formatOf(f.sz), f, true),
    FCCMPE_half: (o, f) => conditionalCompare(o, 16, f, true),
    FCSEL: fcsel.sd,
    FCSEL_half: fcsel.half,
    FMOV_imm: (o, { sz, Rd }) =>
      o.setVs(
        Rd,
        formatOf(sz),
        immediate(o, formatOf(sz), (f) => f.imm8),
      ),
    FMOV_imm_half: (o, { Rd }) =>
      o.setVs(
        Rd,
        16,
        o.imm32((f) => Number(expandImm(f.imm8, 16))),
      ),

    FCVTNS: cvt.ns.sd,
    FCVTNS_half: cvt.ns.half,
    FCVTNU: cvt.nu.sd,
    FCVTNU_half: cvt.nu.half,
    FCVTAS: cvt.as.sd,
    FCVTAS_half: cvt.as.half,
    FCVTAU: cvt.au.sd,
    FCVTAU_half: cvt.au.half,
    FCVTPS: cvt.ps.sd,
    FCVTPS_half: cvt.ps.half,
    FCVTPU: cvt.pu.sd,
    FCVTPU_half: cvt.pu.half,
    FCVTMS: cvt.ms.sd,
    FCVTMS_half: cvt.ms.half,
    FCVTMU: cvt.mu.sd,
    FCVTMU_half: cvt.mu.half,
    FCVTZS: cvt.zs.sd,
    FCVTZS_half: cvt.zs.half,
    FCVTZU: cvt.zu.sd,
    FCVTZU_half: cvt.zu.half,
    SCVTF: cvt.scvtf.sd,
    SCVTF_half: cvt.scvtf.half,
    UCVTF: cvt.ucvtf.sd,
    UCVTF_half: cvt.ucvtf.half,
    FJCVTZS: (o, { Rn, Rd }) => {
      const result = o.helper('fjcvtzs', o.Vs(Rn, 64));
      o.setX(Rd, o.wrap(result));
      // Z, which the helper puts in bit 32, is bit 2 of NZCV; the others are 0.
      o.setNZCV(o.shl(o.wrap(o.shrU(result, o.i64(32))), o.i32(2)));
    },
    FMOV_s_to_w: (o, { Rn, Rd }) => o.setX(Rd, o.Vs(Rn, 32)),
    FMOV_w_to_s: (o, { Rn, Rd }) => o.setVs(Rd, 32, o.X(Rn, 0)),
    FMOV_d_to_x: (o, { Rn, Rd }) => o.setX(Rd, o.Vs(Rn, 64)),
    FMOV_x_to_d: (o, { Rn, Rd }) => o.setVs(Rd, 64, o.X(Rn, 1)),
    FMOV_top_to_x: (o, { Rn, Rd }) => o.setX(Rd, o.lane(o.V(Rn), 64, 1)),
    FMOV_x_to_top: (o, { Rn, Rd }) => o.setV(Rd, o.setLane(o.V(Rd), 64, 1, o.X(Rn, 1))),
    FMOV_h_to_r: (o, { Rn, Rd }) => o.setX(Rd, o.Vs(Rn, 16)),
    FMOV_r_to_h: (o, { Rn, Rd }) => o.setVs(Rd, 16, o.zext(o.X(Rn, 0), 16)),

    SCVTF_fixed: (o, f) => toFp(o, formatOf(f.sz), f, true, fractionBits(o)),
    SCVTF_fixed_half: (o, f) => toFp(o, 16, f, true, fractionBits(o)),
    UCVTF_fixed: (o, f) => toFp(o, formatOf(f.sz), f, false, fractionBits(o)),
    UCVTF_fixed_half: (o, f) => toFp(o, 16, f, false, fractionBits(o)),
    FCVTZS_fixed: (o, f) => fromFp(o, formatOf(f.sz), f, true, 'zero', fractionBits(o)),
    FCVTZS_fixed_half: (o, f) => fromFp(o, 16, f, true, 'zero', fractionBits(o)),
    FCVTZU_fixed: (o, f) => fromFp(o, formatOf(f.sz), f, false, 'zero', fractionBits(o)),
    FCVTZU_fixed_half: (o, f) => fromFp(o, 16, f, false, 'zero', fractionBits(o)),

    FCVTNS_fpr: fpr.ns.sd,
    FCVTNS_fpr_half: fpr.ns.half,
    FCVTNU_fpr: fpr.nu.sd,
    FCVTNU_fpr_half: fpr.nu.half,
    FCVTAS_fpr: fpr.as.sd,
    FCVTAS_fpr_half: fpr.as.half,
    FCVTAU_fpr: fpr.au.sd,
    FCVTAU_fpr_half: fpr.au.half,
    FCVTPS_fpr: fpr.ps.sd,
    FCVTPS_fpr_half: fpr.ps.half,
    FCVTPU_fpr: fpr.pu.sd,
    FCVTPU_fpr_half: fpr.pu.half,
    FCVTMS_fpr: fpr.ms.sd,
    FCVTMS_fpr_half: fpr.ms.half,
    FCVTMU_fpr: fpr.mu.sd,
    FCVTMU_fpr_half: fpr.mu.half,
    FCVTZS_fpr: fpr.zs.sd,
    FCVTZS_fpr_half: fpr.zs.half,
    FCVTZU_fpr: fpr.zu.sd,
    FCVTZU_fpr_half: fpr.zu.half,
    SCVTF_fpr: fpr.scvtf.sd,
    SCVTF_fpr_half: fpr.scvtf.half,
    UCVTF_fpr: fpr.ucvtf.sd,
    UCVTF_fpr_half: fpr.ucvtf.half,
  },
  { fp: true },
);
