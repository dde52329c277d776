// What QEMU answered to the cases of sve_cases.ts (golden/sve/VL.txt, one file for each vector length), asked of both
// engines again. `npm run difftest:sve` shows what differs.

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Exit } from '../cpu/engine.ts';
import { FRAME_SIZE } from '../cpu/physmem.ts';
import { Slot } from '../cpu/state.ts';
import { createInterpreter } from './engine.ts';
import { createReference } from './reference.ts';
import {
  GOLDEN_CASES,
  type SveCase,
  type SveEnd,
  sumOf,
  sveCase,
  sveRows,
  WINDOW_BASE,
  WINDOW_BYTES,
} from './sve_cases.ts';
import { TestMachine } from './testing.ts';

const CODE = 0x1_0000_0000n;
const BRK = 0xd4200000;
const folder = new URL('../../golden/sve/', import.meta.url);
const files = readdirSync(folder);

/** The window's contents at the start of every case. */
const WINDOW = new Uint8Array(
  Uint32Array.from({ length: WINDOW_BYTES / 4 }, (_, i) => (i % 8 === 0 ? i : Math.imul(i, 0x9e3779b1))).buffer,
);
const SIGNALS: Readonly<Record<number, string>> = { 0: 'SIGILL', 36: 'SIGSEGV', 60: 'end' };

const part = (page: number): Uint8Array => WINDOW.subarray(page * FRAME_SIZE, (page + 1) * FRAME_SIZE);

class SveMachine extends TestMachine {
  private readonly code = this.map(CODE).frame;
  private readonly window = Array.from(
    { length: WINDOW_BYTES / FRAME_SIZE },
    (_, i) => this.map(WINDOW_BASE + BigInt(i * FRAME_SIZE)).frame,
  );
  run(c: SveCase, vl: number): SveEnd {
    const { cpu } = this;
    this.mem.u32.set([c.word, BRK], (this.code * FRAME_SIZE) >>> 2);
    this.engine.invalidateCode(this.code);
    const { start } = c;
    start.x.forEach((v, i) => void cpu.setX(i, v));
    cpu.sp = start.sp;
    cpu.pc = CODE;
    cpu.nzcv = start.nzcv;
    cpu.vl = vl;
    for (let n = 0; n < 32; n++) cpu.z(n).set(start.z.subarray(n * vl, (n + 1) * vl));
    for (let n = 0; n < 17; n++) cpu.p(n).set(start.p.subarray((n * vl) / 8, ((n + 1) * vl) / 8));
    cpu.touchSve(vl);
    cpu.set(Slot.FPCR, BigInt(start.fpcr));
    cpu.set(Slot.FPSR, BigInt(start.fpsr));
    cpu.set(Slot.FPMR, start.fpmr);
    cpu.set(Slot.SP_MASK, 0n);
    this.window.forEach((frame, i) => void this.mem.u8.set(part(i), frame * FRAME_SIZE));
    expect(this.engine.run(cpu, 2)).toBe(Exit.Exception);
    const joined = (count: number, nth: (n: number) => Uint8Array): Uint8Array =>
      Buffer.concat(Array.from({ length: count }, (_, n) => nth(n)));
    return {
      how: SIGNALS[cpu.exception!.ec] ?? `class ${cpu.exception!.ec}`,
      state: {
        x: Array.from({ length: 31 }, (_, i) => cpu.x(i)),
        sp: cpu.sp,
        nzcv: cpu.nzcv,
        fpsr: Number(cpu.get(Slot.FPSR)),
        z: joined(32, (n) => cpu.z(n)),
        p: joined(17, (n) => cpu.p(n)),
      },
      memory: this.changes(),
    };
  }
  private changes(): Map<number, bigint> {
    const out = new Map<number, bigint>();
    this.window.forEach((frame, k) => {
      const now = this.mem.frameBytes(frame);
      if (Buffer.compare(now, part(k)) === 0) return;
      const [a, b] = [now, part(k)].map((bytes) => new DataView(bytes.buffer, bytes.byteOffset)) as [
        DataView,
        DataView,
      ];
      for (let i = 0; i < FRAME_SIZE; i += 8) {
        const v = a.getBigUint64(i, true);
        if (v !== b.getBigUint64(i, true)) out.set((k * FRAME_SIZE + i) / 8, v);
      }
    });
    return out;
  }
}

describe('golden/sve', () => {
  it('has files for lengths of 128 to 512 bits, one of them no power of two', () => {
    expect(files.sort()).toEqual(['16.txt', '32.txt', '48.txt', '64.txt']);
  });
  for (const file of files) {
    const vl = Number.parseInt(file, 10);
    const golden = new Map(
      readFileSync(new URL(file, folder), 'utf8')
        .split('\n')
        .filter((l) => l && !l.startsWith('#'))
        .map((l) => [l.slice(0, l.indexOf(' ')), l.split(' ').slice(1)] as const),
    );
    it(`${vl} bytes: every row was recorded`, () => {
      expect(
        sveRows(vl)
          .map((e) => e.name)
          .filter((name) => !golden.has(name)),
      ).toEqual([]);
    });
    it.each([
      ['interpreter', createInterpreter, GOLDEN_CASES],
      ['reference', createReference, 1],
    ] as const)(`${vl} bytes: the %s gives the recorded answers`, (_, make, cases) => {
      const m = new SveMachine(make);
      const wrong: string[] = [];
      for (const row of sveRows(vl)) {
        for (let n = 0; n < cases; n++) {
          const expected = golden.get(row.name)?.[n];
          if (expected === '-') continue;
          if (sumOf(m.run(sveCase(row, vl, n), vl)) !== expected) wrong.push(`${row.name} case ${n}`);
        }
      }
      expect(wrong).toEqual([]);
    });
  }
});
