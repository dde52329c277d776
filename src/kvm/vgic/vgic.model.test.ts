// The interrupt controller against a model that is small enough to be seen to be right: an interrupt is a handful of
// flags, a CPU interface is a stack of priorities. Random sequences of what guest and devices do; after every step
// everything that can be observed must agree. The model is written from the rules of IHI 0069, not from the code.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Gic, type IccName } from '../../../test/kit/vgic.ts';
import { GICD } from '../../arch/gic.ts';
import { injectIrq } from './vgic.ts';

const CPUS = 2;
/** SGIs, PPIs and SPIs that take part. */
const INTIDS = [0, 3, 15, 18, 23, 32, 33, 47, 63];
const PRIVATE = INTIDS.filter((i) => i < 32);

interface ModelIrq {
  readonly intid: number;
  enabled: boolean;
  priority: number;
  group: 0 | 1;
  edge: boolean;
  latch: boolean;
  line: boolean;
  active: boolean;
  /** Which CPU it goes to; of an active one, which CPU has it. */
  target: number;
}
interface ModelCpu {
  pmr: number;
  bpr0: number;
  bpr1: number;
  cbpr: boolean;
  split: boolean;
  enabled: [boolean, boolean];
  /** Group priorities of what was acknowledged and not ended, the most urgent last. */
  readonly stack: { readonly intid: number; readonly group: 0 | 1; readonly priority: number }[];
}

class Model {
  forwarding = false;
  readonly cpus: ModelCpu[] = Array.from({ length: CPUS }, () => ({
    pmr: 0, bpr0: 2, bpr1: 3, cbpr: false, split: false, enabled: [false, false], stack: [],
  })); // biome-ignore format: a record
  readonly irqs: ModelIrq[] = [
    ...this.cpus.flatMap((_, cpu) => PRIVATE.map((i) => make(i, cpu))),
    ...INTIDS.filter((i) => i >= 32).map((i) => make(i, 0)),
  ];

  find(intid: number, cpu: number): ModelIrq {
    return this.irqs.find((i) => i.intid === intid && (intid >= 32 || i.target === cpu))!;
  }
  pending(i: ModelIrq): boolean {
    return i.latch || (!i.edge && i.line);
  }
  preemption(cpu: ModelCpu, i: ModelIrq): number {
    const bits = i.group === 0 || cpu.cbpr ? cpu.bpr0 + 1 : cpu.bpr1;
    return Math.floor(i.priority / 2 ** bits) * 2 ** bits;
  }
  running(cpu: ModelCpu): number {
    return cpu.stack.at(-1)?.priority ?? 256;
  }
  highest(n: number): ModelIrq | undefined {
    const cpu = this.cpus[n]!;
    return this.irqs
      .filter(
        (i) => this.forwarding && i.target === n && i.enabled && this.pending(i) && !i.active && cpu.enabled[i.group],
      )
      .sort((a, b) => a.priority - b.priority || a.intid - b.intid)[0];
  }
  signalled(n: number): ModelIrq | undefined {
    const cpu = this.cpus[n]!;
    const i = this.highest(n);
    return i && i.priority < cpu.pmr && this.preemption(cpu, i) < this.running(cpu) ? i : undefined;
  }
  acknowledge(n: number, group: 0 | 1): number {
    const i = this.signalled(n);
    if (i?.group !== group) return 1023;
    this.cpus[n]!.stack.push({ intid: i.intid, group, priority: this.preemption(this.cpus[n]!, i) });
    i.latch = false;
    i.active = true;
    return i.intid;
  }
  end(n: number, group: 0 | 1, intid: number): void {
    const cpu = this.cpus[n]!;
    if (cpu.stack.at(-1)?.group !== group) return;
    cpu.stack.pop();
    if (!cpu.split) this.find(intid, n).active = false;
  }
}
function make(intid: number, target: number): ModelIrq {
  const edge = intid < 16 || intid >= 32;
  return {
    intid, target, edge, enabled: intid < 16, priority: 0, group: 1, latch: false, line: false, active: false,
  }; // biome-ignore format: a record
}

/** One thing that happens. @returns what the guest sees of it, which must be the same in both */
type Step = { readonly text: string; real(g: Gic, m: Model): number | undefined; model(m: Model): number | undefined };
const nothing = (f: () => void): undefined => {
  f();
  return undefined;
};

const cpuArb = fc.nat(CPUS - 1);
const irqArb = fc.constantFrom(...INTIDS);
const groupArb = fc.constantFrom<0 | 1>(0, 1);
const PRIORITIES = [0, 0x08, 0x10, 0x40, 0x80, 0xa0, 0xa8, 0xf8];

/** Steps on one interrupt: (GIC, model's interrupt). */
function onIrq(
  name: string,
  real: (g: Gic, intid: number, cpu: number) => void,
  model: (i: ModelIrq, cpu: number) => void,
  which = irqArb,
): fc.Arbitrary<Step> {
  return fc.tuple(which, cpuArb).map(([intid, cpu]) => ({
    text: `${name}(${intid}, cpu ${cpu})`,
    real: (g) => nothing(() => real(g, intid, cpu)),
    model: (m) => nothing(() => model(m.find(intid, cpu), cpu)),
  }));
}
const bit = (name: string, offset: number, model: (i: ModelIrq) => void): fc.Arbitrary<Step> =>
  onIrq(name, (g, i, cpu) => g.setBit(offset, i, cpu), model);
const onCpu = <T>(
  name: string,
  value: fc.Arbitrary<T>,
  real: (g: Gic, cpu: number, v: T) => number | undefined,
  model: (m: Model, cpu: number, v: T) => number | undefined,
): fc.Arbitrary<Step> =>
  fc.tuple(cpuArb, value).map(([cpu, v]) => ({
    text: `${name}(cpu ${cpu}, ${String(v)})`,
    real: (g) => real(g, cpu, v),
    model: (m) => model(m, cpu, v),
  }));
const write = (g: Gic, name: IccName, v: number, cpu: number): undefined => nothing(() => g.setIcc(name, v, cpu));
const IAR = ['IAR0', 'IAR1'] as const;
const EOIR = ['EOIR0', 'EOIR1'] as const;
const IGRPEN = ['IGRPEN0', 'IGRPEN1'] as const;

const steps: fc.Arbitrary<Step> = fc.oneof(
  bit('enable', GICD.ISENABLER, (i) => { i.enabled = true; }),
  bit('disable', GICD.ICENABLER, (i) => { i.enabled = false; }),
  bit('pend', GICD.ISPENDR, (i) => { i.latch = true; }),
  bit('unpend', GICD.ICPENDR, (i) => { i.latch = false; }),
  bit('deactivate by GICD', GICD.ICACTIVER, (i) => { i.active = false; }),
  onIrq('raise', (g, i, cpu) => injectIrq(g.vm, g.cpus[cpu], i, true, undefined), (i) => {
    if (i.edge) i.latch = true;
    else i.line = true;
  }),
  onIrq('lower', (g, i, cpu) => injectIrq(g.vm, g.cpus[cpu], i, false, undefined), (i) => { if (!i.edge) i.line = false; }),
  fc.tuple(irqArb, cpuArb, fc.constantFrom(...PRIORITIES)).map(([intid, cpu, p]) => ({
    text: `priority(${intid}, cpu ${cpu}, ${p})`,
    real: (g: Gic) => nothing(() => g.setPriority(intid, p, cpu)),
    model: (m: Model) => nothing(() => { m.find(intid, cpu).priority = p; }),
  })),
  fc.tuple(irqArb, cpuArb, groupArb).map(([intid, cpu, group]) => ({
    text: `group(${intid}, cpu ${cpu}, ${group})`,
    real: (g: Gic) => nothing(() => g.putBit(GICD.IGROUPR, intid, group === 1, cpu)),
    model: (m: Model) => nothing(() => { m.find(intid, cpu).group = group; }),
  })),
  fc.tuple(fc.constantFrom(32, 33, 47, 63), fc.boolean()).map(([intid, edge]) => ({
    text: `${edge ? 'edge' : 'level'}(${intid})`,
    real: (g: Gic) => nothing(() => g.setEdge(intid, edge)),
    model: (m: Model) => nothing(() => { m.find(intid, 0).edge = edge; }),
  })),
  fc.tuple(fc.constantFrom(32, 33, 47, 63), cpuArb).map(([intid, cpu]) => ({
    text: `route(${intid}, cpu ${cpu})`,
    real: (g: Gic) => nothing(() => g.route(intid, cpu)),
    model: (m: Model) => nothing(() => { m.find(intid, 0).target = cpu; }),
  })),
  onCpu('SGI', fc.tuple(fc.constantFrom(0, 3, 15), fc.nat(3), fc.constantFrom<IccName>('SGI1R', 'SGI0R', 'ASGI1R')),
    (g, cpu, [sgi, list, reg]) => nothing(() => g.setIcc(reg, (BigInt(sgi) << 24n) | BigInt(list), cpu)),
    (m, _cpu, [sgi, list, reg]) => nothing(() => {
      for (let to = 0; to < CPUS; to++) {
        const i = m.find(sgi, to);
        if ((list >> to) & 1 && (i.group === 0 || reg === 'SGI1R')) i.latch = true;
      }
    })),
  onCpu('SGI to others', fc.constantFrom(0, 3), (g, cpu, sgi) => nothing(() => g.setIcc('SGI1R', (1n << 40n) | (BigInt(sgi) << 24n), cpu)),
    (m, cpu, sgi) => nothing(() => { m.find(sgi, 1 - cpu).latch = true; })),
  ...[0, 1].map(() => onCpu('acknowledge', groupArb, (g, cpu, group) => g.icc(IAR[group], cpu), (m, cpu, group) => m.acknowledge(cpu, group))),
  ...[0, 1, 2, 3].map(() => onCpu('acknowledge the signal', fc.constant(0), (g, cpu) => g.icc(IAR[g.signal(cpu) === 'fiq' ? 0 : 1], cpu),
    (m, cpu) => m.acknowledge(cpu, m.signalled(cpu)?.group ?? 1))),
  onCpu('raise something', fc.constantFrom(32, 33, 47, 63), (g, cpu, i) => nothing(() => injectIrq(g.vm, g.cpus[cpu], i, true, undefined)), (m, _c, i) => nothing(() => {
    const irq = m.find(i, 0);
    if (irq.edge) irq.latch = true;
    else irq.line = true;
  })),
  ...[0, 1].map(() => onCpu('end', fc.tuple(groupArb, irqArb), (g, cpu, [group, i]) => write(g, EOIR[group], i, cpu),
    (m, cpu, [group, i]) => nothing(() => m.end(cpu, group, i)))),
  ...[0, 1, 2].map(() => cpuArb.map((cpu): Step => ({
    text: `end the last(cpu ${cpu})`,
    real: (g, m) => {
      const last = m.cpus[cpu]!.stack.at(-1);
      return last && write(g, EOIR[last.group], last.intid, cpu);
    },
    model: (m) => nothing(() => {
      const last = m.cpus[cpu]!.stack.at(-1);
      if (last) m.end(cpu, last.group, last.intid);
    }),
  }))),
  onCpu('end nothing', fc.tuple(groupArb, fc.constantFrom(1020, 1022, 1023)), (g, cpu, [group, i]) => write(g, EOIR[group], i, cpu), () => undefined),
  fc.tuple(cpuArb, groupArb).map(([cpu, group]): Step => ({
    text: `end the last as group ${group}(cpu ${cpu})`,
    real: (g, m) => {
      const last = m.cpus[cpu]!.stack.at(-1);
      return last && write(g, EOIR[group], last.intid, cpu);
    },
    model: (m) => nothing(() => {
      const last = m.cpus[cpu]!.stack.at(-1);
      if (last) m.end(cpu, group, last.intid);
    }),
  })),
  onCpu('deactivate', irqArb, (g, cpu, i) => write(g, 'DIR', i, cpu), (m, cpu, i) => nothing(() => {
    if (m.cpus[cpu]!.split) m.find(i, cpu).active = false;
  })),
  onCpu('PMR', fc.constantFrom(0x20, 0xa0, 0xf8, 0xff, 0xff), (g, cpu, v) => write(g, 'PMR', v, cpu),
    (m, cpu, v) => nothing(() => { m.cpus[cpu]!.pmr = Math.floor(v / 8) * 8; })),
  onCpu('BPR0', fc.nat(7), (g, cpu, v) => write(g, 'BPR0', v, cpu), (m, cpu, v) => nothing(() => { m.cpus[cpu]!.bpr0 = Math.max(v, 2); })),
  onCpu('BPR1', fc.nat(7), (g, cpu, v) => write(g, 'BPR1', v, cpu), (m, cpu, v) => nothing(() => {
    if (!m.cpus[cpu]!.cbpr) m.cpus[cpu]!.bpr1 = Math.max(v, 3);
  })),
  onCpu('CTLR', fc.nat(3), (g, cpu, v) => write(g, 'CTLR', v, cpu), (m, cpu, v) => nothing(() => {
    m.cpus[cpu]!.cbpr = v % 2 === 1;
    m.cpus[cpu]!.split = v >= 2;
  })),
  onCpu('IGRPEN', fc.tuple(groupArb, fc.constantFrom(true, true, false)), (g, cpu, [group, on]) => write(g, IGRPEN[group], on ? 1 : 0, cpu),
    (m, cpu, [group, on]) => nothing(() => { m.cpus[cpu]!.enabled[group] = on; })),
  fc.constantFrom(true, true, true, false).map((on) => ({
    text: `GICD_CTLR(${on})`,
    real: (g: Gic) => nothing(() => g.write(0x0800_0000n, on ? 2 : 0)),
    model: (m: Model) => nothing(() => { m.forwarding = on; }),
  })),
); // biome-ignore format: one step a line

/** Everything that shows, without changing anything. */
function seenIn(g: Gic): unknown {
  return {
    irqs: [0, 1].flatMap(
      (cpu) =>
      INTIDS.filter((i) => i < 32 || cpu === 0).map((i) => [
        i, g.bit(GICD.ISENABLER, i, cpu), g.bit(GICD.ISPENDR, i, cpu), g.bit(GICD.ISACTIVER, i, cpu), g.bit(GICD.IGROUPR, i, cpu),
      ]), // biome-ignore format: a record
    ),
    cpus: [0, 1].map((cpu) => [
      g.signal(cpu), g.icc('RPR', cpu), g.icc('HPPIR0', cpu), g.icc('HPPIR1', cpu), g.icc('AP0R0', cpu), g.icc('AP1R0', cpu),
      g.icc('PMR', cpu), g.icc('BPR0', cpu), g.icc('BPR1', cpu),
    ]), // biome-ignore format: a record
  };
}
function expectedOf(m: Model): unknown {
  const levels = (cpu: ModelCpu, group: 0 | 1): number =>
    cpu.stack.filter((s) => s.group === group).reduce((w, s) => w + 2 ** (s.priority / 8), 0);
  return {
    irqs: [0, 1].flatMap((cpu) =>
      INTIDS.filter((i) => i < 32 || cpu === 0).map((intid) => {
        const i = m.find(intid, cpu);
        return [intid, i.enabled, m.pending(i), i.active, i.group === 1];
      }),
    ),
    cpus: m.cpus.map((cpu, n) => {
      const s = m.signalled(n);
      const h = m.highest(n);
      return [
        s ? (s.group === 0 ? 'fiq' : 'irq') : 'none', Math.min(m.running(cpu), 255), h?.group === 0 ? h.intid : 1023,
        h?.group === 1 ? h.intid : 1023, levels(cpu, 0), levels(cpu, 1), cpu.pmr, cpu.bpr0,
        cpu.cbpr ? Math.min(cpu.bpr0 + 1, 7) : cpu.bpr1,
      ]; // biome-ignore format: a record
    }),
  };
}

describe('the distributor, two redistributors and two CPU interfaces', () => {
  test('do what the model does', () => {
    fc.assert(
      fc.property(fc.array(steps, { minLength: 40, maxLength: 200, size: 'max' }), (sequence) => {
        const gic = new Gic({ cpus: CPUS });
        gic.open();
        const model = new Model();
        model.forwarding = true;
        for (const cpu of model.cpus) [cpu.pmr, cpu.enabled] = [0xf8, [true, true]];
        gic.setIcc('IGRPEN0', 1, 0);
        gic.setIcc('IGRPEN0', 1, 1);
        for (const [n, i] of model.irqs.entries()) {
          gic.setBit(GICD.ISENABLER, i.intid, i.target);
          i.enabled = true;
          i.group = n % 2 === 0 ? 0 : 1;
          gic.putBit(GICD.IGROUPR, i.intid, i.group === 1, i.target);
          i.priority = ((n * 5) % 16) * 0x10;
          gic.setPriority(i.intid, i.priority, i.target);
        }
        for (const [n, step] of sequence.entries()) {
          const trail = sequence.slice(0, n + 1).map((s) => s.text);
          expect(step.real(gic, model), trail.join('\n')).toBe(step.model(model));
          expect(seenIn(gic), trail.join('\n')).toEqual(expectedOf(model));
        }
      }),
      { numRuns: 100, seed: 3 },
    );
  });
});
