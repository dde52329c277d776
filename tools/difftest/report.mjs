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

function compare(block, reference, qemu) {
  const [theirs] = qemu.run([block]);
  const { end } = reference.run(block);
  return theirs ? differences(end, theirs) : ['the emulator died or hung'];
}

/** @returns the smallest block found that still differs. */
export function shrink(block, reference, qemu) {
  let best = { ...block, words: [...block.words] };
  const differs = (b) => compare(b, reference, qemu).length > 0;
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

export function reportDifference({ block, differ, reference, qemu, write, verbose }) {
  if (verbose) process.stdout.write(`\n${caseText(block, reference.run(block).end, differ.join('; '))}`);
  const small = shrink(block, reference, qemu);
  if (!small) {
    process.stdout.write(`\nnot reproducible alone (seed and state matter): ${differ.join('; ')}\n`);
    process.stdout.write(block.words.map((w) => `        ${disassemble(w)}\n`).join(''));
    return;
  }
  const [theirs] = qemu.run([small]);
  const { end } = reference.run(small);
  const now = theirs ? differences(end, theirs) : differ;
  const number = nextNumber();
  const text = caseText(small, theirs ?? end, `${number}: ours / theirs: ${now.slice(0, 6).join('; ')}`);
  process.stdout.write(`\n${text}`);
  if (write) writeFileSync(join(CASES, `${number}.s`), text);
}
