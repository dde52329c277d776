// Rules of the interrupt controller one by one: lines and their owners, resampling, absent registers, GICv2, migration.

import { describe, expect, test } from 'vitest';
import { DIST, Gic, ICC, REDIST, V2_CPU } from '../../../test/kit/vgic.ts';
import { GICC, GICD, GICR } from '../../arch/gic.ts';
import type { EventFile } from '../../base/hostfile.ts';
import { KVM_DEV_ARM_VGIC_GRP as GRP } from '../../uapi/index.ts';
import { enableTimers } from '../attrs.ts';
import { setIrq } from '../irqchip.ts';
import { irqfd } from '../irqfd.ts';
import { hasPendingIrq, injectIrq, setLevel } from './vgic.ts';

/** An eventfd outside of any process. */
function eventfd(): EventFile & { count: bigint } {
  const listeners = new Set<() => void>();
  const file = {
    kind: 'eventfd' as const,
    count: 0n,
    signal: (v: bigint) => {
      file.count += v;
      for (const l of listeners) l();
    },
    consume: () => {
      const c = file.count;
      file.count = 0n;
      return c;
    },
    onSignal: (l: () => void) => {
      listeners.add(l);
      return () => listeners.delete(l);
    },
    close: () => {},
  };
  return file;
}
function enableSpi(g: Gic, intid: number, edge: boolean): void {
  g.setEdge(intid, edge);
  g.setBit(GICD.ISENABLER, intid);
}
/** Takes what is signalled and ends it. */
function take(g: Gic): number {
  const intid = g.icc('IAR1');
  g.setIcc('EOIR1', intid);
  return intid;
}

describe('lines', () => {
  test('55: the program cannot drive an interrupt that a timer owns', () => {
    const g = new Gic().open();
    enableTimers(g.cpus[0]!);
    g.setBit(GICD.ISENABLER, 27);
    expect(injectIrq(g.vm, g.cpus[0], 27, true, undefined)).toBe(0);
    expect([g.bit(GICD.ISPENDR, 27), g.signal()]).toEqual([false, 'none']);
    setLevel(g.cpus[0]!, 27, true, g.cpus[0]!.timers[0]!);
    expect([g.bit(GICD.ISPENDR, 27), g.signal()]).toEqual([true, 'irq']);
    setLevel(g.cpus[0]!, 27, false, g.cpus[0]!.timers[0]!);
    expect([g.bit(GICD.ISPENDR, 27), g.signal()]).toEqual([false, 'none']);
  });
  test('a level that stays up comes again after its end, an edge does not', () => {
    const g = new Gic().open();
    enableSpi(g, 40, false);
    injectIrq(g.vm, undefined, 40, true, undefined);
    expect([take(g), g.signal(), take(g)]).toEqual([40, 'irq', 40]);
    injectIrq(g.vm, undefined, 40, false, undefined);
    expect([g.signal(), take(g)]).toEqual(['none', 1023]);
    g.setEdge(40, true);
    injectIrq(g.vm, undefined, 40, true, undefined);
    expect([take(g), g.signal()]).toEqual([40, 'none']);
  });
  test('an edge while active is kept until the end', () => {
    const g = new Gic().open();
    enableSpi(g, 40, true);
    injectIrq(g.vm, undefined, 40, true, undefined);
    expect(g.icc('IAR1')).toBe(40);
    injectIrq(g.vm, undefined, 40, true, undefined);
    expect([g.bit(GICD.ISPENDR, 40), g.bit(GICD.ISACTIVER, 40), g.signal()]).toEqual([true, true, 'none']);
    g.setIcc('EOIR1', 40);
    expect([g.signal(), take(g), take(g)]).toEqual(['irq', 40, 1023]);
  });
  test('KVM_SET_GSI_ROUTING by default: GSI n is SPI n', () => {
    const g = new Gic().open();
    enableSpi(g, 45, true);
    setIrq(g.vm, 13, true);
    expect(take(g)).toBe(45);
  });
  test('a resampling irqfd hears of the end and may raise the line again', () => {
    const g = new Gic().open();
    enableSpi(g, 36, false);
    const [raise, resample] = [eventfd(), eventfd()];
    const files = new Map([
      [3, raise],
      [4, resample],
    ]);
    const caller = { ...g.caller, getFile: (fd: number) => files.get(fd) };
    irqfd(g.vm, { arg: 0n, caller }, { fd: 3, gsi: 4, flags: 2, resamplefd: 4, pad: new Uint8Array(16) });
    raise.signal(1n);
    expect([g.icc('IAR1'), resample.count, raise.count]).toEqual([36, 0n, 0n]);
    g.setIcc('EOIR1', 36);
    expect([resample.count, g.bit(GICD.ISPENDR, 36), g.signal()]).toEqual([1n, false, 'none']);
  });
  test('without resampling an irqfd makes one interrupt of each signal', () => {
    const g = new Gic().open();
    enableSpi(g, 36, true);
    const raise = eventfd();
    const caller = { ...g.caller, getFile: () => raise };
    irqfd(g.vm, { arg: 0n, caller }, { fd: 3, gsi: 4, flags: 0, resamplefd: 0, pad: new Uint8Array(16) });
    raise.signal(1n);
    expect([take(g), take(g)]).toEqual([36, 1023]);
  });
  test('a vCPU that waits is kicked, and is runnable for what its mask lets through', () => {
    const g = new Gic({ cpus: 2 }).open();
    enableSpi(g, 50, true);
    g.setPriority(50, 0x80);
    g.route(50, 1);
    let kicks = 0;
    g.cpus[1]!.onKick = () => kicks++;
    g.setIcc('PMR', 0x80, 1);
    injectIrq(g.vm, undefined, 50, true, undefined);
    expect([kicks > 0, hasPendingIrq(g.cpus[1]!), g.signal(1)]).toEqual([true, false, 'none']);
    g.setIcc('PMR', 0x88, 1);
    expect([hasPendingIrq(g.cpus[1]!), g.signal(1), hasPendingIrq(g.cpus[0]!)]).toEqual([true, 'irq', false]);
  });
});

describe('registers of the CPU interface', () => {
  test('what the program restores counts at once', () => {
    const g = new Gic().open();
    enableSpi(g, 40, true);
    g.setPriority(40, 0x80);
    g.setBit(GICD.ISPENDR, 40);
    expect(g.signal()).toBe('irq');
    g.set(GRP.CPU_SYSREGS, BigInt(ICC.AP1R0), 1n << 4n); // priority 0x20 is being handled
    expect([g.signal(), g.icc('RPR')]).toEqual(['none', 0x20]);
    g.set(GRP.CPU_SYSREGS, BigInt(ICC.AP1R0), 0n);
    g.set(GRP.CPU_SYSREGS, BigInt(ICC.PMR), 0x40n);
    expect(g.signal()).toBe('none');
    g.set(GRP.CPU_SYSREGS, BigInt(ICC.PMR), 0xf8n);
    g.set(GRP.CPU_SYSREGS, BigInt(ICC.IGRPEN1), 0n);
    expect(g.signal()).toBe('none');
    g.set(GRP.CPU_SYSREGS, BigInt(ICC.IGRPEN1), 1n);
    expect(g.signal()).toBe('irq');
    g.set(GRP.DIST_REGS, BigInt(GICD.CTLR), 0n);
    expect(g.signal()).toBe('none');
  });
  test('five bits of priority: one word of active priorities for each group, the other registers are UNDEFINED', () => {
    const g = new Gic().open();
    expect([ICC.AP0R0, ICC.AP1R0].map((e) => g.ports[0]!.read(e))).toEqual([0n, 0n]);
    expect([ICC.AP0R1, ICC.AP1R1].map((e) => g.ports[0]!.read(e))).toEqual([undefined, undefined]);
    expect([g.ports[0]!.write(ICC.AP0R1, 0n), g.ports[0]!.write(ICC.IAR1, 0n)]).toEqual([false, false]);
    expect([g.ports[0]!.read(ICC.EOIR1), g.ports[0]!.read(ICC.SGI1R)]).toEqual([undefined, undefined]);
  });
  test('ICC_SRE_EL1 says that system registers are the only way, and cannot be changed', () => {
    const g = new Gic();
    g.setIcc('SRE', 0);
    expect(g.icc('SRE')).toBe(7);
  });
  test('unimplemented bits: PMR<2:0>, and binary points below the minimum', () => {
    const g = new Gic();
    for (const [name, value, read] of [
      ['PMR', 0xff, 0xf8],
      ['BPR0', 0, 2],
      ['BPR1', 0, 3],
      ['BPR1', 7, 7],
    ] as const) {
      g.setIcc(name, value);
      expect([name, g.icc(name)]).toEqual([name, read]);
    }
  });
  test('ICC_CTLR_EL1 shows what there is: 5 bits of priority, 24 of INTID', () => {
    expect(new Gic().icc('CTLR') & 0x3f00).toBe((4 << 8) | (1 << 11));
  });
  test('without an interrupt controller there is no register, and the program drives the lines', () => {
    const g = new Gic();
    g.vm.vgic.model = 'none';
    expect(g.ports[0]!.read(ICC.IAR1)).toBeUndefined();
    g.cpus[0]!.lines.irq = true;
    expect(g.signal()).toBe('irq');
    g.cpus[0]!.lines.fiq = true;
    expect(g.signal()).toBe('both');
  });
  test('DIR deactivates on any vCPU; the taker keeps its running priority until EOIR', () => {
    const g = new Gic({ cpus: 2 }).open();
    g.setIcc('CTLR', 2);
    g.setIcc('CTLR', 2, 1);
    enableSpi(g, 33, true);
    g.setBit(GICD.ISPENDR, 33);
    expect([g.icc('IAR1'), g.icc('RPR')]).toEqual([33, 0]);
    g.setIcc('DIR', 33, 1);
    expect([g.bit(GICD.ISACTIVER, 33), g.icc('RPR')]).toEqual([false, 0]);
    g.setIcc('EOIR1', 33);
    expect(g.icc('RPR')).toBe(0xff);
  });
});

describe('frames', () => {
  test('what a driver asks first', () => {
    const g = new Gic({ cpus: 3, irqs: 96 });
    expect(g.read(DIST + BigInt(GICD.TYPER)) & 0x1fn).toBe(2n);
    expect(g.read(DIST + BigInt(GICD.PIDR2))).toBe(0x3bn);
    expect(g.read(DIST)).toBe(0x50n);
    expect([0n, 1n, 2n].map((n) => g.read(REDIST + n * 0x2_0000n + BigInt(GICR.TYPER), 8))).toEqual([
      0n,
      (1n << 32n) | (1n << 8n),
      (2n << 32n) | (2n << 8n) | 0x10n,
    ]);
    expect(g.read(REDIST + BigInt(GICR.WAKER))).toBe(0n);
    expect(g.read(REDIST + BigInt(GICR.SYNCR))).toBe(0n);
  });
  test('priorities and targets are bytes, routes are double words', () => {
    const g = new Gic({ cpus: 2 });
    g.write(DIST + BigInt(GICD.IPRIORITYR + 32), 0xff807f10);
    expect(g.read(DIST + BigInt(GICD.IPRIORITYR + 33), 1)).toBe(0x78n);
    g.write(DIST + BigInt(GICD.IROUTER + 40 * 8), 1n, 8);
    expect(g.read(DIST + BigInt(GICD.IROUTER + 40 * 8), 8)).toBe(1n);
    expect(g.read(DIST + BigInt(GICD.ITARGETSR + 32))).toBe(0n);
  });
  test('interrupts that are not there read as zero', () => {
    const g = new Gic({ irqs: 64 });
    g.write(DIST + BigInt(GICD.ISENABLER + 8), 0xffff_ffff);
    expect(g.read(DIST + BigInt(GICD.ISENABLER + 8))).toBe(0n);
    g.write(DIST + BigInt(GICD.ISENABLER), 0xffff_ffff); // private ones are in the redistributor
    expect(g.read(DIST + BigInt(GICD.ISENABLER))).toBe(0n);
    expect(g.read(REDIST + BigInt(GICR.ISENABLER0))).toBe(0xffffn);
  });
});

describe('GICv2', () => {
  const cpuIf = (g: Gic, reg: keyof typeof GICC, cpu = 0): number => Number(g.read(V2_CPU + BigInt(GICC[reg]), 4, cpu));
  const setCpuIf = (g: Gic, reg: keyof typeof GICC, v: number, cpu = 0): void =>
    g.write(V2_CPU + BigInt(GICC[reg]), v, 4, cpu);
  const v2 = (): Gic => {
    const g = new Gic({ model: 'v2', cpus: 2 });
    g.write(DIST, 1);
    for (const cpu of [0, 1]) {
      setCpuIf(g, 'CTLR', 1, cpu);
      setCpuIf(g, 'PMR', 0xff, cpu);
    }
    return g;
  };
  test('an SGI names its sender, once for each sender', () => {
    const g = v2();
    for (const from of [0, 1]) g.write(DIST + BigInt(GICD.SGIR), (1 << 16) | 5, 4, from);
    expect([g.signal(0), g.signal(1)]).toEqual(['irq', 'none']);
    expect(cpuIf(g, 'IAR')).toBe(5);
    setCpuIf(g, 'EOIR', 5);
    expect(cpuIf(g, 'IAR')).toBe(5 | (1 << 10));
    setCpuIf(g, 'EOIR', 5); // of the wrong sender
    expect(g.bit(GICD.ISACTIVER, 5)).toBe(true);
    expect(cpuIf(g, 'IAR')).toBe(1023);
  });
  test('targets: the first CPU of the mask', () => {
    const g = v2();
    g.write(DIST + BigInt(GICD.ITARGETSR + 40), 2, 1);
    g.setEdge(40, true);
    g.setBit(GICD.ISENABLER, 40);
    g.setBit(GICD.ISPENDR, 40);
    expect([g.signal(0), g.signal(1), cpuIf(g, 'HPPIR', 1), cpuIf(g, 'IAR', 1), cpuIf(g, 'RPR', 1)]).toEqual([
      'none',
      'irq',
      40,
      40,
      0,
    ]);
    setCpuIf(g, 'EOIR', 40, 1);
    expect([cpuIf(g, 'RPR', 1), cpuIf(g, 'IAR', 1)]).toEqual([0xff, 1023]);
  });
  test('group 1 behind a plain register is 1022 without AckCtl; FIQEn makes group 0 an FIQ', () => {
    const g = v2();
    g.set(GRP.DIST_REGS, BigInt(GICD.IIDR), g.get(GRP.DIST_REGS, BigInt(GICD.IIDR))); // groups can be set now
    g.set(GRP.DIST_REGS, BigInt(GICD.IGROUPR + 4), 1n);
    setCpuIf(g, 'CTLR', 0b1011);
    for (const i of [32, 33]) {
      g.setEdge(i, true);
      g.setBit(GICD.ISENABLER, i);
      g.setPriority(i, i === 32 ? 0x10 : 0x20);
      g.setBit(GICD.ISPENDR, i);
    }
    expect([g.signal(), cpuIf(g, 'IAR'), cpuIf(g, 'AIAR')]).toEqual(['irq', 1022, 32]);
    setCpuIf(g, 'AEOIR', 32);
    expect([g.signal(), cpuIf(g, 'AIAR'), cpuIf(g, 'IAR')]).toEqual(['fiq', 1023, 33]);
  });
  test('the program sees the mask in five bits', () => {
    const g = v2();
    setCpuIf(g, 'PMR', 0xa0);
    expect([cpuIf(g, 'PMR'), g.get(GRP.CPU_REGS, BigInt(GICC.PMR)) & 0xffn]).toEqual([0xa0, 0x14n]);
  });
});
