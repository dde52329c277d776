import { describe, expect, it } from 'vitest';
import { guest, RAM, vectors } from '../../test/pe_guest.ts';

describe('a guest at EL1', () => {
  it('runs with the MMU off and calls its hypervisor', () => {
    const g = guest('mov x0, #5\n add x0, x0, #2\n hvc #3\n nop');
    expect(g.pe.run(100)).toMatchObject({ kind: 'el2', record: { ec: 0x16, iss: 3 } });
    expect(g.pe.cpu.x(0)).toBe(7n);
    expect(g.pe.cpu.pc).toBe(RAM + 12n);
    expect(g.pe.get('ESR_EL2')).toBe(0x5a000003n);
    expect(g.pe.pstate).toBe(0x3c5n);
  });
  it('stores to a place without memory: an abort to EL2 that says what the instruction was', () => {
    const g = guest('mov x1, #0x9000000\n mov w2, #0x55\n strb w2, [x1, #8]\n hvc #0');
    expect(g.pe.run(100)).toMatchObject({
      kind: 'el2',
      record: { ec: 0x24, iss: (1 << 24) | (2 << 16) | (1 << 6) | 0x05, far: 0x9000008n, ipa: 0x9000008n },
    });
    expect(g.pe.cpu.pc).toBe(RAM + 8n);
    g.pe.cpu.pc += 4n;
    expect(g.pe.run(100)).toMatchObject({ kind: 'el2', record: { ec: 0x16 } });
  });
  it('takes its own exceptions and returns from them', () => {
    const g = guest(`
      adr x0, vectors
      msr vbar_el1, x0
      adr x0, user
      msr elr_el1, x0
      msr spsr_el1, xzr
      mov x1, #0x1000
      msr sp_el0, x1
      mov sp, x0
      eret
    user:
      mov x2, sp
      svc #7
      hvc #1
    ${vectors({ 1024: ['mrs x3, esr_el1', 'mrs x4, elr_el1', 'mrs x5, spsr_el1', 'mrs x6, currentel', 'hvc #9'] })}`);
    expect(g.pe.run(100)).toMatchObject({ kind: 'el2', record: { ec: 0x16, iss: 9 } });
    const { cpu } = g.pe;
    expect(cpu.x(2)).toBe(0x1000n);
    expect(cpu.x(3)).toBe((0x15n << 26n) | (1n << 25n) | 7n);
    expect(cpu.x(4)).toBe(g.symbols.get('user')! + 8n);
    expect([cpu.x(5), cpu.x(6)]).toEqual([0n, 4n]);
  });
});
