// Recorded answers of another implementation (golden/a64/*.txt; tools/difftest/record.mjs asks again) for every
// specialisation of integer, memory, branch and system instructions, and the numbered cases that random tests found
// (test/cases/a64/*.s), on the reference evaluator.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Decoder } from '../cpu/decode.ts';
import { FPCR } from '../cpu/fp/context.ts';
import { SCALAR_HELPERS } from '../cpu/helpers.ts';
import { resetPauth } from '../cpu/pauth.ts';
import { branches } from './branches.ts';
import { dpImm } from './dp_imm.ts';
import { dpReg } from './dp_reg.ts';
import { collectRows } from './handlers.ts';
import { ldst } from './ldst.ts';
import { ldstAtomic } from './ldst_atomic.ts';
import { ldstExclusive } from './ldst_exclusive.ts';
import { ldstFp } from './ldst_fp.ts';
import { mops } from './mops.ts';
import { pauth } from './pauth.ts';
import type { Group } from './semantics.ts';
import { system } from './system.ts';
import { type Outcome, runEntry, type TestHelpers, type TestState, testState } from './testing.ts';

const GROUPS: Readonly<Record<string, Group>> = {
  dp_imm: dpImm,
  dp_reg: dpReg,
  branches,
  system,
  pauth,
  ldst,
  ldst_fp: ldstFp,
  ldst_exclusive: ldstExclusive,
  ldst_atomic: ldstAtomic,
  mops,
};
/** Rows that the other implementation cannot be asked about; tools/difftest/rows.mjs says why. */
const UNRECORDED = new Set('SVC MSR_imm SYSL SEV SYS PACGA UDF HLT HVC SMC BRK ERET ERETA DRPS'.split(' '));
const UNKNOWN_THERE = new Set(['FEAT_LRCPC3', 'FEAT_CPA', 'FEAT_LSFE', 'FEAT_LSUI', 'FEAT_PAuth_LR']);

const golden = new URL('../../golden/a64/', import.meta.url);
const numbered = new URL('../../test/cases/a64/', import.meta.url);

// ---- the machine of the cases (tools/difftest/state.mjs) --------------------------------------------------------------

const CODE_BASE = 0x1_0000_0000n;
const BLOCK_WORDS = 64;
const WINDOW_BASE = 0x2_0000_0000n;
const WINDOW_BYTES = 16384;
const END = 0xd43a5a40;
const WINDOW = new Uint8Array(
  Uint32Array.from({ length: WINDOW_BYTES / 4 }, (_, i) => (i % 8 === 0 ? i : Math.imul(i, 0x9e3779b1))).buffer,
);

/** The signal that Linux makes of an exception. */
function signalOf(ec: number, iss: number): string {
  if (ec === 0 || ec === 0x1c) return 'SIGILL';
  if (ec === 0x3c) return 'SIGTRAP';
  if (ec === 0x22 || ec === 0x26) return 'SIGBUS:1';
  return (iss & 63) === 0x21 ? 'SIGBUS:1' : 'SIGSEGV';
}

const rows = collectRows(Object.values(GROUPS));
const decoder = new Decoder(rows, () => true);
// As a user process of Linux has it: all keys enabled, tags ignored in the lower range.
const context = { fpcr: 0, fpsr: 0, fpmr: 0n, pauth: { ...resetPauth(), enabled: 15, tbiData: 1, tbiInstruction: 1 } };
const helpers: TestHelpers = {
  helper: (name, args) =>
    (SCALAR_HELPERS[name as keyof typeof SCALAR_HELPERS] as (...a: unknown[]) => number | bigint)(context, ...args),
  // The only register that is written by asking.
  writeSysreg: (_enc, value) => {
    current!.slots['FPCR'] = value & FPCR_BITS;
  },
};
const FPCR_BITS = BigInt(Object.values(FPCR).reduce((a, b) => a | b, 0));
let current: TestState | undefined;

interface Case {
  readonly title: string;
  readonly words: readonly number[];
  readonly start: string;
  readonly end: string;
  readonly base: bigint;
}

function startOf(c: Case): TestState {
  const s = testState({ sp: 0n, pc: c.base, memoryBase: WINDOW_BASE, memory: WINDOW.slice(), slots: { SP_MASK: 0n } });
  for (const [, name, value] of c.start.matchAll(/([a-z]+\d*)=(0x[0-9a-f]+)/g)) {
    const register = /^([xv])(\d+)$/.exec(name!);
    const v = BigInt(value!);
    if (register) s[register[1] as 'x' | 'v'][Number(register[2])] = v;
    else if (name === 'sp') s.sp = v;
    else if (name === 'nzcv') s.nzcv = Number(v);
    else s.slots[name!.toUpperCase()] = v;
  }
  return s;
}

/** Runs to the end of the block. @returns how it ended and what changed, as the case has it */
function run(c: Case): string {
  const s = startOf(c);
  current = s;
  const before = { ...s, x: [...s.x], v: [...s.v], slots: { ...s.slots } };
  const code = new Uint8Array(Uint32Array.from({ length: BLOCK_WORDS }, (_, i) => c.words[i] ?? END).buffer);
  const offset = (): number => Number(s.pc - c.base);
  let stop: Outcome | undefined;
  for (let steps = 0; !stop; steps++) {
    if (steps > 5000) throw new Error('no end');
    const word = c.words[offset() / 4] ?? END;
    if (word === END) break;
    const hit = decoder.decode(word);
    if (!hit) {
      stop = { kind: 'exception', ec: 0, iss: 0, past: false };
      break;
    }
    const literal = /_lit/.test(hit.entry.name);
    const { memory } = s;
    if (literal) Object.assign(s, { memory: code, memoryBase: c.base });
    const outcome = runEntry(hit.entry, word, s, helpers);
    if (literal) Object.assign(s, { memory, memoryBase: WINDOW_BASE });
    if (outcome.kind === 'exception') stop = outcome;
  }
  const how = stop?.kind === 'exception' ? signalOf(stop.ec, stop.iss) : 'end';
  const parts = [`${how} +${offset()}`];
  const hex = (v: bigint | number): string => `0x${v.toString(16)}`;
  if (how === 'SIGSEGV' && stop?.kind === 'exception') parts.push(`addr=${hex(stop.far ?? 0n)}`);
  const note = (name: string, was: bigint | number, is: bigint | number): void => {
    if (was !== is) parts.push(`${name}=${hex(is)}`);
  };
  for (const [i, v] of s.x.entries()) note(`x${i}`, before.x[i]!, v);
  note('sp', before.sp, s.sp);
  note('nzcv', before.nzcv, s.nzcv);
  for (const k of ['FPCR', 'FPSR']) note(k.toLowerCase(), before.slots[k] ?? 0n, s.slots[k] ?? 0n);
  for (const [i, v] of s.v.entries()) note(`v${i}`, before.v[i]!, v);
  const [old, now] = [new BigUint64Array(WINDOW.buffer), new BigUint64Array(s.memory.buffer)];
  for (const [i, v] of now.entries()) if (v !== old[i]) parts.push(`[${hex(i * 8)}]=${hex(v)}`);
  return parts.join(' ');
}

/** Of addresses outside the translated range the other implementation says nothing. */
const comparable = (text: string): string => text.replace(/addr=(0x0\b|0x[0-9a-f]{13,})/, 'addr=?');

const wordsOf = (text: string): number[] => text.split(',').map((w) => Number.parseInt(w, 16));

describe('recorded answers', () => {
  for (const [name, group] of Object.entries(GROUPS)) {
    const cases = readFileSync(new URL(`${name}.txt`, golden), 'utf8')
      .split('\n')
      .filter((l) => l !== '' && !l.startsWith('#'))
      .map((line, n): Case => {
        const [words, start, end] = line.split('|').map((t) => t.trim()) as [string, string, string];
        return { title: line, words: wordsOf(words), start, end, base: CODE_BASE + BigInt(n * BLOCK_WORDS * 4) };
      });
    it(`${name}: ${cases.length} cases`, () => {
      for (const c of cases) expect(comparable(run(c)), c.title).toBe(comparable(c.end));
    });
    it(`${name}: every row is met`, () => {
      const met = new Set(cases.flatMap((c) => c.words.map((w) => decoder.decode(w)?.entry.name)));
      const missing = rows.filter(
        (r) =>
          r.semantic &&
          r.name in group.rows &&
          !met.has(r.name) &&
          !UNRECORDED.has(r.name) &&
          !UNKNOWN_THERE.has(r.row.feat ?? ''),
      );
      expect(missing.map((r) => r.name)).toEqual([]);
    });
  }
});

describe('numbered cases', () => {
  const files = existsSync(numbered) ? readdirSync(numbered).filter((f) => f.endsWith('.s')) : [];
  it.each(files.length > 0 ? files : ['none yet'])('%s', (file) => {
    if (files.length === 0) return;
    const text = readFileSync(new URL(file, numbered), 'utf8');
    const line = (key: string): string => new RegExp(`^// ${key} +(.*)$`, 'm').exec(text)?.[1]?.trim() ?? '';
    const c: Case = {
      title: /^\/\/ (.*)/.exec(text)?.[1] ?? file,
      words: [...text.matchAll(/^\s+\.inst\s+0x([0-9a-f]+)/gm)].map((m) => Number.parseInt(m[1]!, 16)),
      start: line('in'),
      end: line('out'),
      base: BigInt(line('at')),
    };
    expect(comparable(run(c)), c.title).toBe(comparable(c.end));
  });
});
