import { describe, expect, it } from 'vitest';
import { type Guest, guest, RAM, vectors } from '../../test/pe_guest.ts';

const VECTORS = vectors({
  512: ['hvc #1'], 640: ['hvc #2'], 768: ['hvc #3'], 896: ['hvc #4'], 1024: ['hvc #5'], 1152: ['hvc #6'],
}); // biome-ignore format: a table
const start = (source: string): Guest => guest(`adr x0, vectors\n msr vbar_el1, x0\n ${source}\n hvc #0\n ${VECTORS}`);
const hvc = (imm: number) => ({ kind: 'el2', record: { ec: 0x16, iss: imm } });
const esr = (ec: bigint, iss = 0n): bigint => (ec << 26n) | (1n << 25n) | iss;

describe('virtual interrupts', () => {
  it('are taken when PSTATE lets them', () => {
    const g = start('msr daifset, #2\n nop\n nop\n msr daifclr, #2\n nop\n nop');
    g.irq = 'irq';
    expect(g.pe.run(100)).toMatchObject(hvc(2));
    expect(g.pe.get('ELR_EL1')).toBe(RAM + 24n);
    expect(g.pe.get('SPSR_EL1') & 0xffn).toBe(0x45n);
    const fiq = start('msr daifclr, #3\n nop');
    fiq.irq = 'both';
    expect(fiq.pe.run(100)).toMatchObject(hvc(3));
  });
  it('arrive in a loop that was running', () => {
    const g = start('msr daifclr, #2\n 1: b 1b');
    expect(g.pe.run(1000)).toEqual({ kind: 'budget' });
    g.irq = 'irq';
    expect(g.pe.run(1000)).toMatchObject(hvc(2));
  });
  it('bring a virtual SError with the syndrome that EL2 chose', () => {
    const g = start('msr daifclr, #4\n nop');
    g.pe.set('VSESR_EL2', 0x11n);
    g.pe.set('HCR_EL2', g.pe.get('HCR_EL2') | 0x100n);
    expect(g.pe.run(100)).toMatchObject(hvc(4));
    expect(g.pe.get('ESR_EL1')).toBe(esr(0x2fn, 0x11n));
    expect(g.pe.get('HCR_EL2') & 0x100n).toBe(0n);
  });
  it('are looked at again after the interrupt controller was written to', () => {
    const g = start('msr daifclr, #2\n mov x1, #1\n msr icc_igrpen1_el1, x1\n nop\n nop');
    g.pe.set('ICC_SRE_EL1', 7n);
    const { set } = g.device;
    g.device.set = (k, v) => {
      g.irq = 'irq';
      return set.call(g.device, k, v);
    };
    expect(g.pe.run(100)).toMatchObject(hvc(2));
    expect(g.pe.get('ELR_EL1')).toBe(RAM + 20n);
  });
});

describe('waiting', () => {
  it('goes to EL2 where TWI and TWE say so, and stops there', () => {
    const g = start('wfi\n wfe\n wfe');
    g.pe.set('HCR_EL2', g.pe.get('HCR_EL2') | 0x6000n);
    expect(g.pe.run(100)).toMatchObject({ record: { ec: 1, iss: 0x1e00000 } });
    expect(g.pe.cpu.pc).toBe(RAM + 8n);
    g.pe.cpu.pc += 4n;
    expect(g.pe.run(100)).toMatchObject({ record: { ec: 1, iss: 0x1e00001 } });
  });
  it('ends at once with an interrupt pending, even a masked one', () => {
    const g = start('wfi');
    g.irq = 'irq';
    expect(g.pe.run(100)).toMatchObject(hvc(0));
  });
  it('is idling until the next timer otherwise', () => {
    const g = start('mov x0, #500\n msr cntv_cval_el0, x0\n mov x0, #1\n msr cntv_ctl_el0, x0\n wfi');
    expect(g.pe.run(100)).toEqual({ kind: 'idle', wake: 500n });
    expect(g.timerLevels).toEqual([]);
  });
  it('of EL0 belongs to EL1 where SCTLR_EL1 says so', () => {
    const g = start('adr x0, user\n msr elr_el1, x0\n msr spsr_el1, xzr\n eret\n user: wfi');
    g.pe.set('SCTLR_EL1', g.pe.get('SCTLR_EL1') & ~0x10000n);
    expect(g.pe.run(100)).toMatchObject(hvc(5));
    expect(g.pe.get('ESR_EL1')).toBe(esr(1n, 0x1e00000n));
    expect(g.pe.get('ELR_EL1')).toBe(g.symbols.get('user'));
  });
});

describe('timers', () => {
  it('raise their output when the count is reached, and drop it', () => {
    const g = start(`
      mov x0, #100
      msr cntv_tval_el0, x0
      mov x0, #1
      msr cntv_ctl_el0, x0
      1: mrs x2, cntv_ctl_el0
      tbz x2, #2, 1b
      mrs x3, cntvct_el0
      mrs x4, cntv_cval_el0
      mov x0, #3
      msr cntv_ctl_el0, x0`);
    g.pe.set('CNTVOFF_EL2', -1000n);
    expect(g.pe.run(1000)).toMatchObject(hvc(0));
    const [now, cval] = [g.pe.cpu.x(3), g.pe.cpu.x(4)];
    expect(now >= cval && now < cval + 10n).toBe(true);
    expect(cval > 1100n).toBe(true);
    expect(g.timerLevels).toEqual(['CNTV 1', 'CNTV 0']);
  });
  it('stop the guest in time for the output to rise', () => {
    const g = start('mov x0, #400\n msr cntp_cval_el0, x0\n mov x0, #1\n msr cntp_ctl_el0, x0\n 1: b 1b');
    expect(g.pe.run(390)).toEqual({ kind: 'budget' });
    expect(g.timerLevels).toEqual([]);
    g.pe.run(50);
    expect(g.timerLevels).toEqual(['CNTP 1']);
  });
  it('are closed to EL0 by CNTKCTL_EL1 and to both by CNTHCTL_EL2', () => {
    const user = start('adr x0, user\n msr elr_el1, x0\n msr spsr_el1, xzr\n eret\n user: mrs x7, cntvct_el0');
    expect(user.pe.run(100)).toMatchObject(hvc(5));
    const iss = (3n << 20n) | (2n << 17n) | (3n << 14n) | (14n << 10n) | (7n << 5n) | 1n;
    expect(user.pe.get('ESR_EL1')).toBe(esr(0x18n, iss));
    const el2 = start('mrs x9, cntpct_el0');
    el2.pe.set('CNTHCTL_EL2', 0x800n);
    expect(el2.pe.run(100)).toMatchObject({ kind: 'el2', record: { ec: 0x18 } });
  });
});

describe('exceptions to EL1', () => {
  const cases: readonly (readonly [string, string, bigint])[] = [
    ['an undefined instruction', '.word 0', esr(0n)],
    ['BRK', 'brk #0x123', esr(0x3cn, 0x123n)],
    ['a misaligned stack pointer', 'mov x0, #8\n mov sp, x0\n ldr x1, [sp]', esr(0x26n)],
    ['FP while CPACR_EL1 traps it', 'msr cpacr_el1, xzr\n fmov d0, #1.0', esr(7n, 0x1e00000n)],
    ['SMC without EL3', 'smc #0', esr(0n)],
    ['an EL2 register', 'mrs x0, hcr_el2', esr(0n)],
    [
      'an illegal return',
      'mov x0, #9\n msr spsr_el1, x0\n adr x0, there\n msr elr_el1, x0\n eret\n there: nop',
      esr(0x0en),
    ],
  ];
  for (const [what, source, expected] of cases) {
    it(what, () => {
      const g = start(source);
      expect(g.pe.run(100)).toMatchObject(hvc(1));
      expect(g.pe.get('ESR_EL1').toString(16)).toBe(expected.toString(16));
    });
  }
  it('a PC that is not aligned', () => {
    const g = start('adr x3, vectors\n add x3, x3, #2\n br x3');
    expect(g.pe.run(100)).toMatchObject(hvc(1));
    expect(g.pe.get('ESR_EL1')).toBe(esr(0x22n));
    expect(g.pe.get('FAR_EL1')).toBe(g.symbols.get('vectors')! + 2n);
  });
  it('FP that EL2 traps goes there', () => {
    const g = start('fmov d0, #1.0');
    g.pe.set('CPTR_EL2', 0n);
    expect(g.pe.run(100)).toMatchObject({ kind: 'el2', record: { ec: 7, iss: 0x1e00000 } });
    expect(g.pe.cpu.pc).toBe(RAM + 8n);
  });
  it('never ends in a loop without counting: a vector that cannot be fetched', () => {
    const g = guest('mov x0, #0\n msr vbar_el1, x0\n .word 0');
    expect(g.pe.run(100)).toMatchObject({ kind: 'el2', record: { ec: 0x20, ipa: 0x200n } });
  });
});

describe('waiting for a time', () => {
  it('takes a fixed time for each look at a counter and each YIELD', () => {
    const g = guest(
      'mrs x1, cntvct_el0\n mrs x2, cntvct_el0\n mrs x3, cntvct_el0\n yield\n mrs x4, cntvct_el0\n hvc #0',
      {
        follows: true,
      },
    );
    g.pe.set('CNTVOFF_EL2', 5000n);
    expect(g.pe.run(1000)).toMatchObject(hvc(0));
    const [a, b, c, d] = [1, 2, 3, 4].map((n) => g.pe.cpu.x(n)) as [bigint, bigint, bigint, bigint];
    expect([b - a, c - b, d - c]).toEqual([41n, 41n, 82n]);
    expect(g.pe.counter('CNTV') - d).toBe(42n);
    expect(g.pe.cpu.icount).toBe(6n);
  });
  it('ends when the timer fires, and the run when its time is over', () => {
    const poll = `mrs x1, cntvct_el0\n add x2, x1, #1000\n msr cntv_cval_el0, x2\n mov x3, #1\n msr cntv_ctl_el0, x3
      1: mrs x4, cntvct_el0\n cmp x4, x2\n b.lo 1b\n hvc #0`;
    const g = guest(poll, { follows: true });
    expect(g.pe.run(100_000)).toMatchObject(hvc(0));
    expect(g.timerLevels).toEqual(['CNTV 1']);
    expect(g.pe.cpu.icount).toBeLessThan(100n);
    const short = guest(poll, { follows: true });
    expect(short.pe.run(500)).toEqual({ kind: 'budget' });
    expect(short.pe.cpu.time).toBeLessThan(1000n);
    expect(short.timerLevels).toEqual([]);
  });
  it('asks again whether a counter may be read when a control changes', () => {
    const g = guest('1: mrs x1, cntpct_el0\n hvc #0\n b 1b', { follows: true });
    expect(g.pe.run(100)).toMatchObject(hvc(0));
    g.pe.set('CNTHCTL_EL2', 0n);
    expect(g.pe.run(100)).toMatchObject({ kind: 'el2', record: { ec: 0x18 } });
  });
});
