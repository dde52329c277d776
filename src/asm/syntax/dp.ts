// How data processing on general registers is written.

import { DP_IMM } from '../../arch/a64/dp_imm.ts';
import { DP_REG } from '../../arch/a64/dp_reg.ts';
import { decodeBitMasks, encodeBitMask, moveWidePreferred } from '../bitmask.ts';
import { alias, type Fields, type Form, form, type Operand, type Shape, syntax } from '../form.ts';
import { computed, cond, dec, imm, invertedCond, names, optional, R, Rsp, readImmediate, target, texts, W, X } from '../operands.ts';

// ---- immediates ------------------------------------------------------------------------------------------------------

const width = (f: Fields): number => (f['sf'] ? 64 : 32);
const imm12: Operand = {
  print: (f) => dec(f['imm12']!) + (f['sh'] ? ', lsl #12' : ''),
  parse(c, set) {
    c.skipBlanks();
    const v = readImmediate(c);
    const shifted = c.literal(', lsl');
    const by = shifted ? readImmediate(c) : 0n;
    const high = !shifted && v > 0xfffn && (v & 0xfffn) === 0n;
    const field = high ? v >> 12n : v;
    if (field < 0n || field > 0xfffn || (by !== 0n && by !== 12n)) c.fail('an immediate of 12 bits, possibly shifted by 12,');
    set('imm12', Number(field));
    set('sh', by === 12n || high ? 1 : 0);
  },
};
const bitmask = (signedDecimal: boolean): Operand =>
  computed(
    (f) => {
      const v = decodeBitMasks(f['N']!, f['imms']!, f['immr']!, width(f)) ?? 0n;
      return signedDecimal ? BigInt.asIntN(width(f), v) : v;
    },
    (v, f) => {
      const e = encodeBitMask(v, width(f));
      return e === undefined || (signedDecimal && moveWide(v, f)) ? undefined : e;
    },
    { hex: !signedDecimal, what: 'a repeating pattern of ones' },
  );
/** What MOVZ or MOVN can do is not written with ORR. */
function moveWide(v: bigint, f: Fields): boolean {
  const u = BigInt.asUintN(width(f), v);
  const one = (x: bigint) => [0n, 16n, 32n, 48n].some((s) => s < width(f) && (x & ~(0xffffn << s)) === 0n);
  return one(u) || one(BigInt.asUintN(width(f), ~u));
}
const lsl16 = optional([', lsl ', imm('hw', { bits: 2, scale: 16 })], { hw: 0 });
const movImmediate = (inverted: boolean): Operand =>
  computed(
    (f) => {
      const v = BigInt(f['imm16']!) << BigInt(16 * f['hw']!);
      return BigInt.asIntN(width(f), inverted ? ~v : v);
    },
    (v, f) => {
      if (v < -(1n << BigInt(width(f) - 1)) || v >> BigInt(width(f)) > 0n) return undefined;
      const u = BigInt.asUintN(width(f), inverted ? ~v : v);
      for (let hw = 0; hw < width(f) / 16; hw++) {
        const field = (u >> BigInt(16 * hw)) & 0xffffn;
        if (u === field << BigInt(16 * hw)) return inverted && !f['sf'] && field === 0xffffn ? undefined : { imm16: Number(field), hw };
      }
      return undefined;
    },
    { what: 'a 16-bit immediate moved by 0, 16, 32 or 48 bits' },
  );
const shown = (f: Fields): boolean => !(f['imm16'] === 0 && f['hw'] !== 0);

const addImm: Shape = (m) => form`${m} ${Rsp('Rd')}, ${Rsp('Rn')}, ${imm12}`;
const addsImm = (m: string, compare: string) => [
  alias(form`${compare} ${Rsp('Rn')}, ${imm12}`, { Rd: 31 }),
  form`${m} ${R('Rd')}, ${Rsp('Rn')}, ${imm12}`,
];
const minMaxS: Shape = (m) => form`${m} ${R('Rd')}, ${R('Rn')}, ${imm('imm8', { bits: 8, signed: true })}`;
const minMaxU: Shape = (m) => form`${m} ${R('Rd')}, ${R('Rn')}, ${imm('imm8', { bits: 8 })}`;
const logicalImm: Shape = (m) => form`${m} ${Rsp('Rd')}, ${R('Rn')}, ${bitmask(false)}`;

/** A position or a width of a bit field; `sf` is known from the registers before it. */
const bitNumber = (get: (f: Fields) => number, into: string): Operand => ({
  print: (f) => dec(get(f)),
  parse(c, set, f) {
    c.skipBlanks();
    const v = Number(readImmediate(c));
    if (v < 0 || v > width(f)) c.fail(`a bit number up to ${width(f)}`);
    set(into, v);
  },
});
const plain = (field: string): Operand => bitNumber((f) => f[field]!, field);
const N = (f: Fields): Fields => ({ N: f['sf']! });
const max = (f: Fields): number => width(f) - 1;
const insertLsb = bitNumber((f) => (width(f) - f['immr']!) % width(f), 'lsb');
const insertWidth = bitNumber((f) => f['imms']! + 1, 'width');
const extractWidth = bitNumber((f) => f['imms']! - f['immr']! + 1, 'width');
const extractLsb = bitNumber((f) => f['immr']!, 'lsb');
const inserted = (f: Fields): Fields => ({ ...N(f), immr: (width(f) - f['lsb']!) % width(f), imms: f['width']! - 1 });
const extracted = (f: Fields): Fields => ({ ...N(f), immr: f['lsb']!, imms: f['lsb']! + f['width']! - 1 });
const isInsert = (f: Fields): boolean => f['imms']! < f['immr']!;
const bitfield = (m: string, insert: string, extract: string): Form[] => [
  alias(form`${insert} ${R('Rd')}, ${R('Rn')}, ${insertLsb}, ${insertWidth}`, isInsert, {}, inserted),
  alias(form`${extract} ${R('Rd')}, ${R('Rn')}, ${extractLsb}, ${extractWidth}`, (f) => !isInsert(f), {}, extracted),
  alias(form`${m} ${R('Rd')}, ${R('Rn')}, ${plain('immr')}, ${plain('imms')}`, () => true, {}, N),
];
const shiftBy = (m: string): Form =>
  alias(form`${m} ${R('Rd')}, ${R('Rn')}, ${plain('immr')}`, (f) => f['imms'] === max(f), {}, (f) => ({ ...N(f), imms: max(f) }));
const lslAmount = bitNumber((f) => max(f) - f['imms']!, 'amount');
const extendW = (m: string, imms: number, fromWord: Fields): Form =>
  alias(form`${m} ${R('Rd')}, ${W('Rn')}`, (f) => f['immr'] === 0 && f['imms'] === imms && Object.entries(fromWord).every(([k, v]) => f[k] === v), { immr: 0, imms, ...fromWord }, N);

const PC_REL = target(
  (f) => BigInt.asIntN(21, BigInt(f['immhi']! * 4 + f['immlo']!)),
  (o) => (BigInt.asIntN(21, o) === o ? { immhi: Number(BigInt.asUintN(19, o >> 2n)), immlo: Number(o & 3n) } : undefined),
);
const PAGE_REL = target(
  (f) => BigInt.asIntN(21, BigInt(f['immhi']! * 4 + f['immlo']!)) << 12n,
  (o) => {
    const p = o >> 12n;
    return (o & 0xfffn) === 0n && BigInt.asIntN(21, p) === p ? { immhi: Number(BigInt.asUintN(19, p >> 2n)), immlo: Number(p & 3n) } : undefined;
  },
  true,
);

export const DP_IMM_SYNTAX = syntax(DP_IMM, {
  ADR: form`adr ${X('Rd')}, ${PC_REL}`,
  ADRP: form`adrp ${X('Rd')}, ${PAGE_REL}`,
  ADD_imm: [
    alias(form`mov ${Rsp('Rd')}, ${Rsp('Rn')}`, (f) => f['imm12'] === 0 && f['sh'] === 0 && (f['Rd'] === 31 || f['Rn'] === 31), { imm12: 0, sh: 0 }),
    form`add ${Rsp('Rd')}, ${Rsp('Rn')}, ${imm12}`,
  ],
  ADDS_imm: addsImm('adds', 'cmn'),
  SUB_imm: addImm,
  SUBS_imm: addsImm('subs', 'cmp'),
  SMAX_imm: minMaxS, UMAX_imm: minMaxU, SMIN_imm: minMaxS, UMIN_imm: minMaxU,
  AND_imm: logicalImm, EOR_imm: logicalImm,
  ORR_imm: [
    alias(form`mov ${Rsp('Rd')}, ${bitmask(true)}`, (f) => f['Rn'] === 31 && !moveWidePreferred(f['sf']!, f['N']!, f['imms']!, f['immr']!), { Rn: 31 }),
    form`orr ${Rsp('Rd')}, ${R('Rn')}, ${bitmask(false)}`,
  ],
  ANDS_imm: [
    alias(form`tst ${R('Rn')}, ${bitmask(false)}`, { Rd: 31 }),
    form`ands ${R('Rd')}, ${R('Rn')}, ${bitmask(false)}`,
  ],
  MOVN: [
    alias(form`mov ${R('Rd')}, ${movImmediate(true)}`, (f) => shown(f) && !(f['sf'] === 0 && f['imm16'] === 0xffff)),
    form`movn ${R('Rd')}, ${imm('imm16', { bits: 16 })}${lsl16}`,
  ],
  MOVZ: [
    alias(form`mov ${R('Rd')}, ${movImmediate(false)}`, shown),
    form`movz ${R('Rd')}, ${imm('imm16', { bits: 16 })}${lsl16}`,
  ],
  MOVK: form`movk ${R('Rd')}, ${imm('imm16', { bits: 16 })}${lsl16}`,
  SBFM: [
    shiftBy('asr'),
    extendW('sxtb', 7, {}), extendW('sxth', 15, {}), extendW('sxtw', 31, { sf: 1 }),
    ...bitfield('sbfm', 'sbfiz', 'sbfx'),
  ],
  BFM: [
    alias(form`bfc ${R('Rd')}, ${insertLsb}, ${insertWidth}`, (f) => f['Rn'] === 31 && isInsert(f), { Rn: 31 }, inserted),
    ...bitfield('bfm', 'bfi', 'bfxil'),
  ],
  UBFM: [
    alias(form`lsl ${R('Rd')}, ${R('Rn')}, ${lslAmount}`, (f) => f['imms'] !== max(f) && f['imms']! + 1 === f['immr'], {}, (f) => ({ ...N(f), immr: (width(f) - f['amount']!) % width(f), imms: max(f) - f['amount']! })),
    shiftBy('lsr'),
    extendW('uxtb', 7, { sf: 0 }), extendW('uxth', 15, { sf: 0 }),
    ...bitfield('ubfm', 'ubfiz', 'ubfx'),
  ],
  EXTR: [
    alias(form`ror ${R('Rd')}, ${R('Rn')}, ${plain('imms')}`, (f) => f['Rn'] === f['Rm'], {}, (f) => ({ ...N(f), Rm: f['Rn']! })),
    alias(form`extr ${R('Rd')}, ${R('Rn')}, ${R('Rm')}, ${plain('imms')}`, () => true, {}, N),
  ],
});

// ---- registers ---------------------------------------------------------------------------------------------------------

const three: Shape = (m) => form`${m} ${R('Rd')}, ${R('Rn')}, ${R('Rm')}`;
const two: Shape = (m) => form`${m} ${R('Rd')}, ${R('Rn')}`;
const shiftOf = (kinds: readonly string[]): Operand =>
  optional([', ', names('shift', kinds, 'a shift (lsl, lsr, asr, ror)'), ' ', imm('imm6', { bits: 6 })], { shift: 0, imm6: 0 });
const anyShift = shiftOf(['lsl', 'lsr', 'asr', 'ror']);
const addShift = shiftOf(['lsl', 'lsr', 'asr']);
const logical: Shape = (m) => form`${m} ${R('Rd')}, ${R('Rn')}, ${R('Rm')}${anyShift}`;
const addShifted: Shape = (m) => form`${m} ${R('Rd')}, ${R('Rn')}, ${R('Rm')}${addShift}`;
const addsShifted = (m: string, compare: string): Form[] => [
  alias(form`${compare} ${R('Rn')}, ${R('Rm')}${addShift}`, { Rd: 31 }),
  form`${m} ${R('Rd')}, ${R('Rn')}, ${R('Rm')}${addShift}`,
];
const subShifted = (negate: string): Form => alias(form`${negate} ${R('Rd')}, ${R('Rm')}${addShift}`, { Rn: 31 });

const EXTENDS = ['uxtb', 'uxth', 'uxtw', 'uxtx', 'sxtb', 'sxth', 'sxtw', 'sxtx'];
/** The second source of an extended form, with its extension: LSL stands for the plain one where SP is involved. */
const extended = (spFields: readonly string[]): Operand => ({
  print(f) {
    const wide = f['sf'] === 1 && (f['option']! & 3) === 3;
    const reg = (wide ? X('Rm') : W('Rm')).print(f);
    const plainOption = f['sf'] ? 3 : 2;
    const n = f['imm3']!;
    if (f['option'] === plainOption && spFields.some((r) => f[r] === 31)) return n === 0 ? reg : `${reg}, lsl #${n}`;
    return `${reg}, ${EXTENDS[f['option']!]}${n === 0 ? '' : ` #${n}`}`;
  },
  parse(c, set, f) {
    const at = c.pos;
    let wide = 0;
    R('Rm', 'wide').parse(c, (k, v) => { if (k === 'wide') wide = v; else set(k, v); }, f);
    if (wide && !f['sf']) { c.pos = at; c.fail('a w register'); }
    const plainOption = f['sf'] ? 3 : 2;
    if (!c.literal(',')) {
      if (!spFields.some((r) => f[r] === 31) || wide !== f['sf']) c.fail("', ' and an extension");
      set('option', plainOption);
      set('imm3', 0);
      return;
    }
    const m = c.take(/lsl|[us]xt[bhwx]/);
    if (!m) return c.fail('an extension (uxtb ... sxtx, lsl)');
    const option = m[0].toLowerCase() === 'lsl' ? plainOption : EXTENDS.indexOf(m[0].toLowerCase());
    if (m[0].toLowerCase() === 'lsl' && !spFields.some((r) => f[r] === 31)) c.fail('an extension other than lsl');
    set('option', option);
    if (c.atEnd) set('imm3', 0);
    else imm('imm3', { bits: 3 }).parse(c, set, f);
  },
});
const addExt: Shape = (m) => form`${m} ${Rsp('Rd')}, ${Rsp('Rn')}, ${extended(['Rd', 'Rn'])}`;
const addsExt = (m: string, compare: string): Form[] => [
  alias(form`${compare} ${Rsp('Rn')}, ${extended(['Rn'])}`, { Rd: 31 }),
  form`${m} ${R('Rd')}, ${Rsp('Rn')}, ${extended(['Rn'])}`,
];
const carrying = (m: string, negate: string): Form[] => [
  alias(form`${negate} ${R('Rd')}, ${R('Rm')}`, { Rn: 31 }),
  form`${m} ${R('Rd')}, ${R('Rn')}, ${R('Rm')}`,
];
const nzcv = imm('nzcv', { bits: 4 });
const ccReg: Shape = (m) => form`${m} ${R('Rn')}, ${R('Rm')}, ${nzcv}, ${cond()}`;
const ccImm: Shape = (m) => form`${m} ${R('Rn')}, ${imm('imm5', { bits: 5 })}, ${nzcv}, ${cond()}`;
const select = (m: string, same: string, zero?: string): Form[] => {
  const real = (f: Fields) => f['cond']! < 14;
  const out: Form[] = [];
  if (zero !== undefined)
    out.push(alias(form`${zero} ${R('Rd')}, ${invertedCond()}`, (f) => f['Rn'] === 31 && f['Rm'] === 31 && real(f), { Rn: 31, Rm: 31 }));
  if (same !== '')
    out.push(alias(form`${same} ${R('Rd')}, ${R('Rn')}, ${invertedCond()}`, (f) => f['Rn'] === f['Rm'] && (zero === undefined || f['Rn'] !== 31) && real(f), {}, (f) => ({ Rm: f['Rn']! })));
  out.push(form`${m} ${R('Rd')}, ${R('Rn')}, ${R('Rm')}, ${cond()}`);
  return out;
};
const multiply = (m: string, short: string): Form[] => [
  alias(form`${short} ${R('Rd')}, ${R('Rn')}, ${R('Rm')}`, { Ra: 31 }),
  form`${m} ${R('Rd')}, ${R('Rn')}, ${R('Rm')}, ${R('Ra')}`,
];
const multiplyLong = (m: string, short: string): Form[] => [
  alias(form`${short} ${X('Rd')}, ${W('Rn')}, ${W('Rm')}`, { Ra: 31 }),
  form`${m} ${X('Rd')}, ${W('Rn')}, ${W('Rm')}, ${X('Ra')}`,
];
const high = (m: string): Form => alias(form`${m} ${X('Rd')}, ${X('Rn')}, ${X('Rm')}`, () => true, {}, (f) => ({ Ra: f['Ra'] ?? 31 }));
const crc = (m: string): Form => form`${m}${texts(['b', { sz: 0 }], ['h', { sz: 1 }], ['w', { sz: 2 }])} ${W('Rd')}, ${W('Rn')}, ${W('Rm')}`;
const pointer: Shape = (m) => form`${m} ${texts2('Rd')}, ${texts2('Rn')}, ${X('Rm')}${optional([', lsl ', imm('imm3', { bits: 3 })], { imm3: 0 })}`;
function texts2(r: string): Operand {
  return { print: (f) => Rsp(r).print({ ...f, sf: 1 }), parse: (c, set, f) => Rsp(r).parse(c, (k, v) => { if (k !== 'sf') set(k, v); }, f) };
}

export const DP_REG_SYNTAX = syntax(DP_REG, {
  UDIV: three, SDIV: three,
  LSLV: form`lsl ${R('Rd')}, ${R('Rn')}, ${R('Rm')}`, LSRV: form`lsr ${R('Rd')}, ${R('Rn')}, ${R('Rm')}`,
  ASRV: form`asr ${R('Rd')}, ${R('Rn')}, ${R('Rm')}`, RORV: form`ror ${R('Rd')}, ${R('Rn')}, ${R('Rm')}`,
  CRC32: crc('crc32'), CRC32C: crc('crc32c'),
  CRC32X: form`crc32x ${W('Rd')}, ${W('Rn')}, ${X('Rm')}`, CRC32CX: form`crc32cx ${W('Rd')}, ${W('Rn')}, ${X('Rm')}`,
  SMAX_reg: three, UMAX_reg: three, SMIN_reg: three, UMIN_reg: three,
  RBIT_int: two, REV16_int: two, REV_w: form`rev ${W('Rd')}, ${W('Rn')}`, REV_x: form`rev ${X('Rd')}, ${X('Rn')}`,
  REV32_int: form`rev32 ${X('Rd')}, ${X('Rn')}`, CLZ_int: two, CLS_int: two, CTZ: two, CNT_int: two, ABS_int: two,
  AND_shift: logical, BIC_shift: logical, EOR_shift: logical, EON_shift: logical, BICS_shift: logical,
  ORR_shift: [alias(form`mov ${R('Rd')}, ${R('Rm')}`, { Rn: 31, shift: 0, imm6: 0 }), form`orr ${R('Rd')}, ${R('Rn')}, ${R('Rm')}${anyShift}`],
  ORN_shift: [alias(form`mvn ${R('Rd')}, ${R('Rm')}${anyShift}`, { Rn: 31 }), form`orn ${R('Rd')}, ${R('Rn')}, ${R('Rm')}${anyShift}`],
  ANDS_shift: [alias(form`tst ${R('Rn')}, ${R('Rm')}${anyShift}`, { Rd: 31 }), form`ands ${R('Rd')}, ${R('Rn')}, ${R('Rm')}${anyShift}`],
  ADD_shift: addShifted, ADDS_shift: addsShifted('adds', 'cmn'),
  SUB_shift: [subShifted('neg'), form`sub ${R('Rd')}, ${R('Rn')}, ${R('Rm')}${addShift}`],
  SUBS_shift: [
    alias(form`cmp ${R('Rn')}, ${R('Rm')}${addShift}`, { Rd: 31 }),
    subShifted('negs'),
    form`subs ${R('Rd')}, ${R('Rn')}, ${R('Rm')}${addShift}`,
  ],
  ADD_ext: addExt, ADDS_ext: addsExt('adds', 'cmn'), SUB_ext: addExt, SUBS_ext: addsExt('subs', 'cmp'),
  ADC: three, ADCS: three, SBC: carrying('sbc', 'ngc'), SBCS: carrying('sbcs', 'ngcs'),
  ADDPT: pointer, SUBPT: pointer,
  RMIF: form`rmif ${X('Rn')}, ${imm('imm6', { bits: 6 })}, ${imm('mask', { bits: 4 })}`,
  SETF8: form`setf8 ${W('Rn')}`, SETF16: form`setf16 ${W('Rn')}`,
  CCMN_reg: ccReg, CCMP_reg: ccReg, CCMN_imm: ccImm, CCMP_imm: ccImm,
  CSEL: select('csel', ''), CSINC: select('csinc', 'cinc', 'cset'), CSINV: select('csinv', 'cinv', 'csetm'), CSNEG: select('csneg', 'cneg'),
  MADD: multiply('madd', 'mul'), MSUB: multiply('msub', 'mneg'), SMADDL: multiplyLong('smaddl', 'smull'),
  SMSUBL: multiplyLong('smsubl', 'smnegl'), UMADDL: multiplyLong('umaddl', 'umull'), UMSUBL: multiplyLong('umsubl', 'umnegl'),
  SMULH: high('smulh'), UMULH: high('umulh'),
  MADDPT: form`maddpt ${X('Rd')}, ${X('Rn')}, ${X('Rm')}, ${X('Ra')}`,
  MSUBPT: form`msubpt ${X('Rd')}, ${X('Rn')}, ${X('Rm')}, ${X('Ra')}`,
});
