import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { assembleLine, disassemble, identify } from './a64.ts';
import { decodeBitMasks, encodeBitMask } from './bitmask.ts';
import { writeElf } from './elf.ts';
import { Mismatch } from './form.ts';
import { AsmError, assembleProgram } from './program.ts';

const golden = readFileSync(new URL('../../golden/asm/llvm-mc-19.txt', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((l) => ({ word: Number.parseInt(l.slice(0, 8), 16), text: l.slice(9) }));
const normal = (t: string) =>
  t
    .toLowerCase()
    .replace(/\s*,\s*/g, ', ')
    .replace(/0x0+(?=[0-9a-f])/g, '0x')
    .replace(/#0{2,}$/, '#0x0');

describe('assembler and disassembler against llvm-mc 19', () => {
  it('has a golden line for nearly every row', () => {
    const rows = new Set(golden.map((g) => identify(g.word)?.name));
    expect(rows.size).toBeGreaterThan(1000);
  });
  it('writes what llvm-mc writes', () => {
    const wrong = golden
      .filter((g) => normal(disassemble(g.word)) !== g.text)
      .map((g) => [g.text, disassemble(g.word)]);
    expect(wrong).toEqual([]);
  });
  it('reads what llvm-mc writes', () => {
    const wrong: string[] = [];
    for (const g of golden) {
      const w = assembleLine(g.text);
      if (w !== g.word && normal(disassemble(w)) !== g.text) wrong.push(`${g.text} -> ${w.toString(16)}`);
    }
    expect(wrong).toEqual([]);
  });
});

// Words of FEAT_LSUI and FEAT_LSFE as newer versions of LLVM have them: 19 does not know these yet.
describe('the 2024 extensions by name', () => {
  it.each([
    ['casalt x0, x1, [x2]', 0xc9c0fc41],
    ['caslt x0, x1, [sp]', 0xc980ffe1],
    ['caspt x0, x1, x2, x3, [x4]', 0x49807c82],
    ['caspat x0, x1, x2, x3, [sp]', 0x49c07fe2],
    ['casplt x0, x1, x2, x3, [x4]', 0x4980fc82],
    ['swpta w7, wzr, [x5]', 0x19a784bf],
    ['swptl x9, xzr, [sp]', 0x596987ff],
    ['sttadd w7, [x5]', 0x192704bf],
    ['sttaddl x9, [sp]', 0x596907ff],
    ['ldtaddal w7, wzr, [x5]', 0x19e704bf],
    ['sttclr x9, [sp]', 0x592917ff],
    ['ldtclra x9, xzr, [sp]', 0x59a917ff],
    ['sttsetl w7, [x5]', 0x196734bf],
    ['ldtsetal x9, xzr, [sp]', 0x59e937ff],
    ['ldtnp x22, x23, [x3, #-512]', 0xe8605c76],
    ['ldtnp q23, q29, [x1, #-1024]', 0xec607437],
    ['sttnp q17, q19, [sp, #1008]', 0xec1fcff1],
    ['sttp q3, q5, [sp]', 0xed0017e3],
    ['sttp x3, x5, [sp, #8]!', 0xe98097e3],
    ['ldbfmaxnmal h0, h1, [x2]', 0x3ce06041],
    ['ldbfmaxnma h2, h3, [sp]', 0x3ca263e3],
    ['ldfadd h23, h15, [x21]', 0x7c3702af],
    ['ldfmax h23, h15, [x21]', 0x7c3742af],
  ])('%s', (text, word) => {
    expect(assembleLine(text)).toBe(word);
    expect(normal(disassemble(word))).toBe(text);
  });
});

describe('the 2023 extensions by name', () => {
  it.each([
    ['mrs x0, FPMR', 0xd53b4440],
    ['msr FPMR, x1', 0xd51b4441],
    ['mrs x3, ID_AA64PFR2_EL1', 0xd5380443],
    ['mrs x3, ID_AA64FPFR0_EL1', 0xd53804e3],
    ['mrs x3, ID_AA64ISAR3_EL1', 0xd5380663],
    ['msr SCTLR2_EL1, x9', 0xd5181069],
    ['famax v0.4s, v1.4s, v2.4s', 0x4ea2dc20],
    ['luti2 v0.16b, { v1.16b }, v2[1]', 0x4e823020],
    ['f1cvtl v0.8h, v1.8b', 0x2e217820],
    ['fdot v0.4s, v1.16b, v2.16b', 0x4e02fc20],
    ['fscale v0.4s, v1.4s, v2.4s', 0x6ea2fc20],
    ['addpt x0, x1, x2', 0x9a022020],
    ['cpyfp [x0]!, [x1]!, x2!', 0x19010440],
  ])('%s', (text, word) => {
    expect(assembleLine(text)).toBe(word);
    expect(normal(disassemble(word))).toBe(normal(text));
  });
});

describe('refusals name what is wrong', () => {
  it.each([
    ['add x0, x1, #4097', /12 bits/],
    ['add x0, w1, x2', /register/],
    ['ldr x0, [x1, #3]', /./],
    ['mov x0, #0x123456789', /cannot be encoded|./],
    ['frobnicate x0', /unknown instruction 'frobnicate'/],
    ['and x0, x1, #0', /cannot be encoded/],
    ['ldr x99, [x0]', /numbered 0 to 30/],
    ['ldadd x1, x2, [x3], #8', /end of the line/],
  ])('%s', (line, message) => {
    expect(() => assembleLine(line)).toThrow(Mismatch);
    expect(() => assembleLine(line)).toThrow(message);
  });
  it('collects every bad line of a program with its number', () => {
    const source = 'nop\nbogus\n mov x0, #1\n b nowhere\n .what 3\n';
    expect(() => assembleProgram(source, { file: 'a.s' })).toThrow(AsmError);
    try {
      assembleProgram(source, { file: 'a.s' });
    } catch (e) {
      expect(String(e)).toMatch(/a\.s:2: unknown instruction 'bogus'/);
      expect(String(e)).toMatch(/a\.s:4: .*'nowhere' is not defined/);
      expect(String(e)).toMatch(/a\.s:5: unknown directive '\.what'/);
    }
  });
});

describe('logical immediates', () => {
  it('encode and decode are each other’s inverse for every pattern', () => {
    let count = 0;
    for (const width of [32, 64])
      for (let N = 0; N < (width === 64 ? 2 : 1); N++)
        for (let imms = 0; imms < 64; imms++)
          for (let immr = 0; immr < 64; immr++) {
            const v = decodeBitMasks(N, imms, immr, width);
            if (v === undefined) continue;
            const e = encodeBitMask(v, width);
            expect(e && decodeBitMasks(e['N']!, e['imms']!, e['immr']!, width)).toBe(v);
            count++;
          }
    expect(count).toBeGreaterThan(5000);
  });
});

describe('programs', () => {
  it('resolves labels, numeric labels, literals and data', () => {
    const p = assembleProgram(
      `        .equ  ANSWER, 40 + 2
_start: ldr   x0, =0x123456789abcdef0
1:      cbz   x0, 2f
        b     1b
2:      adr   x1, text
        ret
text:   .asciz "hi\\n"
        .balign 8
        .quad _start, ANSWER
        .data
cell:   .word 7`,
      { base: 0x1000n },
    );
    expect(p.entry).toBe(0x1000n);
    expect(p.symbols.get('cell')).toBe(0x2000n);
    const text = p.sections[0]!.bytes;
    const view = new DataView(text.buffer, text.byteOffset, text.byteLength);
    expect(disassemble(view.getUint32(0, true), { pc: 0x1000n })).toMatch(/^ldr x0, 0x10/);
    expect(disassemble(view.getUint32(4, true), { pc: 0x1004n })).toBe('cbz x0, 0x100c');
    expect(view.getBigUint64(32, true)).toBe(42n);
    expect(text.length).toBe(48);
    const elf = writeElf(p);
    expect([...elf.subarray(0, 4)]).toEqual([0x7f, 0x45, 0x4c, 0x46]);
  });
  it('assembles the example program', () => {
    const source = readFileSync(new URL('../../examples/dpisa2023.s', import.meta.url), 'utf8');
    const p = assembleProgram(source, { base: 0x401000n });
    expect(p.sections.map((s) => s.name)).toEqual(['.text', '.data']);
    expect(p.symbols.size).toBeGreaterThan(50);
  });
});
