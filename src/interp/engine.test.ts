// How engines behave, the same text for both of them.

import { describe, expect, it } from 'vitest';
import { enc } from '../arch/schema.ts';
import { assembleProgram } from '../asm/index.ts';
import { Exit } from '../cpu/engine.ts';
import { Slot } from '../cpu/state.ts';
import { createInterpreter } from './engine.ts';
import { createReference } from './reference.ts';
import { TestMachine } from './testing.ts';

const CODE = 0x400000n;
const DATA = 0x10000n;
const SVC = { ec: 0x15 };

describe.each([
  ['interpreter', createInterpreter],
  ['reference', createReference],
] as const)('the %s', (_name, make) => {
  const machine = (
    source: string,
    options: { at?: bigint; without?: string[]; guarded?: boolean } = {},
  ): TestMachine => {
    const m = new TestMachine(make, options.without);
    const at = options.at ?? CODE;
    for (const s of assembleProgram(source, { base: at }).sections) m.poke(s.address, s.bytes);
    if (options.guarded) for (const p of m.pages.values()) p.guarded = true;
    m.cpu.pc = at;
    return m;
  };
  const finish = (m: TestMachine, budget = 100000): void => {
    expect([m.engine.run(m.cpu, budget), m.cpu.exception]).toEqual([Exit.Exception, expect.objectContaining(SVC)]);
  };

  it('runs a loop and stops at a system call', () => {
    const m = machine('mov x0, #10\nmov x1, #0\n1: add x1, x1, x0\nsubs x0, x0, #1\nb.ne 1b\nsvc #7');
    finish(m);
    expect(m.cpu.exception?.iss).toBe(7);
    expect([m.cpu.x(1), m.cpu.pc, m.cpu.icount, m.cpu.nzcv]).toEqual([55n, CODE + 24n, 33n, 0b0110]);
  });

  it('stops when the budget is used up, and goes on', () => {
    const m = machine('1: add x0, x0, #1\nb 1b');
    expect(m.engine.run(m.cpu, 100)).toBe(Exit.Budget);
    expect(m.cpu.icount).toBe(100n);
    expect(m.engine.run(m.cpu, 1)).toBe(Exit.Budget);
    expect([m.cpu.icount, m.cpu.x(0), m.cpu.pc]).toEqual([101n, 51n, CODE + 4n]);
    expect(m.engine.run(m.cpu, 1)).toBe(Exit.Budget);
    expect([m.cpu.icount, m.cpu.pc]).toEqual([102n, CODE]);
  });

  it('steps through straight code one by one', () => {
    const m = machine('mov x0, #1\nmov x1, #2\nadd x2, x0, x1\nsvc #0');
    for (let i = 1n; i <= 3n; i++) {
      expect(m.engine.run(m.cpu, 1)).toBe(Exit.Budget);
      expect([m.cpu.icount, m.cpu.pc]).toEqual([i, CODE + 4n * i]);
    }
    expect(m.cpu.x(2)).toBe(3n);
  });

  it('compares and branches, at once or step by step, and from in between', () => {
    const values = [0n, 1n, 5n, 1n << 31n, 1n << 63n, (1n << 64n) - 1n];
    for (const cond of ['eq', 'ne', 'hs', 'lo', 'hi', 'ls']) {
      for (const compare of ['cmp x0, #1', 'cmp w0, #1', 'cmp x0, x1', 'cmp w0, w1', 'tst x0, #1', 'tst w0, #1']) {
        const source = `${compare}\nb.${cond} 1f\nmov x2, #1\n1: svc #0`;
        const machines = [machine(source), machine(source), machine(source)];
        for (const a of values) {
          for (const b of values) {
            const results = machines.map((m, way) => {
              m.cpu.pc = CODE;
              m.cpu.setX(0, a);
              m.cpu.setX(1, b);
              m.cpu.setX(2, 0n);
              const before = m.cpu.icount;
              if (way > 0) {
                expect(m.engine.run(m.cpu, 1)).toBe(Exit.Budget);
                expect([m.cpu.pc, m.cpu.icount]).toEqual([CODE + 4n, before + 1n]);
              }
              if (way === 2) expect(m.engine.run(m.cpu, 1)).toBe(Exit.Budget);
              finish(m);
              return [m.cpu.x(2), m.cpu.nzcv, m.cpu.icount - before];
            });
            expect(results[1]).toEqual(results[0]);
            expect(results[2]).toEqual(results[0]);
          }
        }
      }
    }
  });

  it('comes back when it is asked to, from inside a hook and between runs', () => {
    const m = machine('1: mrs x0, S3_3_C15_C0_0\nb 1b');
    let calls = 0;
    m.hooks = {
      ...m.hooks,
      readSysreg: (cpu, encoding) => {
        expect(encoding).toBe(enc(3, 3, 15, 0, 0));
        expect(cpu.pc).toBe(CODE);
        expect(cpu.icount).toBe(BigInt(2 * calls));
        if (++calls === 3) cpu.requestExit();
        return 42n;
      },
    };
    expect(m.engine.run(m.cpu, 1000)).toBe(Exit.Kick);
    expect([m.cpu.icount, m.cpu.x(0)]).toEqual([6n, 42n]);
    m.cpu.requestExit();
    expect(m.engine.run(m.cpu, 1000)).toBe(Exit.Kick);
    expect(m.cpu.icount).toBe(6n);
  });

  it('goes on in the next page, by falling through and by branches', () => {
    const m = machine('add x0, x0, #1\nadd x0, x0, #1\nb 1f\n.space 4096\n1: bl 2f\nsvc #0\n2: add x0, x0, #1\nret', {
      at: CODE + 0xffcn,
    });
    finish(m);
    expect([m.cpu.x(0), m.cpu.icount]).toEqual([3n, 7n]);
  });

  it('raises what is UNDEFINED with nothing changed', () => {
    const m = machine('nop\n.inst 0');
    expect(m.engine.run(m.cpu, 100)).toBe(Exit.Exception);
    expect(m.cpu.exception).toMatchObject({ ec: 0 });
    expect([m.cpu.pc, m.cpu.icount]).toEqual([CODE + 4n, 1n]);
  });

  it('has no instructions of features that the machine lacks', () => {
    const source = 'smax x0, x1, x2\nsvc #0';
    finish(machine(source));
    const m = machine(source, { without: ['FEAT_CSSC'] });
    expect([m.engine.run(m.cpu, 9), m.cpu.exception?.ec]).toEqual([Exit.Exception, 0]);
    // A hint that is not known is a NOP.
    const hint = machine('paciasp\nsvc #0', { without: ['FEAT_PAuth'] });
    hint.cpu.setX(30, 77n);
    finish(hint);
    expect(hint.cpu.x(30)).toBe(77n);
  });

  it('faults precisely: nothing of the instruction is done', () => {
    const m = machine('add x5, x5, #1\nldp x0, x1, [x2], #16\nsvc #0');
    m.map(DATA);
    m.cpu.setX(0, 7n);
    m.cpu.setX(2, DATA + 0xff8n);
    expect(m.engine.run(m.cpu, 100)).toBe(Exit.Exception);
    expect(m.cpu.exception).toEqual({ ec: 0x24, iss: 7, far: DATA + 0x1000n, ipa: 0n, toEl2: false });
    expect([m.cpu.pc, m.cpu.icount, m.cpu.x(0), m.cpu.x(2)]).toEqual([CODE + 4n, 1n, 7n, DATA + 0xff8n]);
    m.map(DATA + 0x1000n);
    m.poke(DATA + 0xff8n, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 2));
    finish(m);
    expect([m.cpu.x(0), m.cpu.x(1), m.cpu.x(2), m.cpu.icount]).toEqual([1n, 2n, DATA + 0x1008n, 3n]);
  });

  it('stores across pages completely or not at all', () => {
    const m = machine('str x1, [x0]\nsvc #0');
    m.map(DATA);
    m.cpu.setX(0, DATA + 0xffdn);
    m.cpu.setX(1, 0x1122334455667788n);
    expect(m.engine.run(m.cpu, 100)).toBe(Exit.Exception);
    expect(m.cpu.exception).toMatchObject({ iss: 0x47, far: DATA + 0x1000n });
    m.map(DATA + 0x1000n);
    expect(m.peek64(DATA + 0xffdn)).toBe(0n);
    finish(m);
    expect(m.peek64(DATA + 0xffdn)).toBe(0x1122334455667788n);
  });

  it('asks again after a flush, and for the first write', () => {
    const m = machine('ldr x1, [x0]\nstr x1, [x0]\nsvc #0');
    const page = m.map(DATA, { writable: false });
    m.cpu.setX(0, DATA);
    expect(m.engine.run(m.cpu, 100)).toBe(Exit.Exception);
    expect(m.cpu.exception).toMatchObject({ ec: 0x24, iss: 0x4f, far: DATA });
    // Copy on write: another frame, and the old one forgotten.
    m.poke(DATA, Uint8Array.of(9));
    m.map(DATA, { frame: m.mem.allocFrame() });
    finish(m);
    expect([m.peek64(DATA), m.mem.u8[page.frame * 4096]]).toEqual([0n, 9]);
    m.cpu.pc = CODE;
    finish(m);
    expect(m.cpu.x(1)).toBe(0n);
  });

  it('checks the alignment of SP and of PC', () => {
    const m = machine('ldr x0, [sp]\nsvc #0');
    m.map(DATA);
    m.cpu.sp = DATA + 8n;
    expect([m.engine.run(m.cpu, 9), m.cpu.exception?.ec, m.cpu.pc]).toEqual([Exit.Exception, 0x26, CODE]);
    m.cpu.set(Slot.SP_MASK, 0n);
    finish(m);
    const b = machine('br x0');
    b.cpu.setX(0, CODE + 2n);
    expect(b.engine.run(b.cpu, 9)).toBe(Exit.Exception);
    expect(b.cpu.exception).toMatchObject({ ec: 0x22, far: CODE + 2n });
    expect([b.cpu.pc, b.cpu.icount]).toEqual([CODE + 2n, 1n]);
  });

  it('keeps atomic accesses within 16 bytes, or aligned without FEAT_LSE2', () => {
    for (const [address, without, faults] of [
      [DATA + 4n, [], false],
      [DATA + 12n, [], true],
      [DATA + 4n, ['FEAT_LSE2'], true],
      [DATA + 8n, ['FEAT_LSE2'], false],
    ] as const) {
      const m = machine('ldadd x1, x2, [x0]\nsvc #0', { without: [...without] });
      m.map(DATA);
      m.cpu.setX(0, address);
      m.engine.run(m.cpu, 9);
      expect(m.cpu.exception).toMatchObject(faults ? { ec: 0x24, iss: 0x61, far: address } : SVC);
    }
  });

  it('lets a store-exclusive pass only if nothing came between', () => {
    const m = machine('ldxr x1, [x0]\nsvc #0\nstxr w2, x3, [x0]\nsvc #0\nstxr w4, x3, [x0]\nsvc #0');
    m.map(DATA);
    m.cpu.setX(0, DATA);
    m.cpu.setX(3, 5n);
    finish(m);
    finish(m);
    expect([m.cpu.x(2), m.peek64(DATA)]).toEqual([0n, 5n]);
    finish(m);
    expect(m.cpu.x(4)).toBe(1n); // the monitor is used up
    m.cpu.pc = CODE;
    finish(m);
    m.poke(DATA, Uint8Array.of(6));
    finish(m);
    expect([m.cpu.x(2), m.peek64(DATA)]).toEqual([1n, 6n]);
    m.cpu.pc = CODE;
    finish(m);
    m.cpu.clearMonitor();
    finish(m);
    expect(m.cpu.x(2)).toBe(1n);
  });

  it('runs changed code after IC IVAU, a new frame at once, and a freed frame no more', () => {
    const m = machine('mov x0, #1\nsvc #0\nic ivau, x1\nisb\nb .-16');
    finish(m);
    const page = m.pages.get(CODE >> 12n)!;
    m.mem.u32[(page.frame * 4096) >>> 2] = 0xd2800040; // mov x0, #2
    m.cpu.setX(1, CODE);
    finish(m);
    expect(m.cpu.x(0)).toBe(2n);
    m.mem.u32[(page.frame * 4096) >>> 2] = 0xd28000a0; // mov x0, #5
    m.engine.invalidateCode();
    m.cpu.pc = CODE;
    finish(m);
    expect(m.cpu.x(0)).toBe(5n);
    // The same address shows another frame.
    const other = m.map(CODE);
    m.mem.u8.copyWithin(other.frame * 4096, page.frame * 4096, (page.frame + 1) * 4096);
    m.mem.u32[(other.frame * 4096) >>> 2] = 0xd2800060; // mov x0, #3
    m.cpu.pc = CODE;
    finish(m);
    expect(m.cpu.x(0)).toBe(3n);
    // The frame is freed and used again with other contents.
    m.mem.unref(other.frame);
    const again = m.map(CODE);
    expect(again.frame).toBe(other.frame);
    m.mem.u32[(again.frame * 4096) >>> 2] = 0xd2800080; // mov x0, #4
    m.mem.u32[((again.frame * 4096) >>> 2) + 1] = 0xd4000001;
    m.cpu.pc = CODE;
    finish(m);
    expect(m.cpu.x(0)).toBe(4n);
  });

  it('traps floating point while it is off', () => {
    const m = machine('fadd d0, d1, d2\nsvc #0');
    m.cpu.fpOn = false;
    expect(m.engine.run(m.cpu, 9)).toBe(Exit.Exception);
    expect(m.cpu.exception).toMatchObject({ ec: 0x07, iss: 0x1e00000 });
    m.cpu.fpOn = true;
    m.cpu.setV(1, 0x3ff0000000000000n, 5n);
    m.cpu.setV(2, 0x3ff0000000000000n, 5n);
    finish(m);
    expect(m.cpu.v(0)).toEqual([0x4000000000000000n, 0n]);
  });

  it('waits, wakes by event, and hands exception returns to the PE', () => {
    const m = machine('sevl\nwfe\nwfe\nwfi\nsvc #0');
    expect([m.engine.run(m.cpu, 99), m.cpu.pc]).toEqual([Exit.Idle, CODE + 12n]);
    expect([m.engine.run(m.cpu, 99), m.cpu.pc, m.cpu.idleDeadline]).toEqual([Exit.Idle, CODE + 16n, undefined]);
    finish(m);
    const e = machine('eret');
    expect([e.engine.run(e.cpu, 9), e.cpu.exception?.ec]).toEqual([Exit.Exception, 0]);
    e.cpu.el = 1;
    expect([e.engine.run(e.cpu, 9), e.cpu.pc, e.cpu.icount]).toEqual([Exit.System, CODE, 0n]);
  });

  it('accepts only landing pads in guarded pages', () => {
    const source = 'br x0\nnop\nbti c\nbti j\npaciasp\nbti jc\nsvc #0';
    const to = (offset: bigint, run: (m: TestMachine) => void): void => {
      const m = machine(source, { guarded: true });
      m.cpu.setX(0, CODE + offset);
      run(m);
    };
    const refused = (btype: number) => (m: TestMachine) => {
      expect(m.engine.run(m.cpu, 99)).toBe(Exit.Exception);
      expect(m.cpu.exception).toMatchObject({ ec: 0x0d, iss: btype });
      expect(Number(m.cpu.get(Slot.PSTATE) >> 10n) & 3).toBe(btype);
      expect(m.cpu.icount).toBe(1n);
    };
    to(4n, refused(0b11));
    to(8n, refused(0b11));
    to(12n, finish);
    to(16n, refused(0b11));
    to(20n, finish);
    // A run that ends between the branch and its target does not forget.
    to(4n, (m) => {
      expect(m.engine.run(m.cpu, 1)).toBe(Exit.Budget);
      expect(m.engine.run(m.cpu, 99)).toBe(Exit.Exception);
      expect(m.cpu.exception).toMatchObject({ ec: 0x0d });
    });
  });

  it('takes DC ZVA, FPCR and PSTATE bits without asking', () => {
    const m = machine(
      'dc zva, x0\nmsr fpcr, x1\nmrs x2, fpcr\nmsr dit, #1\nmrs x3, dit\nmsr nzcv, x4\nmrs x5, nzcv\nmsr tpidr_el0, x0\nmrs x6, tpidr_el0\nsvc #0',
    );
    m.map(DATA);
    m.poke(DATA + 0x40n, new Uint8Array(128).fill(0xff));
    m.cpu.setX(0, DATA + 0x77n);
    m.cpu.setX(1, (1n << 64n) - 1n);
    m.cpu.setX(4, 0x9000_0000n);
    finish(m);
    expect([m.peek64(DATA + 0x40n), m.peek64(DATA + 0x78n), m.peek64(DATA + 0x80n)]).toEqual([
      0n,
      0n,
      (1n << 64n) - 1n,
    ]);
    expect([m.cpu.x(2), m.cpu.x(3), m.cpu.x(5), m.cpu.x(6)]).toEqual([
      0x07c8_2007n,
      1n << 24n,
      0x9000_0000n,
      DATA + 0x77n,
    ]);
  });
});
