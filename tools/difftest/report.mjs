// What to do with a difference: make the block as small as it can be while it still differs, and print it as a case
// that a test can run (test/cases/a64/NNNN.s).

import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { disassemble } from '../../dist/asm/a64.js';
import { endText, registers } from './case_text.mjs';
import { codeAddress, differences } from './state.mjs';

const NOP = 0xd503201f;
const CASES = join(dirname(fileURLToPath(import.meta.url)), '../../test/cases/a64');

/**
 * @param compare what two runs of a block differ in
 * @returns the smallest block found that still differs, or undefined if it does not differ when run alone
 */
export function shrink(block, compare) {
  let best = { ...block, words: [...block.words] };
  const differs = (b) => compare(b).length > 0;
  if (!differs(best)) return undefined;
  // Cut the tail, then blank unit by unit, then clear what the block does not need.
  const units = [...new Set([...(block.units ?? block.words.keys()), block.words.length])];
  for (const length of units) {
    const shorter = { ...best, words: best.words.slice(0, length) };
    if (length > 0 && differs(shorter)) {
      best = shorter;
      break;
    }
  }
  for (let u = 0; u + 1 < units.length; u++) {
    const words = best.words.map((w, i) => (i >= units[u] && i < units[u + 1] ? NOP : w));
    if (differs({ ...best, words })) best = { ...best, words };
  }
  const dense = { ...best, words: best.words.filter((w) => w !== NOP) };
  if (differs(dense)) best = dense;
  const { state } = best;
  const attempt = (change) => {
    const next = { ...best.state, x: [...best.state.x], v: [...best.state.v] };
    change(next);
    if (differs({ ...best, state: next })) best = { ...best, state: next };
  };
  attempt((s) => s.v.fill(0n));
  attempt((s) => s.x.fill(0n));
  for (let i = 0; i < 31; i++) if (best.state.x[i] !== 0n) attempt((s) => (s.x[i] = 0n));
  for (let i = 0; i < 32; i++) if (best.state.v[i] !== 0n) attempt((s) => (s.v[i] = 0n));
  if (state.fpmr !== 0n) attempt((s) => (s.fpmr = 0n));
  for (const k of ['nzcv', 'fpcr', 'fpsr']) if (state[k] !== 0) attempt((s) => (s[k] = 0));
  return best;
}

/** Text of a case: initial state, instructions, what the other CPU left. */
export function caseText(block, end, title) {
  const pc = codeAddress(block.index);
  const lines = block.words.map((w, i) => {
    const text = disassemble(w, { pc: pc + BigInt(i * 4) });
    return `        .inst   0x${w.toString(16).padStart(8, '0')}              // ${text}`;
  });
  const head = [
    `// ${title}`,
    `// at  0x${pc.toString(16)}`,
    `// in  ${registers(block.state)}`,
    `// out ${endText(end, block.state)}`,
  ];
  return [...head, ...lines, ''].join('\n');
}

function nextNumber() {
  mkdirSync(CASES, { recursive: true });
  const last = readdirSync(CASES)
    .map((f) => Number(/^(\d{4})\.s$/.exec(f)?.[1] ?? 0))
    .reduce((a, b) => Math.max(a, b), 0);
  return String(last + 1).padStart(4, '0');
}

let printed = 0;
/**
 * Prints a differing block, made small.
 * @param engines names of the two sides, and how to run a block on each
 */
export function reportDifference({ block, differ, names, run, write, verbose }) {
  const both = (b) => {
    const [left, right] = run(b);
    return left && right ? differences(left, right, names.exact) : ['one side died or hung'];
  };
  const title = `${names.left} / ${names.right}`;
  if (verbose) process.stdout.write(`\n${caseText(block, block.end, `as drawn: ${title}: ${differ.join('; ')}`)}`);
  const small = shrink(block, both);
  if (!small) {
    process.stdout.write(`\ndiffers only after the blocks before it: ${title}: ${differ.join('; ')}\n`);
    process.stdout.write(block.words.map((w) => `        ${disassemble(w)}\n`).join(''));
    return;
  }
  const [left, right] = run(small);
  const number = String(Number(nextNumber()) + (write ? 0 : printed++)).padStart(4, '0');
  const text = caseText(small, right ?? left, `${number}: ${title}: ${both(small).slice(0, 6).join('; ')}`);
  process.stdout.write(`\n${text}`);
  if (write) writeFileSync(join(CASES, `${number}.s`), text);
}
