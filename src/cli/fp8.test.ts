// `hypatia fp8`: what is written is understood or refused with the way out, what is executed is what the CPU executes, and
// the reasons say what happened.

import { describe, expect, it } from 'vitest';
import { UsageError } from '../base/assert.ts';
import { evaluate, fp8Command } from './fp8.ts';
import { parseElement, tableOf, tableText, valueFrom, valueText } from './fp8_numbers.ts';

interface Report {
  readonly instruction: string;
  readonly word: string;
  readonly feature: string;
  readonly result: {
    readonly vector: string;
    readonly elements: readonly {
      readonly bits: string;
      readonly value: string;
      readonly exact?: string;
      readonly why?: string;
    }[];
  };
  readonly fpsr: { readonly flags: readonly string[] };
  readonly notes: readonly string[];
}
const report = (...args: string[]): Report => JSON.parse(evaluate(args[0]!, args.slice(1), true)) as Report;
const values = (r: Report, n = 4): string[] => r.result.elements.slice(0, n).map((e) => e.value);
const reasons = (r: Report, n = 4): string[] => r.result.elements.slice(0, n).map((e) => e.why ?? '');
const refusal = (...args: string[]): string => {
  try {
    evaluate(args[0]!, args.slice(1), false);
  } catch (e) {
    if (e instanceof UsageError) return e.message;
    throw e;
  }
  return 'accepted';
};

describe('results', () => {
  it('multiplies and adds by the formats and the scale of FPMR', () => {
    const r = report('fdot v0.4s, v1.16b, v2.16b', 'v1=0x3c,0x40', 'v2=1.5,-2', 'fpmr=F8S1=E4M3,LSCALE=2');
    expect([r.word, r.feature]).toEqual(['0x4e02fc20', 'FEAT_FP8DOT4']);
    expect(r.result.elements[0]).toMatchObject({
      bits: '0xbee00000',
      value: '-0.4375',
      exact: '-7 * 2^-4',
      why: 'exact',
    });
    expect(report('fdot v0.4s, v1.16b, v2.16b', 'v1=0x3c,0x40', 'v2=1.5,-2', 'fpmr=0x20001')).toEqual(r);
  });
  it('explains products by element, matrices and both halves', () => {
    const all = (line: string, ...more: string[]): string[] =>
      reasons(
        report(
          line,
          'v1=1,2,3,4,5,6,7,8,1,2,3,4,5,6,7,8',
          'v2=1,2,3,4,5,6,7,8,8,7,6,5,4,3,2,1',
          'fpmr=F8S1=E4M3,F8S2=E4M3',
          ...more,
        ),
        8,
      );
    const lines = [
      'fdot v0.8h, v1.16b, v2.2b[5]', 'fdot v0.4s, v1.16b, v2.4b[3]', 'fdot v0.4h, v1.8b, v2.8b', 'fmlalt v0.8h, v1.16b, v2.b[9]',
      'fmlallbt v0.4s, v1.16b, v2.b[14]', 'fmlalltb v0.4s, v1.16b, v2.16b', 'fmmla v0.4s, v1.16b, v2.16b', 'fmmla v0.8h, v1.16b, v2.16b',
    ]; // biome-ignore format: a table
    // Whatever the explanation takes the exact result from has to be what the instruction used.
    for (const line of lines) expect([line, ...new Set(all(line))]).toEqual([line, 'exact']);
  });
  it('widens and narrows', () => {
    const wide = report('f2cvtl2 v0.8h, v1.16b', 'v1=0*8,1.5,inf,nan', 'fpmr=LSCALE2=1');
    expect(values(wide)).toEqual(['0.75', 'infinity', 'NaN', '0']);
    const narrow = report(
      'fcvtn2 v0.16b, v1.4s, v2.4s',
      'v0=1,2,3',
      'v1=3,0.1',
      'v2=-448,1000',
      'fpmr=F8D=E4M3,NSCALE=-1',
    );
    expect(values(narrow, 3)).toEqual(['1', '2', '3']);
    expect(narrow.result.elements.slice(8, 16).map((e) => e.value)).toEqual([
      '1.5',
      '0.05078125',
      '0',
      '0',
      '-224',
      'signalling NaN',
      '0',
      '0',
    ]);
    expect(reasons(narrow, 16)[0]).toBe('kept');
    expect(reasons(narrow, 16)[13]).toBe(
      'overflowed: exactly 500 is beyond 448, and OSC = 0 gives signalling NaN, as E4M3 has no infinity',
    );
    expect(narrow.fpsr.flags).toEqual(['IXC', 'OFC']);
  });
  it('does the neighbours', () => {
    expect(values(report('famin v0.2d, v1.2d, v2.2d', 'v1=-3,nan', 'v2=2'), 2)).toEqual(['2', 'NaN']);
    expect(values(report('fscale v0.4h, v1.4h, v2.4h', 'v1=1.5,1,inf', 'v2=3,-300,4'))).toEqual([
      '12',
      '0',
      'infinity',
      '0',
    ]);
    expect(values(report('luti4 v0.8h, { v1.8h, v2.8h }, v3[1]', 'v1=1,2,3', 'v2=0x8000', 'v3=0*4,0x80,0x21'))).toEqual(
      ['1', '32768', '2', '3'],
    );
  });
});

describe('reasons', () => {
  const one = (...args: string[]): string => reasons(report('fmlalb v0.8h, v1.16b, v2.16b', ...args), 1)[0]!;
  it.each([
    [
      'saturated: exactly 3288399840 is beyond 65504, and OSM = 1 gives the largest number',
      ['v0=max', 'v1=max', 'v2=max', 'fpmr=OSM'],
    ],
    ['overflowed: exactly 3288399840 is beyond 65504, and OSM = 0 gives infinity', ['v0=max', 'v1=max', 'v2=max']],
    ['NaN: Rn[0] = 0 times Rm[0] = infinity', ['v2=inf']],
    ['NaN: Rn[0] = NaN times Rm[0] = 0', ['v1=nan']],
    ['NaN: infinities of both signs are added', ['v0=-inf', 'v1=inf', 'v2=1']],
    ['NaN: the addend is one (every NaN result is the default NaN)', ['v0=nan']],
    ['NaN: F8S1 = 5 names no format', ['fpmr=F8S1=5']],
    ['infinity: Rn[0] = -infinity times Rm[0] = 1', ['v1=-inf', 'v2=1']],
    ['rounded: exactly 16777217 * 2^-24 = 1.0000000596046448', ['v0=1', 'v1=0x04', 'v2=0x1c', 'fpmr=LSCALE=2']],
  ])('%s', (text, args) => {
    expect(one(...args)).toBe(text);
  });
  it('of conversions to eight bits', () => {
    const r = report('fcvtn v0.8b, v1.4h, v2.4h', 'v1=500,inf,0.0001,nan', 'fpmr=F8D=E4M3,OSC=1');
    expect(reasons(r)).toEqual([
      'saturated: exactly 500 is beyond 448, and OSC = 1 gives the largest number',
      'saturated: infinity, and OSC = 1 gives the largest number',
      'rounded to zero: exactly 839 * 2^-23 = 0.00010001659393310547',
      'NaN of the source',
    ]);
    expect(r.notes).toEqual(['v1: 0.0001 is not in half: the nearest is 0.00010001659393310547']);
  });
});

describe('refusals say the way out', () => {
  it.each([
    ['fdott v0.4s, v1.16b, v2.16b', /unknown instruction 'fdott'; did you mean fdot\?/],
    ['fdot v0.4s, v1.16b', /expected/],
    ['add x0, x1, x2', /'add' is not an instruction of this workbench/],
  ])('%s', (line, message) => {
    expect(refusal(line)).toMatch(message);
  });
  it.each([
    ['v3=1', /reads v1, v2, v0, fpmr and fpcr/],
    ['fpm=1', /did you mean fpmr or fpcr/],
    ['fpmr=LSCAL=2', /FPMR has no field 'LSCAL'; did you mean LSCALE/],
    ['fpmr=F8S1=E3M4', /FPMR\.F8S1=E3M4: give E5M2, E4M3 or a number from 0 to 7/],
    ['fpmr=LSCALE=128', /a number from 0 to 127/],
    ['fpmr=NSCALE=-129', /a number from -128 to 255/],
    ['v1=0x100', /v1\[0\]: 0x100 has more than the 8 bits/],
    ['v1=1*17', /17 elements, but the vector has room for 16/],
    ['v1=1,x', /v1\[1\]: 'x' is no element: give a number/],
    ['v1=1e9', /1e9 is beyond E5M2, whose largest number is 57344/],
    ['nonsense', /give vN=ELEMENT,\.\.\., fpmr=\.\.\. or fpcr=\.\.\./],
  ])('%s', (assignment, message) => {
    expect(refusal('fdot v0.4s, v1.16b, v2.16b', assignment)).toMatch(message);
  });
  it('twice, infinities of E4M3, numbers without a format, no instruction, wrong tables', () => {
    const line = 'fdot v0.4s, v1.16b, v2.16b';
    expect(refusal(line, 'v1=1', 'v1=2')).toMatch(/v1 is given twice/);
    expect(refusal(line, 'v1=inf', 'fpmr=F8S1=E4M3')).toMatch(/E4M3 has no infinity/);
    expect(refusal(line, 'v1=1', 'fpmr=F8S1=2')).toMatch(/FPMR names no format for this register; give bit patterns/);
    expect(() => fp8Command([])).toThrow(/give an instruction/);
    expect(() => fp8Command(['--table', 'E3M4'])).toThrow(/give E5M2 or E4M3/);
    expect(() => fp8Command(['--tabel', 'E4M3'])).toThrow(/unknown option '--tabel'/);
  });
});

describe('formats', () => {
  it('read back what they print', () => {
    for (const format of ['E5M2', 'E4M3'] as const) {
      for (const v of tableOf(format).values) {
        if (!v.exact) continue;
        const silent = (): void => expect.unreachable();
        expect([format, parseElement(valueText(v), format, 8, silent)]).toEqual([format, v.bits]);
      }
    }
  });
  it('have tables', () => {
    expect(tableText(tableOf('E4M3'))).toContain('normal numbers 0.015625 to 448; no infinity');
    expect(tableText(tableOf('E5M2'))).toContain('denormal numbers 0.0000152587890625 to');
    expect(valueText(valueFrom('E5M2', 0x7cn, 8))).toBe('infinity');
  });
});
