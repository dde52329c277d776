// Recorded answers of another implementation (golden/fp/*.json): each instruction over operands near every boundary, in
// every rounding mode and flushing mode. A case reads `FPCR operands = result | FPSR`, hexadecimal; operands are those
// of Vn, Vm and the addend, comparisons give NZCV, and FJCVTZS gives its result and NZCV.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Fmt, FpContext, FpRounding } from './softfloat.ts';
import * as fp from './softfloat.ts';

interface Golden {
  readonly operations: readonly { readonly insn: string; readonly cases: readonly string[] }[];
}
type Operation = (cx: FpContext, a: bigint, b: bigint, c: bigint) => bigint | string;

const formats: Record<string, Fmt> = { h: 16, s: 32, d: 64 };
const roundings: Record<string, FpRounding | undefined> = {
  n: 'tieeven', p: 'plusinf', m: 'minusinf', z: 'zero', a: 'tieaway', x: undefined, i: undefined,
}; // biome-ignore format: a table
const binaries: Record<string, (cx: FpContext, fmt: Fmt, a: bigint, b: bigint) => bigint> = {
  fadd: fp.fpAdd,
  fsub: fp.fpSub,
  fmul: fp.fpMul,
  fdiv: fp.fpDiv,
  fmax: fp.fpMax,
  fmin: fp.fpMin,
  fmaxnm: fp.fpMaxNum,
  fminnm: fp.fpMinNum,
  fmulx: fp.fpMulX,
  frecps: fp.fpRecipStepFused,
  frsqrts: fp.fpRSqrtStepFused,
  fnmul: (cx, fmt, a, b) => fp.fpNeg(cx, fmt, fp.fpMul(cx, fmt, a, b)),
  fabd: (cx, fmt, a, b) => fp.fpAbs(cx, fmt, fp.fpSub(cx, fmt, a, b)),
  fcmeq: (cx, fmt, a, b) => mask(fmt, fp.fpCompareEQ(cx, fmt, a, b)),
  fcmge: (cx, fmt, a, b) => mask(fmt, fp.fpCompareGE(cx, fmt, a, b)),
  fcmgt: (cx, fmt, a, b) => mask(fmt, fp.fpCompareGT(cx, fmt, a, b)),
  facge: (cx, fmt, a, b) => mask(fmt, fp.fpCompareGE(cx, fmt, fp.fpAbs(cx, fmt, a), fp.fpAbs(cx, fmt, b))),
  fcmp: (cx, fmt, a, b) => BigInt(fp.fpCompare(cx, fmt, a, b, false)),
  fcmpe: (cx, fmt, a, b) => BigInt(fp.fpCompare(cx, fmt, a, b, true)),
};
const unaries: Record<string, (cx: FpContext, fmt: Fmt, a: bigint) => bigint> = {
  fsqrt: fp.fpSqrt,
  frecpe: fp.fpRecipEstimate,
  frsqrte: fp.fpRSqrtEstimate,
  frecpx: fp.fpRecpX,
  fneg: fp.fpNeg,
  fabs: fp.fpAbs,
};
/** Addend negated, factor negated. */
const multiplyAdds: Record<string, readonly [boolean, boolean]> = {
  fmadd: [false, false],
  fmsub: [false, true],
  fnmadd: [true, true],
  fnmsub: [true, false],
};
const special: Record<string, Operation> = {
  fcvtxn: (cx, a) => fp.fpConvert(cx, 64, 32, a, 'odd'),
  fjcvtzs: (cx, a) => {
    const { value, z } = fp.fpToFixedJS(cx, a);
    return `${value.toString(16)} ${z ? 4 : 0}`;
  },
  fmlal: (cx, a, b, c) => fp.fpMulAddH(cx, c, a, b),
  bfcvt: fp.fpConvertBF,
  bfmlalb: (cx, a, b, c) => fp.bfMulAddH(cx, c, a, b),
  bfdot: (cx, a, b, c) => fp.bfDotAdd(cx, c, a & 0xffffn, a >> 16n, b & 0xffffn, b >> 16n),
  bfmmla: (cx, a, b, c) => fp.bfMatMulAdd(cx, c, a, b),
};

function mask(fmt: Fmt, holds: boolean): bigint {
  return holds ? (1n << BigInt(fmt)) - 1n : 0n;
}

/** The function that an instruction, written as assembly, stands for. */
function operationOf(insn: string): Operation {
  const [mnemonic = '', ...operands] = insn.split(/[ ,]+/);
  const kinds = operands.map((x) => x.charAt(0));
  const fixed = operands.find((x) => x.startsWith('#'));
  const fbits = fixed ? Number(fixed.slice(1)) : 0;
  const [to = '', from = ''] = kinds;
  const fmt = formats[from === 'w' || from === 'x' ? to : from] as Fmt;
  if (special[mnemonic]) return special[mnemonic];
  const binary = binaries[mnemonic];
  if (binary) return (cx, a, b) => binary(cx, formats[to] as Fmt, a, b);
  const unary = unaries[mnemonic];
  if (unary) return (cx, a) => unary(cx, fmt, a);
  const signs = multiplyAdds[mnemonic];
  if (signs) {
    const negate = (cx: FpContext, on: boolean, x: bigint) => (on ? fp.fpNeg(cx, fmt, x) : x);
    return (cx, a, b, c) => fp.fpMulAdd(cx, fmt, negate(cx, signs[0], c), negate(cx, signs[1], a), b);
  }
  if (mnemonic === 'fcvt') return (cx, a) => fp.fpConvert(cx, formats[from] as Fmt, formats[to] as Fmt, a);
  const toInteger = /^fcvt([npmza])([su])$/.exec(mnemonic);
  if (toInteger) {
    const bits = to === 'x' ? 64 : to === 'w' ? 32 : 16;
    const rounding = roundings[toInteger[1] as string] as FpRounding;
    return (cx, a) => fp.fpToFixed(cx, fmt, a, bits, toInteger[2] === 's', rounding, fbits);
  }
  const fromInteger = /^([su])cvtf$/.exec(mnemonic);
  if (fromInteger) {
    const bits = from === 'x' ? 64 : from === 'w' ? 32 : 16;
    return (cx, a) => fp.fixedToFp(cx, fmt, a, bits, fromInteger[1] === 's', fbits);
  }
  const sized = /^frint(32|64)([zx])$/.exec(mnemonic);
  if (sized) {
    const bits = sized[1] === '32' ? 32 : 64;
    return (cx, a) =>
      fp.fpRoundIntN(cx, fmt as 32 | 64, a, roundings[sized[2] as string] ?? fp.fpRoundingMode(cx.fpcr), bits);
  }
  const integral = /^frint([npmzaxi])$/.exec(mnemonic);
  if (integral) {
    const letter = integral[1] as string;
    return (cx, a) => fp.fpRoundInt(cx, fmt, a, roundings[letter] ?? fp.fpRoundingMode(cx.fpcr), letter === 'x');
  }
  throw new Error(`golden/fp: no operation for ${insn}`);
}

describe.each(['half', 'single', 'double', 'bfloat16'])('%s', (name) => {
  const path = new URL(`../../../golden/fp/${name}.json`, import.meta.url);
  const { operations } = JSON.parse(readFileSync(path, 'utf8')) as Golden;
  test.each(operations.map(({ insn, cases }) => ({ insn, cases })))('$insn', ({ insn, cases }) => {
    const operation = operationOf(insn);
    const answer = (line: string): string => {
      const [question = ''] = line.split(' = ');
      const [fpcr = 0n, a = 0n, b = 0n, c = 0n] = question.split(' ').map((x) => BigInt(`0x${x}`));
      const cx: FpContext = { fpcr: Number(fpcr), fpsr: 0, rpres: true };
      const result = operation(cx, a, b, c);
      return `${question} = ${typeof result === 'string' ? result : result.toString(16)} | ${cx.fpsr.toString(16)}`;
    };
    expect(cases.map(answer)).toEqual(cases);
  });
});
