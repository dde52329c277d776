// How loads and stores of one or two registers, exclusives, atomics, memory copies and tags are written.

import { LDST } from '../../arch/a64/ldst.ts';
import { LDST_ATOMIC } from '../../arch/a64/ldst_atomic.ts';
import { LDST_EXCLUSIVE } from '../../arch/a64/ldst_exclusive.ts';
import { LDST_FP } from '../../arch/a64/ldst_fp.ts';
import { MOPS_ROWS } from '../../arch/a64/mops.ts';
import { MTE_ROWS } from '../../arch/a64/mte.ts';
import { alias, type Fields, type Form, form, type Operand, type Shape, syntax } from '../form.ts';
import { checkRange, dec, imm, label, optional, pairOf, R, readImmediate, texts, W, X, Xsp } from '../operands.ts';
import { type Named, S } from '../operands_simd.ts';

// ---- addresses -----------------------------------------------------------------------------------------------------------

/** A signed or unsigned offset in `field`, scaled by the access. */
function offset(field: string, bits: number, signed: boolean, scale: (f: Fields) => number): Operand {
  const value = (f: Fields) => (signed ? Number(BigInt.asIntN(bits, BigInt(f[field]!))) : f[field]!) * scale(f);
  return {
    print: (f) => dec(value(f)),
    parse(c, set, f) {
      c.skipBlanks();
      const at = c.pos;
      const v = readImmediate(c);
      const s = BigInt(scale(f));
      const lo = signed ? -(1n << BigInt(bits - 1)) * s : 0n;
      const hi = ((1n << BigInt(signed ? bits - 1 : bits)) - 1n) * s;
      checkRange(c, at, v, lo, hi, s);
      set(field, Number(BigInt.asUintN(bits, v / s)));
    },
  };
}
const at = (o: Operand, field: string): Operand => optional([', ', o], { [field]: 0 });
type Scale = (f: Fields) => number;
const by = (n: number): Scale => () => n;
const byteAt = (o: Operand, field: string) => form`m [${Xsp('Rn')}${at(o, field)}]`.operands;
/** Joins ready-made operand lists into a form. */
function join(m: string | Form, regs: readonly (string | Operand)[], address: readonly (string | Operand)[]): Form {
  const base = typeof m === 'string' ? form`${m}` : m;
  return { ...base, operands: [...regs, ', ', ...address] };
}
const imm12 = (scale: Scale) => byteAt(offset('imm12', 12, false, scale), 'imm12');
const imm9 = (scale = by(1)) => byteAt(offset('imm9', 9, true, scale), 'imm9');
const imm9post = (scale = by(1)) => form`m [${Xsp('Rn')}], ${offset('imm9', 9, true, scale)}`.operands;
const imm9pre = (scale = by(1)) => form`m [${Xsp('Rn')}, ${offset('imm9', 9, true, scale)}]!`.operands;
const imm7 = (scale: Scale) => byteAt(offset('imm7', 7, true, scale), 'imm7');
const imm7post = (scale: Scale) => form`m [${Xsp('Rn')}], ${offset('imm7', 7, true, scale)}`.operands;
const imm7pre = (scale: Scale) => form`m [${Xsp('Rn')}, ${offset('imm7', 7, true, scale)}]!`.operands;
const bare = form`m [${Xsp('Rn')}]`.operands;

/** `x2`, `x2, lsl #3`, `w2, uxtw`, `w2, sxtw #3`, `x2, sxtx`. */
function index(shift: Scale): Operand {
  const EXT: Readonly<Record<number, string>> = { 2: 'uxtw', 3: 'lsl', 6: 'sxtw', 7: 'sxtx' };
  return {
    print(f) {
      const reg = (f['option']! & 1 ? X('Rm') : W('Rm')).print(f);
      if (f['option'] === 3 && !f['S']) return reg;
      return `${reg}, ${EXT[f['option']!] ?? '?'}${f['S'] ? ` #${shift(f)}` : ''}`;
    },
    parse(c, set, f) {
      let wide = 0;
      R('Rm', 'wide').parse(c, (k, v) => { if (k === 'wide') wide = v; else set(k, v); }, f);
      if (!c.literal(',')) {
        if (!wide) c.fail("', uxtw' or ', sxtw' after a w register");
        set('option', 3);
        set('S', 0);
        return;
      }
      const m = c.take(/lsl|uxtw|sxtw|sxtx/);
      const option = m && Object.entries(EXT).find(([, t]) => t === m[0].toLowerCase())?.[0];
      if (option === undefined || (Number(option) & 1) !== wide) return c.fail(wide ? 'lsl or sxtx' : 'uxtw or sxtw');
      set('option', Number(option));
      c.skipBlanks();
      if (c.literal(']')) {
        c.pos--;
        if (m![0].toLowerCase() === 'lsl') c.fail('a shift amount');
        set('S', 0);
        return;
      }
      const n = Number(readImmediate(c));
      // The amount 0 is S = 1 for bytes, S = 0 for everything else.
      if (n === shift(f)) set('S', 1);
      else if (n === 0) set('S', 0);
      else c.fail(`#${shift(f)} or #0`);
    },
  };
}
const indexed = (shift: Scale) => form`m [${Xsp('Rn')}, ${index(shift)}]`.operands;

// ---- general registers ---------------------------------------------------------------------------------------------------------

const Rt = R('Rt');
/** The sign-extending loads: w = 1 is a W register. */
const Rtw = R('Rt', 'w', 0, 1);
const sfBytes: Scale = (f) => (f['sf'] ? 8 : 4);
const sfShift: Scale = (f) => (f['sf'] ? 3 : 2);

/** Unscaled forms are also assembled from the plain mnemonic where the scaled form does not fit. */
const PRF_TYPES = ['pld', 'pli', 'pst'];
const PRF_LEVELS = ['l1', 'l2', 'l3', 'slc'];
const prefetch: Operand = {
  print(f) {
    const t = PRF_TYPES[f['Rt']! >> 3];
    return t === undefined ? dec(f['Rt']!) : `${t}${PRF_LEVELS[(f['Rt']! >> 1) & 3]}${f['Rt']! & 1 ? 'strm' : 'keep'}`;
  },
  parse(c, set, f) {
    const m = c.take(/(pld|pli|pst)(l1|l2|l3|slc)(keep|strm)\b/);
    if (!m) return imm('Rt', { bits: 5 }).parse(c, set, f);
    const [, t, l, p] = m.map((x) => x.toLowerCase());
    set('Rt', PRF_TYPES.indexOf(t!) * 8 + PRF_LEVELS.indexOf(l!) * 2 + (p === 'strm' ? 1 : 0));
  },
};
const rangePrefetch: Operand = {
  print(f) {
    const n = ((f['option'] ?? 0) << 4) | (f['opt2']! << 5) | (f['opt0']! << 4) | (f['S']! << 3) | f['prfop']!;
    const name: Readonly<Record<number, string>> = { 0: 'pldkeep', 1: 'pstkeep', 4: 'pldstrm', 5: 'pststrm' };
    return name[n] ?? dec(n);
  },
  parse(c, set) {
    const m = c.take(/(pld|pst)(keep|strm)\b/);
    const n = m ? (m[1]!.toLowerCase() === 'pst' ? 1 : 0) + (m[2]!.toLowerCase() === 'strm' ? 4 : 0) : Number(readImmediate(c));
    if (n < 0 || n > 63) c.fail('a range prefetch operation');
    set('opt2', n >> 5);
    set('opt0', (n >> 4) & 1);
    set('S', (n >> 3) & 1);
    set('prfop', n & 7);
  },
};
const one = (m: string, reg: Operand, address: readonly (string | Operand)[]): Form => join(m, [reg], address);
const two = (a: Operand, b: Operand): readonly (string | Operand)[] => [a, ', ', b];
const pair: readonly (string | Operand)[] = two(R('Rt'), R('Rt2'));
const pairX: readonly (string | Operand)[] = two(X('Rt'), X('Rt2'));
const strx = (m: string, what: readonly (string | Operand)[]) => one(m, Rt, what);

export const LDST_SYNTAX = syntax(LDST, {
  LDR_lit: form`ldr ${Rt}, ${label('imm19', 19)}`, LDRSW_lit: form`ldrsw ${X('Rt')}, ${label('imm19', 19)}`,
  PRFM_lit: form`prfm ${prefetch}, ${label('imm19', 19)}`,
  STNP: join('stnp', pair, imm7(sfBytes)), LDNP: join('ldnp', pair, imm7(sfBytes)),
  STTNP: join('sttnp', pairX, imm7(by(8))), LDTNP: join('ldtnp', pairX, imm7(by(8))),
  STP_post: join('stp', pair, imm7post(sfBytes)), LDP_post: join('ldp', pair, imm7post(sfBytes)),
  LDPSW_post: join('ldpsw', pairX, imm7post(by(4))), STTP_post: join('sttp', pairX, imm7post(by(8))),
  LDTP_post: join('ldtp', pairX, imm7post(by(8))),
  STP: join('stp', pair, imm7(sfBytes)), LDP: join('ldp', pair, imm7(sfBytes)), LDPSW: join('ldpsw', pairX, imm7(by(4))),
  STTP: join('sttp', pairX, imm7(by(8))), LDTP: join('ldtp', pairX, imm7(by(8))),
  STP_pre: join('stp', pair, imm7pre(sfBytes)), LDP_pre: join('ldp', pair, imm7pre(sfBytes)),
  LDPSW_pre: join('ldpsw', pairX, imm7pre(by(4))), STTP_pre: join('sttp', pairX, imm7pre(by(8))),
  LDTP_pre: join('ldtp', pairX, imm7pre(by(8))),
  STURB: one('sturb', W('Rt'), imm9()), LDURB: one('ldurb', W('Rt'), imm9()), LDURSB: one('ldursb', Rtw, imm9()),
  STURH: one('sturh', W('Rt'), imm9()), LDURH: one('ldurh', W('Rt'), imm9()), LDURSH: one('ldursh', Rtw, imm9()),
  STUR: strx('stur', imm9()), LDUR: strx('ldur', imm9()), LDURSW: one('ldursw', X('Rt'), imm9()),
  PRFUM: one('prfum', prefetch, imm9()),
  STRB_post: one('strb', W('Rt'), imm9post()), LDRB_post: one('ldrb', W('Rt'), imm9post()),
  LDRSB_post: one('ldrsb', Rtw, imm9post()), STRH_post: one('strh', W('Rt'), imm9post()),
  LDRH_post: one('ldrh', W('Rt'), imm9post()), LDRSH_post: one('ldrsh', Rtw, imm9post()), STR_post: strx('str', imm9post()),
  LDR_post: strx('ldr', imm9post()), LDRSW_post: one('ldrsw', X('Rt'), imm9post()),
  STTRB: one('sttrb', W('Rt'), imm9()), LDTRB: one('ldtrb', W('Rt'), imm9()), LDTRSB: one('ldtrsb', Rtw, imm9()),
  STTRH: one('sttrh', W('Rt'), imm9()), LDTRH: one('ldtrh', W('Rt'), imm9()), LDTRSH: one('ldtrsh', Rtw, imm9()),
  STTR: strx('sttr', imm9()), LDTR: strx('ldtr', imm9()), LDTRSW: one('ldtrsw', X('Rt'), imm9()),
  STRB_pre: one('strb', W('Rt'), imm9pre()), LDRB_pre: one('ldrb', W('Rt'), imm9pre()),
  LDRSB_pre: one('ldrsb', Rtw, imm9pre()), STRH_pre: one('strh', W('Rt'), imm9pre()),
  LDRH_pre: one('ldrh', W('Rt'), imm9pre()), LDRSH_pre: one('ldrsh', Rtw, imm9pre()), STR_pre: strx('str', imm9pre()),
  LDR_pre: strx('ldr', imm9pre()), LDRSW_pre: one('ldrsw', X('Rt'), imm9pre()),
  STRB_reg: one('strb', W('Rt'), indexed(by(0))), LDRB_reg: one('ldrb', W('Rt'), indexed(by(0))),
  LDRSB_reg: one('ldrsb', Rtw, indexed(by(0))), STRH_reg: one('strh', W('Rt'), indexed(by(1))),
  LDRH_reg: one('ldrh', W('Rt'), indexed(by(1))), LDRSH_reg: one('ldrsh', Rtw, indexed(by(1))),
  STR_reg: strx('str', indexed(sfShift)), LDR_reg: strx('ldr', indexed(sfShift)),
  LDRSW_reg: one('ldrsw', X('Rt'), indexed(by(2))), PRFM_reg: one('prfm', prefetch, indexed(by(3))),
  RPRFM: form`rprfm ${rangePrefetch}, ${X('Rm')}, [${Xsp('Rn')}]`,
  STRB_imm: one('strb', W('Rt'), imm12(by(1))), LDRB_imm: one('ldrb', W('Rt'), imm12(by(1))),
  LDRSB_imm: one('ldrsb', Rtw, imm12(by(1))), STRH_imm: one('strh', W('Rt'), imm12(by(2))),
  LDRH_imm: one('ldrh', W('Rt'), imm12(by(2))), LDRSH_imm: one('ldrsh', Rtw, imm12(by(2))), STR_imm: strx('str', imm12(sfBytes)),
  LDR_imm: strx('ldr', imm12(sfBytes)), LDRSW_imm: one('ldrsw', X('Rt'), imm12(by(4))), PRFM_imm: one('prfm', prefetch, imm12(by(8))),
  LD64B: one('ld64b', X('Rt'), bare), ST64B: one('st64b', X('Rt'), bare),
  ST64BV: form`st64bv ${X('Rs')}, ${X('Rt')}, [${Xsp('Rn')}]`, ST64BV0: form`st64bv0 ${X('Rs')}, ${X('Rt')}, [${Xsp('Rn')}]`,
  GCSSTR: one('gcsstr', X('Rt'), bare), GCSSTTR: one('gcssttr', X('Rt'), bare),
});

// ---- SIMD and FP registers -------------------------------------------------------------------------------------------------------

const BHSDQ: Named = [['b', { size: 0, opc1: 0 }], ['h', { size: 1, opc1: 0 }], ['s', { size: 2, opc1: 0 }], ['d', { size: 3, opc1: 0 }], ['q', { size: 0, opc1: 1 }]];
const SDQ: Named = [['s', { opc: 0 }], ['d', { opc: 1 }], ['q', { opc: 2 }]];
const Vt = S('Rt', BHSDQ);
const lgFp: Scale = (f) => f['opc1']! * 4 + f['size']!;
const bytesFp: Scale = (f) => 1 << lgFp(f);
const pairFp = two(S('Rt', SDQ), S('Rt2', SDQ));
const pairBytes: Scale = (f) => 4 << f['opc']!;
const pairQ = two(S('Rt', 'q'), S('Rt2', 'q'));
const HSD: Named = [['h', { size: 1 }], ['s', { size: 2 }], ['d', { size: 3 }]];
const RL = texts(['', { R: 0 }], ['l', { R: 1 }]);
const ARL = texts(['', { A: 0, R: 0 }], ['l', { A: 0, R: 1 }], ['a', { A: 1, R: 0 }], ['al', { A: 1, R: 1 }]);
/** ldfadd, and ldbfadd for BFloat16. */
const fpAtomic = (op: string, store: boolean): Form[] => {
  const one = (m: string, type: Named): Form =>
    store ? form`st${m}${RL} ${S('Rs', type)}, [${Xsp('Rn')}]` : form`ld${m}${ARL} ${S('Rs', type)}, ${S('Rt', type)}, [${Xsp('Rn')}]`;
  return [alias(one(`bf${op}`, [['h', {}]]), { size: 0 }), one(`f${op}`, HSD)];
};

export const LDST_FP_SYNTAX = syntax(LDST_FP, {
  LDR_lit_fp: form`ldr ${S('Rt', SDQ)}, ${label('imm19', 19)}`,
  STNP_fp: join('stnp', pairFp, imm7(pairBytes)), LDNP_fp: join('ldnp', pairFp, imm7(pairBytes)),
  STTNP_fp: join('sttnp', pairQ, imm7(by(16))), LDTNP_fp: join('ldtnp', pairQ, imm7(by(16))),
  STP_post_fp: join('stp', pairFp, imm7post(pairBytes)), LDP_post_fp: join('ldp', pairFp, imm7post(pairBytes)),
  STTP_post_fp: join('sttp', pairQ, imm7post(by(16))), LDTP_post_fp: join('ldtp', pairQ, imm7post(by(16))),
  STP_fp: join('stp', pairFp, imm7(pairBytes)), LDP_fp: join('ldp', pairFp, imm7(pairBytes)),
  STTP_fp: join('sttp', pairQ, imm7(by(16))), LDTP_fp: join('ldtp', pairQ, imm7(by(16))),
  STP_pre_fp: join('stp', pairFp, imm7pre(pairBytes)), LDP_pre_fp: join('ldp', pairFp, imm7pre(pairBytes)),
  STTP_pre_fp: join('sttp', pairQ, imm7pre(by(16))), LDTP_pre_fp: join('ldtp', pairQ, imm7pre(by(16))),
  STUR_fp: one('stur', Vt, imm9()), LDUR_fp: one('ldur', Vt, imm9()), STR_post_fp: one('str', Vt, imm9post()),
  LDR_post_fp: one('ldr', Vt, imm9post()), STR_pre_fp: one('str', Vt, imm9pre()), LDR_pre_fp: one('ldr', Vt, imm9pre()),
  STR_reg_fp: one('str', Vt, indexed(lgFp)), LDR_reg_fp: one('ldr', Vt, indexed(lgFp)),
  STR_imm_fp: one('str', Vt, imm12(bytesFp)), LDR_imm_fp: one('ldr', Vt, imm12(bytesFp)),
  STLUR_fp: one('stlur', Vt, imm9()), LDAPUR_fp: one('ldapur', Vt, imm9()),
  LDFADD: fpAtomic('add', false), LDFMAX: fpAtomic('max', false), LDFMIN: fpAtomic('min', false),
  LDFMAXNM: fpAtomic('maxnm', false), LDFMINNM: fpAtomic('minnm', false), STFADD: fpAtomic('add', true),
  STFMAX: fpAtomic('max', true), STFMIN: fpAtomic('min', true), STFMAXNM: fpAtomic('maxnm', true),
  STFMINNM: fpAtomic('minnm', true),
});

// ---- exclusive and ordered -----------------------------------------------------------------------------------------------------------

/** Operands that do not exist should be 31 and are not looked at. */
const shouldBeOnes = (base: Form, ...fields: readonly string[]): Form => ({
  ...base,
  derive: (f) => ({ ...base.derive?.(f), ...Object.fromEntries(fields.map((n) => [n, f[n] ?? 31])) }),
});
const Rsize = R('Rt', 'size', 3, 2);
/** b, h and plain forms of an access whose size field gives 1, 2, 4 or 8 bytes. */
function sizes(m: string | Form, build: (reg: Operand) => readonly (string | Operand)[], ...ones: readonly string[]): Form[] {
  const base = typeof m === 'string' ? form`${m}` : m;
  const make = (suffix: string, reg: Operand, when: Fields | ((f: Fields) => boolean)) =>
    shouldBeOnes(alias({ ...base, mnemonic: [...base.mnemonic, suffix], operands: build(reg) }, when), ...ones);
  return [make('b', W('Rt'), { size: 0 }), make('h', W('Rt'), { size: 1 }), make('', Rsize, (f) => f['size']! >= 2)];
}
const load = (m: string) => sizes(m, (r) => form`m ${r}, [${Xsp('Rn')}]`.operands, 'Rs', 'Rt2');
const storeEx = (m: string) => sizes(m, (r) => form`m ${W('Rs')}, ${r}, [${Xsp('Rn')}]`.operands, 'Rt2');
const sz = (r: string) => R(r, 'sz');
const sf = (r: string) => R(r);
const unscaled = (m: string) => sizes(m, (r) => [r, ', ', ...imm9()]);
const sfBytesOf = (n: number): Scale => (f) => (f['sf'] ? 8 : 4) * n;
const amountOf = (scale: Scale, sign: string): Operand => ({
  print: (f) => `#${sign}${scale(f)}`,
  parse(c, _set, f) {
    if (Number(readImmediate(c)) !== Number(`${sign}${scale(f)}`)) c.fail(`#${sign}${scale(f)}`);
  },
});

export const LDST_EXCLUSIVE_SYNTAX = syntax(LDST_EXCLUSIVE, {
  STXR: storeEx('stxr'), STLXR: storeEx('stlxr'), LDXR: load('ldxr'), LDAXR: load('ldaxr'),
  STXP: form`stxp ${W('Rs')}, ${sz('Rt')}, ${sz('Rt2')}, [${Xsp('Rn')}]`,
  STLXP: form`stlxp ${W('Rs')}, ${sz('Rt')}, ${sz('Rt2')}, [${Xsp('Rn')}]`,
  LDXP: shouldBeOnes(form`ldxp ${sz('Rt')}, ${sz('Rt2')}, [${Xsp('Rn')}]`, 'Rs'),
  LDAXP: shouldBeOnes(form`ldaxp ${sz('Rt')}, ${sz('Rt2')}, [${Xsp('Rn')}]`, 'Rs'),
  STLLR: load('stllr'), STLR: load('stlr'), LDLAR: load('ldlar'), LDAR: load('ldar'),
  STTXR: shouldBeOnes(form`sttxr ${W('Rs')}, ${sf('Rt')}, [${Xsp('Rn')}]`, 'Rt2'),
  STLTXR: shouldBeOnes(form`stltxr ${W('Rs')}, ${sf('Rt')}, [${Xsp('Rn')}]`, 'Rt2'),
  LDTXR: shouldBeOnes(form`ldtxr ${sf('Rt')}, [${Xsp('Rn')}]`, 'Rs', 'Rt2'),
  LDATXR: shouldBeOnes(form`ldatxr ${sf('Rt')}, [${Xsp('Rn')}]`, 'Rs', 'Rt2'),
  LDAPR: sizes('ldapr', (r) => form`m ${r}, [${Xsp('Rn')}]`.operands),
  STLUR: unscaled('stlur'), LDAPUR: unscaled('ldapur'),
  LDAPURSB: one('ldapursb', Rtw, imm9()), LDAPURSH: one('ldapursh', Rtw, imm9()), LDAPURSW: one('ldapursw', X('Rt'), imm9()),
  STLR_pre: form`stlr ${sf('Rt')}, [${Xsp('Rn')}, ${amountOf(sfBytesOf(1), '-')}]!`,
  LDAPR_post: form`ldapr ${sf('Rt')}, [${Xsp('Rn')}], ${amountOf(sfBytesOf(1), '')}`,
  STILP_pre: form`stilp ${sf('Rt')}, ${sf('Rt2')}, [${Xsp('Rn')}, ${amountOf(sfBytesOf(2), '-')}]!`,
  STILP: form`stilp ${sf('Rt')}, ${sf('Rt2')}, [${Xsp('Rn')}]`,
  LDIAPP_post: form`ldiapp ${sf('Rt')}, ${sf('Rt2')}, [${Xsp('Rn')}], ${amountOf(sfBytesOf(2), '')}`,
  LDIAPP: form`ldiapp ${sf('Rt')}, ${sf('Rt2')}, [${Xsp('Rn')}]`,
});

// ---- atomics -----------------------------------------------------------------------------------------------------------------------------

const AR = texts(['', { A: 0, R: 0 }], ['a', { A: 1, R: 0 }], ['l', { A: 0, R: 1 }], ['al', { A: 1, R: 1 }]);
const L = texts(['', { R: 0 }], ['l', { R: 1 }]);
const Rs = (wide: boolean) => (wide ? R('Rs', 'size', 3, 2) : W('Rs'));
const casOperands = (r: Operand, i: boolean) => form`m ${Rs(i)}, ${r}, [${Xsp('Rn')}]`.operands;
const threeSized = (m: Form): Form[] => sizes(m, (r) => casOperands(r, r === Rsize));
const storeSized = (m: Form): Form[] =>
  (['b', 'h', ''] as const).map((suffix, i) =>
    alias(
      { ...m, mnemonic: [...m.mnemonic, suffix], operands: form`m ${Rs(i === 2)}, [${Xsp('Rn')}]`.operands },
      (f) => f['A'] === 0 && f['Rt'] === 31 && (i === 2 ? f['size']! >= 2 : f['size'] === i),
      { A: 0, Rt: 31, ...(i === 2 ? {} : { size: i }) },
    ),
  );
const rmw: Shape = (m) => [...storeSized(form`${m.replace(/^ld/, 'st')}${L}`), ...threeSized(form`${m}${AR}`)];
const sfThree: Shape = (m) => form`${m}${AR} ${sf('Rs')}, ${sf('Rt')}, [${Xsp('Rn')}]`;
const sfStore: Shape = (m) => [
  alias(form`${m.replace(/^ld/, 'st')}${L} ${sf('Rs')}, [${Xsp('Rn')}]`, { A: 0, Rt: 31 }),
  sfThree(m) as Form,
];
const pair128: Shape = (m) => form`${m}${AR} ${X('Rt')}, ${X('Rt2')}, [${Xsp('Rn')}]`;
const s = texts(['', { S: 0 }], ['s', { S: 1 }]);
const rcw = (m: string): Form => form`rcw${s}${m}${AR} ${X('Rs')}, ${X('Rt')}, [${Xsp('Rn')}]`;
const rcwp = (m: string): Form => form`rcw${s}${m}${AR} ${X('Rt')}, ${X('Rt2')}, [${Xsp('Rn')}]`;
const casp = (t: string, reg: (r: string) => Operand, of: string): Form =>
  form`casp${AR}${t} ${reg('Rs')}, ${pairOf('Rs', of)}, ${reg('Rt')}, ${pairOf('Rt', of)}, [${Xsp('Rn')}]`;

export const LDST_ATOMIC_SYNTAX = syntax(LDST_ATOMIC, {
  CAS: threeSized(form`cas${AR}`), CASP: casp('', sz, 'sz'),
  CAST: form`cas${AR}t ${X('Rs')}, ${X('Rt')}, [${Xsp('Rn')}]`, CASPT: casp('t', X, 'x'),
  LDADD: rmw, LDCLR: rmw, LDEOR: rmw, LDSET: rmw, LDSMAX: rmw, LDSMIN: rmw, LDUMAX: rmw, LDUMIN: rmw,
  SWP: threeSized(form`swp${AR}`),
  RCWCLR: rcw('clr'), RCWSWP: rcw('swp'), RCWSET: rcw('set'),
  LDTADD: sfStore, LDTCLR: sfStore, LDTSET: sfStore, SWPT: sfThree,
  LDCLRP: pair128, LDSETP: pair128, SWPP: pair128, RCWCLRP: rcwp('clrp'), RCWSWPP: rcwp('swpp'), RCWSETP: rcwp('setp'),
  RCWCAS: rcw('cas'), RCWCASP: form`rcw${s}casp${AR} ${X('Rs')}, ${pairOf('Rs', 'x')}, ${X('Rt')}, ${pairOf('Rt', 'x')}, [${Xsp('Rn')}]`,
});

// ---- memory copy and set, tags --------------------------------------------------------------------------------------------------------------

const CPY_OPTIONS = ['', 'wt', 'rt', 't', 'wn', 'wtwn', 'rtwn', 'twn', 'rn', 'wtrn', 'rtrn', 'trn', 'n', 'wtn', 'rtn', 'tn'];
const cpyOption = texts(...CPY_OPTIONS.map((t, options) => [t, { options }] as const));
const setOption = texts(...['', 't', 'n', 'tn'].map((t, options) => [t, { options }] as const));
const cpy: Shape = (m) => form`${m}${cpyOption} [${X('Rd')}]!, [${X('Rs')}]!, ${X('Rn')}!`;
const set: Shape = (m) => form`${m}${setOption} [${X('Rd')}]!, ${X('Rn')}!, ${X('Rs')}`;

export const MOPS_SYNTAX = syntax(MOPS_ROWS, {
  CPYFP: cpy, CPYFM: cpy, CPYFE: cpy, CPYP: cpy, CPYM: cpy, CPYE: cpy, SETP: set, SETM: set, SETE: set, SETGP: set,
  SETGM: set, SETGE: set,
});

const tag9 = (m: string, form9: (scale?: Scale) => readonly (string | Operand)[]): Form => one(m, Xsp('Rt'), form9(by(16)));
const addTag = (m: string): Form => form`${m} ${Xsp('Rd')}, ${Xsp('Rn')}, ${imm('uimm6', { bits: 6, scale: 16 })}, ${imm('uimm4', { bits: 4 })}`;

export const MTE_SYNTAX = syntax(MTE_ROWS, {
  ADDG: addTag('addg'), SUBG: addTag('subg'),
  SUBP: form`subp ${X('Rd')}, ${Xsp('Rn')}, ${Xsp('Rm')}`,
  SUBPS: [alias(form`cmpp ${Xsp('Rn')}, ${Xsp('Rm')}`, { Rd: 31 }), form`subps ${X('Rd')}, ${Xsp('Rn')}, ${Xsp('Rm')}`],
  IRG: [alias(form`irg ${Xsp('Rd')}, ${Xsp('Rn')}`, { Rm: 31 }), form`irg ${Xsp('Rd')}, ${Xsp('Rn')}, ${X('Rm')}`],
  GMI: form`gmi ${X('Rd')}, ${Xsp('Rn')}, ${X('Rm')}`,
  STG_post: tag9('stg', imm9post), STG: tag9('stg', imm9), STG_pre: tag9('stg', imm9pre),
  STZG_post: tag9('stzg', imm9post), STZG: tag9('stzg', imm9), STZG_pre: tag9('stzg', imm9pre),
  ST2G_post: tag9('st2g', imm9post), ST2G: tag9('st2g', imm9), ST2G_pre: tag9('st2g', imm9pre),
  STZ2G_post: tag9('stz2g', imm9post), STZ2G: tag9('stz2g', imm9), STZ2G_pre: tag9('stz2g', imm9pre),
  LDG: one('ldg', X('Rt'), imm9(by(16))),
  STZGM: one('stzgm', X('Rt'), bare), STGM: one('stgm', X('Rt'), bare), LDGM: one('ldgm', X('Rt'), bare),
  STGP_post: join('stgp', pairX, imm7post(by(16))), STGP: join('stgp', pairX, imm7(by(16))), STGP_pre: join('stgp', pairX, imm7pre(by(16))),
});
