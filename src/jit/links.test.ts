// Regions remember where their pages are and where branches lead: not longer than it is so.

import { describe, expect, it } from 'vitest';
import { assembleProgram } from '../asm/index.ts';
import { Exit, type Translator } from '../cpu/engine.ts';
import { createInterpreter } from '../interp/engine.ts';
import { Random, TestMachine } from '../interp/testing.ts';
import { jitTier, type TierStats } from './index.ts';

const CODE = 0x400000n;
const FAR = 0x402000n;
const CALLS = 300n;
const CALLER = `1: movz x9, #${FAR >> 16n}, lsl #16\n movk x9, #${FAR & 0xffffn}\n blr x9\n bl .+${FAR - CODE - 12n}\n subs x0, x0, #1\n b.ne 1b\n svc #0`;
/** With a loop that makes it a region of its own. */
const CALLEES = {
  small: (n: number) => `add x1, x1, #${n}\n ret`,
  large: (n: number) => `mov x2, #3\n 1: subs x2, x2, #1\n b.ne 1b\n add x1, x1, #${n}\n ret`,
};
const bytesOf = (source: string, base: bigint): Uint8Array => assembleProgram(source, { base }).sections[0]!.bytes;

function start(callee: string, stats: (s: TierStats) => void): TestMachine {
  const m = new TestMachine(createInterpreter, [], { tier: jitTier({ threshold: 1, stretch: [40, 100] }, stats) });
  m.poke(CODE, bytesOf(CALLER, CODE));
  m.poke(FAR, bytesOf(callee, FAR));
  return m;
}
/** What is added in all. */
function run(m: TestMachine): bigint {
  m.cpu.pc = CODE;
  m.cpu.setX(0, CALLS);
  m.cpu.setX(1, 0n);
  expect(m.engine.run(m.cpu, 1_000_000)).toBe(Exit.Exception);
  return m.cpu.x(1) / CALLS;
}

describe.each(Object.entries(CALLEES))('what is remembered of a %s callee', (_, callee) => {
  const made = (): { m: TestMachine; stats: () => TierStats } => {
    let stats: TierStats | undefined;
    const m = start(callee(1), (s) => {
      stats = s;
    });
    for (let i = 0; i < 5; i++) expect(run(m)).toBe(2n);
    return { m, stats: () => stats! };
  };
  it('ends when its page is another one', () => {
    const { m, stats } = made();
    const one = m.pages.get(FAR >> 12n)!.frame;
    const two = m.map(FAR).frame;
    m.poke(FAR, bytesOf(callee(3), FAR));
    for (let i = 0; i < 12; i++) {
      m.map(FAR, { frame: i % 2 ? one : two });
      for (let j = 0; j < 1 + (i % 3); j++) expect(run(m)).toBe(i % 2 ? 2n : 6n);
    }
    expect(stats().regions).toBeGreaterThan(0);
  });
  it('is not used in another address space', () => {
    const { m } = made();
    const frames = new Map([...m.pages].map(([page, { frame }]) => [page, frame]));
    const other = m.mem.allocFrame();
    m.mem.u8.set(bytesOf(callee(5), FAR), other * 4096);
    frames.set(FAR >> 12n, other);
    const translator: Translator = {
      translate: (va) => ({
        ok: true,
        frame: frames.get(va >> 12n)!,
        writable: true,
        executable: true,
        guarded: false,
      }),
    };
    const tlb = m.engine.createTlb(translator);
    for (let i = 0; i < 12; i++) {
      m.cpu.tlb = i % 2 ? m.tlb.base : tlb.base;
      for (let j = 0; j < 1 + (i % 3); j++) expect(run(m)).toBe(i % 2 ? 2n : 10n);
    }
  });
  it('ends when its code is another one', () => {
    const { m, stats } = made();
    for (let i = 2; i < 10; i++) {
      m.poke(FAR, bytesOf(callee(i), FAR));
      m.engine.invalidateCode(m.pages.get(FAR >> 12n)!.frame);
      for (let j = 0; j < 1 + (i % 3); j++) expect(run(m)).toBe(BigInt(2 * i));
    }
    expect(stats().dropped).toBeGreaterThan(0);
  });
});

describe('branches to addresses in a row of places', () => {
  const HANDLERS = 9;
  const LIST = 0x10000n;
  const LENGTH = 500;
  /** Each goes to where the list says next; the last one ends. */
  const handlers = Array.from(
    { length: HANDLERS },
    (_, n) => `add x4, x4, x4, lsl #${n}\n add x4, x4, #${n}\n ldr x3, [x1], #8\n br x3`,
  );
  const code = bytesOf(`${handlers.join('\n')}\n svc #0`, CODE);
  const machine = (compiles: boolean): TestMachine => {
    const m = new TestMachine(
      createInterpreter,
      [],
      compiles ? { tier: jitTier({ threshold: 1, stretch: [40, 100] }) } : {},
    );
    m.poke(CODE, code);
    m.poke(CODE + 0x10_0000n, code);
    m.map(LIST);
    return m;
  };
  const [interpreter, compiler] = [machine(false), machine(true)];
  /** Where every turn ends, and what is computed. */
  const trace = (m: TestMachine, list: readonly bigint[], turn: number): string[] => {
    new BigUint64Array(m.mem.wasm.buffer, m.pages.get(LIST >> 12n)!.frame * 4096, LENGTH).set(list);
    m.cpu.pc = CODE;
    m.cpu.setX(1, LIST);
    m.cpu.setX(4, 1n);
    const lines: string[] = [];
    for (let reason: number = Exit.Budget; reason === Exit.Budget; ) {
      reason = m.engine.run(m.cpu, turn);
      lines.push(`${reason} ${m.cpu.pc.toString(16)} ${m.cpu.x(4).toString(16)}`);
    }
    return lines;
  };
  const start = (n: number): bigint => CODE + BigInt(16 * n);
  const END = start(HANDLERS);
  const special: Readonly<Record<string, bigint>> = {
    'to entries only': start(3),
    'into the middle of a block': start(5) + 4n,
    'past the row': END + 16n * 4n,
    'to what is no instruction': start(2) + 2n,
    'to the same code elsewhere': start(2) + 0x10_0000n,
    'to nowhere': 1n << 40n,
  };
  it.each(Object.entries(special))('%s', (_, other) => {
    const r = new Random(3);
    for (let round = 0; round < 12; round++) {
      const list = Array.from({ length: LENGTH }, () => start(r.below(HANDLERS)));
      for (const k of [100, 200, 300]) list[k + r.below(90)] = other;
      list[LENGTH - 1] = END;
      const turn = round < 6 ? 100_000 : 50 + r.below(200);
      expect(trace(compiler, list, turn)).toEqual(trace(interpreter, list, turn));
    }
  });
});
