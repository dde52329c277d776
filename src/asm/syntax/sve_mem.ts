// How SVE loads, stores and prefetches are written.

import { SVE_MEM } from '../../arch/a64/sve_mem.ts';
import { alias, type Fields, form, type Operand, type Shape, syntax } from '../form.ts';
import { checkRange, dec, names, readImmediate, texts, X, Xsp } from '../operands.ts';
import type { Named } from '../operands_simd.ts';
import { BHSD, byFields, implied, mulVl, P, Pz, Z, zlist } from '../operands_sve.ts';

// ---- what is in memory and what in the register -------------------------------------------------------------------------

/** What dtype says: mnemonic suffix, elements of the register, log2 of bytes in memory. */
const DTYPE: readonly (readonly [suffix: string, elements: string, msz: number])[] = [
  ['b', 'b', 0], ['b', 'h', 0], ['b', 's', 0], ['b', 'd', 0], ['sw', 'd', 2], ['h', 'h', 1], ['h', 's', 1], ['h', 'd', 1],
  ['sh', 'd', 1], ['sh', 's', 1], ['w', 's', 2], ['w', 'd', 2], ['sb', 'd', 0], ['sb', 's', 0], ['sb', 'h', 0], ['d', 'd', 3],
];
/** dtype as one field, or in two. */
const one = (dtype: number): Fields => ({ dtype });
const two = (dtype: number): Fields => ({ dtypeh: dtype >> 2, dtypel: dtype & 3 });
const suffix = (fields: (dtype: number) => Fields): Operand =>
  texts(...DTYPE.map(([t], dtype) => [t, fields(dtype)] as const));
const elements = (fields: (dtype: number) => Fields): Named => DTYPE.map(([, t], dtype) => [t, fields(dtype)]);
const list = zlist('Zt', elements(one));
const lsl = (msz: number): string => (msz === 0 ? '' : `, lsl #${msz}`);
const dtypeShift = implied(...DTYPE.map(([, , msz], dtype) => [lsl(msz), one(dtype)] as const));

const SIZES = [0, 1, 2, 3] as const;
const sized = texts(['b', { msz: 0 }], ['h', { msz: 1 }], ['w', { msz: 2 }], ['d', { msz: 3 }]);
const shift = implied(...SIZES.map((msz) => [lsl(msz), { msz }] as const));
const BY_MSZ: Named = [['b', { msz: 0 }], ['h', { msz: 1 }], ['s', { msz: 2 }], ['d', { msz: 3 }]];
/** Loads of parts of an element, with their sign (U = 0) or not. */
const gathered = texts(
  ['sb', { msz: 0, U: 0 }], ['b', { msz: 0, U: 1 }], ['sh', { msz: 1, U: 0 }], ['h', { msz: 1, U: 1 }],
  ['sw', { msz: 2, U: 0 }], ['w', { msz: 2, U: 1 }], ['d', { msz: 3, U: 1 }],
);
const ld = texts(['ld1', { ff: 0 }], ['ldff1', { ff: 1 }]);

// ---- addresses ------------------------------------------------------------------------------------------------------------

/** `, #n` or nothing: the field times a power of two that other fields say. */
function offset(field: string, bits: number, scale: (f: Fields) => number, signed = false): Operand {
  return {
    print(f) {
      const v = (signed ? Number(BigInt.asIntN(bits, BigInt(f[field]!))) : f[field]!) * scale(f);
      return v === 0 ? '' : `, ${dec(v)}`;
    },
    parse(c, set, f) {
      let v = 0n;
      if (c.literal(',')) {
        const at = c.pos;
        v = readImmediate(c);
        const [n, step] = [1n << BigInt(bits), BigInt(scale(f))];
        checkRange(c, at, v, signed ? (-n / 2n) * step : 0n, ((signed ? n / 2n : n) - 1n) * step, step);
      }
      set(field, Number(BigInt.asUintN(bits, v / BigInt(scale(f)))));
    },
  };
}
const bySize = (f: Fields): number => 1 << f['msz']!;
const imm5 = offset('imm5', 5, bySize);
const xs = texts(['uxtw', { xs: 0 }], ['sxtw', { xs: 1 }]);
const scaledBy = implied(...SIZES.map((msz) => [msz === 0 ? '' : ` #${msz}`, { msz }] as const));
/** `, x2` or nothing. */
const maybeX = (field: string): Operand => ({
  print: (f) => (f[field] === 31 ? '' : `, x${f[field]!}`),
  parse(c, set, f) {
    if (c.literal(',')) X(field).parse(c, set, f);
    else set(field, 31);
  },
});

const regs = (count: number): Operand => zlist('Zt', BY_MSZ, count);
/** n + 1 registers. */
const several = byFields((f) => regs(f['n']! + 1));
const n = texts(['2', { n: 1 }], ['3', { n: 2 }], ['4', { n: 3 }]);
const severalVl = byFields((f) => mulVl('imm4', 4, f['n']! + 1));

type Letter = 's' | 'd';
const gatherX = (l: Letter, scale: Operand | string) =>
  form`${ld}${gathered} ${zlist('Zt', l)}, ${Pz()}, [${Xsp('Rn')}, ${Z('Zm', l)}, ${xs}${scale}]`;
const gatherLong = (scale: Operand | string) =>
  form`${ld}${gathered} ${zlist('Zt', 'd')}, ${Pz()}, [${Xsp('Rn')}, ${Z('Zm', 'd')}${scale}]`;
const gatherImm = (l: Letter) => form`${ld}${gathered} ${zlist('Zt', l)}, ${Pz()}, [${Z('Zn', l)}${imm5}]`;
const gatherReg = (l: Letter) => form`ldnt1${gathered} ${zlist('Zt', l)}, ${Pz()}, [${Z('Zn', l)}${maybeX('Rm')}]`;
const scatterX = (l: Letter, scale: Operand | string) =>
  form`st1${sized} ${zlist('Zt', l)}, ${P('Pg')}, [${Xsp('Rn')}, ${Z('Zm', l)}, ${xs}${scale}]`;
const scatterLong = (scale: Operand | string) =>
  form`st1${sized} ${zlist('Zt', 'd')}, ${P('Pg')}, [${Xsp('Rn')}, ${Z('Zm', 'd')}${scale}]`;
const scatterImm = (l: Letter) => form`st1${sized} ${zlist('Zt', l)}, ${P('Pg')}, [${Z('Zn', l)}${imm5}]`;
const scatterReg = (l: Letter) => form`stnt1${sized} ${zlist('Zt', l)}, ${P('Pg')}, [${Z('Zn', l)}${maybeX('Rm')}]`;

const prfop = names('prfop', [
  'pldl1keep', 'pldl1strm', 'pldl2keep', 'pldl2strm', 'pldl3keep', 'pldl3strm', '', '',
  'pstl1keep', 'pstl1strm', 'pstl2keep', 'pstl2strm', 'pstl3keep', 'pstl3strm',
], 'a prefetch operation (pldl1keep, ...)');
const prfX = (l: Letter) => form`prf${sized} ${prfop}, ${P('Pg')}, [${Xsp('Rn')}, ${Z('Zm', l)}, ${xs}${scaledBy}]`;
const prfImm = (l: Letter) => form`prf${sized} ${prfop}, ${P('Pg')}, [${Z('Zn', l)}${imm5}]`;

/** Nine bits of imm9h:imm9l in lengths of the register. */
const ninth: Operand = {
  print: (f) => mulVl('v', 9).print({ v: (f['imm9h']! << 3) | f['imm9l']! }),
  parse(c, set, f) {
    mulVl('v', 9).parse(
      c,
      (_, v) => {
        set('imm9h', v >> 3);
        set('imm9l', v & 7);
      },
      f,
    );
  },
};
const whole = (r: Operand): Shape => (m) => form`${m} ${r}, [${Xsp('Rn')}${ninth}]`;

export const SVE_MEM_SYNTAX = syntax(SVE_MEM, {
  LD1_rr: form`ld1${suffix(one)} ${list}, ${Pz()}, [${Xsp('Rn')}, ${X('Rm')}${dtypeShift}]`,
  LDFF1_rr: [
    alias(form`ldff1${suffix(one)} ${list}, ${Pz()}, [${Xsp('Rn')}]`, { Rm: 31 }),
    form`ldff1${suffix(one)} ${list}, ${Pz()}, [${Xsp('Rn')}, ${X('Rm')}${dtypeShift}]`,
  ],
  LD1_ri: form`ld1${suffix(one)} ${list}, ${Pz()}, [${Xsp('Rn')}${mulVl('imm4', 4)}]`,
  LDNF1_ri: form`ldnf1${suffix(one)} ${list}, ${Pz()}, [${Xsp('Rn')}${mulVl('imm4', 4)}]`,
  LDNT1_rr: form`ldnt1${sized} ${regs(1)}, ${Pz()}, [${Xsp('Rn')}, ${X('Rm')}${shift}]`,
  LDNT1_ri: form`ldnt1${sized} ${regs(1)}, ${Pz()}, [${Xsp('Rn')}${mulVl('imm4', 4)}]`,
  LDn_rr: form`ld${n}${sized} ${several}, ${Pz()}, [${Xsp('Rn')}, ${X('Rm')}${shift}]`,
  LDn_ri: form`ld${n}${sized} ${several}, ${Pz()}, [${Xsp('Rn')}${severalVl}]`,
  LD1RQ_rr: form`ld1rq${sized} ${regs(1)}, ${Pz()}, [${Xsp('Rn')}, ${X('Rm')}${shift}]`,
  LD1RQ_ri: form`ld1rq${sized} ${regs(1)}, ${Pz()}, [${Xsp('Rn')}${offset('imm4', 4, () => 16, true)}]`,
  LD1RO_rr: form`ld1ro${sized} ${regs(1)}, ${Pz()}, [${Xsp('Rn')}, ${X('Rm')}${shift}]`,
  LD1RO_ri: form`ld1ro${sized} ${regs(1)}, ${Pz()}, [${Xsp('Rn')}${offset('imm4', 4, () => 32, true)}]`,
  SVE2p1_load_quads_rr: [], SVE2p1_load_quads_ri: [],
  SVE2p1_load_quads_n: [],
  LD1R_z: form`ld1r${suffix(two)} ${zlist('Zt', elements(two))}, ${Pz()}, [${Xsp('Rn')}${offset('imm6', 6, (f) => 1 << DTYPE[(f['dtypeh']! << 2) | f['dtypel']!]![2])}]`,

  LD1_zs: gatherX('s', ''), LD1_zs_scaled: gatherX('s', scaledBy), LD1_zi_s: gatherImm('s'), LDNT1_zr_s: gatherReg('s'),
  LD1_zd: gatherX('d', ''), LD1_zd_scaled: gatherX('d', scaledBy), LD1_z64: gatherLong(''), LD1_z64_scaled: gatherLong(shift),
  LD1_zi_d: gatherImm('d'), LDNT1_zr_d: gatherReg('d'), LD1Q: [],

  PRF_ri: form`prf${sized} ${prfop}, ${P('Pg')}, [${Xsp('Rn')}${mulVl('imm6', 6)}]`,
  PRF_rr: form`prf${sized} ${prfop}, ${P('Pg')}, [${Xsp('Rn')}, ${X('Rm')}${shift}]`,
  PRF_zs: prfX('s'), PRF_zi_s: prfImm('s'), PRF_zd: prfX('d'),
  PRF_z64: form`prf${sized} ${prfop}, ${P('Pg')}, [${Xsp('Rn')}, ${Z('Zm', 'd')}${shift}]`,
  PRF_zi_d: prfImm('d'),

  LDR_z: whole(Z('Zt', '')), LDR_p: whole(P('Pt')), STR_z: whole(Z('Zt', '')), STR_p: whole(P('Pt')),

  ST1_rr: form`st1${sized} ${zlist('Zt', BHSD)}, ${P('Pg')}, [${Xsp('Rn')}, ${X('Rm')}${shift}]`,
  ST1_ri: form`st1${sized} ${zlist('Zt', BHSD)}, ${P('Pg')}, [${Xsp('Rn')}${mulVl('imm4', 4)}]`,
  STNT1_rr: form`stnt1${sized} ${regs(1)}, ${P('Pg')}, [${Xsp('Rn')}, ${X('Rm')}${shift}]`,
  STNT1_ri: form`stnt1${sized} ${regs(1)}, ${P('Pg')}, [${Xsp('Rn')}${mulVl('imm4', 4)}]`,
  STn_rr: form`st${n}${sized} ${several}, ${P('Pg')}, [${Xsp('Rn')}, ${X('Rm')}${shift}]`,
  STn_ri: form`st${n}${sized} ${several}, ${P('Pg')}, [${Xsp('Rn')}${severalVl}]`,
  SVE2p1_store_quads: [], SVE2p1_store_w_rr: [], SVE2p1_store_w_ri: [], SVE2p1_store_d_rr: [], SVE2p1_store_d_ri: [],

  ST1_zd: scatterX('d', ''), ST1_zd_scaled: scatterX('d', scaledBy), ST1_zs: scatterX('s', ''),
  ST1_zs_scaled: scatterX('s', scaledBy), ST1_z64: scatterLong(''), ST1_z64_scaled: scatterLong(shift),
  ST1_zi_d: scatterImm('d'), ST1_zi_s: scatterImm('s'), STNT1_zr_d: scatterReg('d'), STNT1_zr_s: scatterReg('s'), ST1Q: [],
});
