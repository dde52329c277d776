// Guests through the library: exits with their types, several vCPUs, interrupts, and a program that needs no Node.

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { assembleProgram } from '../asm/index.ts';
import { type KvmExit, openKvm, type Vcpu, type Vm } from './index.ts';

const RAM = 0x4000_0000n;
const DEVICE = 0x0900_0000n;
const GIC = { distributor: 0x0800_0000n, redistributors: 0x080a_0000n };

function vmWith(source: string, cpus = 1): { vm: Vm; vcpus: Vcpu[]; symbols: ReadonlyMap<string, bigint> } {
  const vm = openKvm({ memory: 64 }).createVm();
  const ram = vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: RAM, size: 0x1_0000n });
  const program = assembleProgram(source, { base: RAM });
  for (const s of program.sections) ram.write(Number(s.address - RAM), s.bytes);
  const vcpus = Array.from({ length: cpus }, (_, i) => {
    const vcpu = vm.createVcpu(i);
    vcpu.init({ features: ['PSCI_0_2'] });
    vcpu.setOneReg('PC', program.entry);
    vcpu.setOneReg('X20', BigInt(i));
    return vcpu;
  });
  return { vm, vcpus, symbols: program.symbols };
}

describe('exits', () => {
  test('an MMIO read takes what the program answers', () => {
    const { vcpus } = vmWith(`mov x1, #${DEVICE}\n ldr w2, [x1, #8]\n str x2, [x1]\n b .`);
    const [vcpu] = vcpus as [Vcpu];
    expect(vcpu.run()).toMatchObject({ reason: 'MMIO', phys_addr: DEVICE + 8n, len: 4, is_write: 0 });
    vcpu.answerMmio(0x1_2345_6789n);
    const exit = vcpu.run();
    expect(exit.reason === 'MMIO' && [...exit.data]).toEqual([0x89, 0x67, 0x45, 0x23, 0, 0, 0, 0]);
  });
  test('every reason has its fields', () => {
    const describeExit = (exit: KvmExit): bigint | number => {
      switch (exit.reason) {
        case 'MMIO':
          return exit.phys_addr;
        case 'SYSTEM_EVENT':
          return exit.type;
        default:
          return -1;
      }
    };
    const { vcpus } = vmWith('mov x0, #8\n movk x0, #0x8400, lsl #16\n hvc #0\n b .');
    expect(describeExit(vcpus[0]!.run())).toBe(1);
  });
  test('a guest that goes on for ever comes back after so many instructions', () => {
    const { vcpus } = vmWith('loop: add x0, x0, #1\n b loop');
    expect(vcpus[0]!.run({ instructions: 10_000 }).reason).toBe('INTR');
    const n = vcpus[0]!.getOneReg('X0');
    expect(n).toBeGreaterThan(4000n);
    vcpus[0]!.run({ instructions: 10_000 });
    expect(vcpus[0]!.getOneReg('X0')).toBe(2n * n);
  });
  test('WFI without anything to wake it comes back; with a timer, time passes', () => {
    expect(vmWith('wfi\n b .').vcpus[0]!.run().reason).toBe('INTR');
    const { vcpus } = vmWith(
      `mrs x1, cntvct_el0\n add x2, x1, #0x100, lsl #12\n msr cntv_cval_el0, x2\n mov x3, #1\n msr cntv_ctl_el0, x3\n
       wait: wfi\n mrs x4, cntv_ctl_el0\n tbz x4, #2, wait\n mrs x2, cntvct_el0\n sub x2, x2, x1\n
       mov x5, #${DEVICE}\n str x2, [x5]\n b .`,
    );
    // Without an interrupt controller the program hears of the timer first.
    expect(vcpus[0]!.run().reason).toBe('INTR');
    expect(vcpus[0]!.deviceIrqLevel()).toBe(1n);
    expect(vcpus[0]!.run().reason).toBe('MMIO');
    expect(vcpus[0]!.getOneReg('X2')).toBeGreaterThanOrEqual(0x10_0000n);
  });
  test('requests that fail throw', () => {
    const { vcpus } = vmWith(`mov x1, #${DEVICE}\n ldp x2, x3, [x1]\n b .`);
    expect(() => vcpus[0]!.run()).toThrow(expect.objectContaining({ name: 'ENOSYS', message: 'KVM_RUN' }));
  });
});

describe('several vCPUs', () => {
  const SPIN = `
    adr x1, turn
  wait:
    ldar w2, [x1]
    cmp w2, w20
    b.ne wait
    add w2, w2, #1
    stlr w2, [x1]
    cmp w20, #3
    b.ne sleep
    mov x1, #${DEVICE}
    str w2, [x1]
  sleep:
    wfi
    b sleep
    .balign 8
  turn: .word 0, 0`;
  test('run together, and wait for each other', () => {
    const { vm, vcpus } = vmWith(SPIN, 4);
    const { vcpu, exit } = vm.run();
    expect([vcpus.indexOf(vcpu), exit.reason === 'MMIO' && exit.data[0]]).toEqual([3, 4]);
    expect(vm.run().exit.reason).toBe('INTR');
    expect(vm.run({ instructions: 1 }).exit.reason).toBe('INTR');
  });
  test('do the same every time', () => {
    const run = (): string => {
      const { vm, vcpus } = vmWith(SPIN, 4);
      vm.run();
      return vcpus.map((v) => `${v.getOneReg('PC')} ${v.getOneReg('X2')}`).join();
    };
    expect(run()).toBe(run());
  });
});

test('an interrupt of the program reaches the guest', () => {
  const { vm, vcpus } = vmWith(`
      adr x0, vectors
      msr vbar_el1, x0
      mov x0, #0xff
      msr s3_0_c4_c6_0, x0           // ICC_PMR_EL1
      mov x0, #1
      msr s3_0_c12_c12_7, x0         // ICC_IGRPEN1_EL1
      mov x1, #${GIC.distributor}
      mov w0, #0x12                  // ARE, group 1
      str w0, [x1]
      mov w0, #-1
      str w0, [x1, #0x84]            // GICD_IGROUPR1
      mov w0, #2
      str w0, [x1, #0x104]           // GICD_ISENABLER1
      msr daifclr, #2
      mov x1, #${DEVICE}
      str w0, [x1]                   // ready
    idle:
      wfi
      b idle
      .balign 2048
    vectors:
      .balign 128
      b .
      .balign 128
      b .
      .balign 128
      b .
      .balign 128
      b .
      .balign 128
      b .
      .balign 128
      mrs x2, s3_0_c12_c12_0         // ICC_IAR1_EL1
      str w2, [x1, #4]
      msr s3_0_c12_c12_1, x2         // ICC_EOIR1_EL1
      eret`);
  const [vcpu] = vcpus as [Vcpu];
  vm.createVgicV3(GIC);
  expect(vcpu.run()).toMatchObject({ reason: 'MMIO', phys_addr: DEVICE });
  expect(vcpu.run().reason).toBe('INTR');
  vm.irqLine({ type: 'SPI', irq: 33 }, true);
  const exit = vcpu.run();
  expect(exit.reason === 'MMIO' && [exit.phys_addr, exit.data[0]]).toEqual([DEVICE + 4n, 33]);
});

test('nothing that the library imports is Node’s', () => {
  const seen = new Set<string>();
  const foreign: string[] = [];
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const [, from] of readFileSync(file, 'utf8').matchAll(/^(?:import|export|}).* from '([^']+)'/gm)) {
      if (from!.startsWith('.')) visit(join(dirname(file), from!));
      else foreign.push(`${file}: ${from}`);
    }
  };
  visit(join(import.meta.dirname, 'index.ts'));
  expect(seen.size).toBeGreaterThan(150);
  expect(foreign).toEqual([]);
});
