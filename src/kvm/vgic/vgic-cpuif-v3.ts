// What the PE of a vCPU is plugged into: the interrupt signals, and the ICC_* registers as the running guest uses them.
// A register that is not here, or in a VM without a GICv3, is UNDEFINED. @linux arch/arm64/kvm/hyp/vgic-v3-sr.c (the
// virtual interface), vgic-mmio-v3.c: vgic_v3_dispatch_sgi

import { ICC_CTLR, ICH_VTR } from '../../arch/gic.ts';
import { enc } from '../../arch/schema.ts';
import { bits32, extract, insert } from '../../base/bits.ts';
import type { InterruptSource, SysregDevice } from '../../cpu/pe_ports.ts';
import { notifyAcked } from '../irqfd.ts';
import { vcpuByMpidr } from '../mpidr.ts';
import type { Vcpu } from '../vcpu.ts';
import { getIrq, hasIrqchip, isPending, isSpi, MIN_LPI, NR_PRIVATE_IRQS, requeue, type VgicIrq } from './vgic.ts';
import {
  acknowledge, aprCount, type Candidate, type CpuIf, cleanVmcr, deactivate, endOfInterrupt, type Group, type InterruptList, pendingInGroup,
  runningPriority, SPURIOUS, signalled, type VmcrField, vmcrField, withVmcrField,
} from './vgic-cpuif.ts'; // biome-ignore format: one list
import { setVmcr } from './vgic-v3.ts';

/** The interrupts of the VM that wait for a vCPU. Of equals the lowest INTID is taken. */
function waitingFor(vcpu: Vcpu): InterruptList {
  const { vm } = vcpu;
  return {
    highest: (groups): Candidate | undefined => {
      if (!vm.vgic.enabled) return undefined;
      let best: VgicIrq | undefined;
      for (const irq of vcpu.vgic.apList) {
        if (irq.active || !irq.enabled || !isPending(irq) || ((groups >> irq.group) & 1) === 0) continue;
        if (!best || irq.priority < best.priority || (irq.priority === best.priority && irq.intid < best.intid))
          best = irq;
      }
      return best;
    },
    activate: (intid) => {
      const irq = getIrq(vm, vcpu, intid);
      if (!irq) return SPURIOUS;
      irq.activeSource = irq.source === 0 ? 0 : 31 - Math.clz32(irq.source & -irq.source);
      irq.source &= irq.source - 1;
      irq.pendingLatch = irq.source !== 0;
      irq.active = intid < MIN_LPI;
      requeue(irq);
      return intid | (irq.activeSource << V2_SOURCE);
    },
    deactivate: (name) => deactivateIrq(vcpu, name),
  };
}
/** GICv2 names an SGI together with its sender: CPU<12:10> INTID<9:0>. */
const V2_SOURCE = 10;
/** An interrupt ends, on whatever vCPU it was taken; the sources of a level interrupt hear of it. */
function deactivateIrq(vcpu: Vcpu, name: number): void {
  const v2 = vcpu.vm.vgic.model === 'v2';
  const intid = v2 ? bits32(name, 9, 0) : name;
  const irq = getIrq(vcpu.vm, vcpu, intid);
  if (!irq?.active || (v2 && bits32(name, 12, 10) !== irq.activeSource)) return;
  irq.active = false;
  requeue(irq);
  if (irq.config === 'level' && isSpi(intid)) notifyAcked(vcpu.vm, intid - NR_PRIVATE_IRQS);
}

/** The CPU interface of a vCPU. */
export function makeCpuIf(vcpu: Vcpu): CpuIf {
  const { vtr } = vcpu.vm.kvm.gic;
  return {
    regs: vcpu.vgic,
    list: waitingFor(vcpu),
    priBits: Number(extract(vtr, ...ICH_VTR.PRIbits)) + 1,
    preBits: Number(extract(vtr, ...ICH_VTR.PREbits)) + 1,
    sharedApr: vcpu.vm.vgic.model === 'v2',
  };
}

/**
 * ICC_SGI1R_EL1 and its like: software generated interrupts for vCPUs by affinity, or for all others.
 * @param group1 interrupts of group 1 may be sent too
 * @linux vgic_v3_dispatch_sgi
 */
export function dispatchSgi(vcpu: Vcpu, value: bigint, group1: boolean): void {
  const { vm } = vcpu;
  const sgi = Number(extract(value, 27, 24));
  const send = (to: Vcpu | undefined): void => {
    const irq = to && getIrq(vm, to, sgi);
    if (!irq || (irq.group === 1 && !group1)) return;
    irq.pendingLatch = true;
    requeue(irq);
  };
  if (extract(value, 40, 40) !== 0n) {
    for (const v of vm.vcpus) if (v !== vcpu) send(v);
    return;
  }
  const cluster = (extract(value, 55, 48) << 32n) | (extract(value, 39, 32) << 16n) | (extract(value, 23, 16) << 8n);
  const first = extract(value, 47, 44) * 16n;
  for (let n = 0n; n < 16n; n++) if ((value >> n) & 1n) send(vcpuByMpidr(vm, cluster | (first + n)));
}

interface Port {
  readonly vcpu: Vcpu;
  readonly cpu: CpuIf;
}
interface Row {
  read?(p: Port): number | bigint;
  write?(p: Port, value: bigint): void;
  /** AP<m>R<n>: there only with enough bits of priority. */
  readonly index?: number;
}

const field = (f: VmcrField, mask = 1n): Row => ({
  read: ({ cpu }) => vmcrField(cpu.regs.vmcr, f),
  write: ({ vcpu }, v) => setVmcr(vcpu, f, Number(v & mask)),
});
const intidOf = (v: bigint): number => Number(extract(v, 23, 0));
const group = (g: Group): { readonly iar: Row; readonly eoir: Row; readonly hppir: Row } => ({
  iar: { read: ({ cpu }) => acknowledge(cpu, g) },
  eoir: { write: ({ cpu }, v) => endOfInterrupt(cpu, g, intidOf(v)) },
  hppir: { read: ({ cpu }) => pendingInGroup(cpu, g) },
});
const apr = (key: 'ap0r' | 'ap1r', index: number): Row => ({
  index,
  read: ({ cpu }) => cpu.regs[key][index]!,
  write: ({ cpu }, v) => {
    cpu.regs[key][index] = Number(extract(v, 31, 0));
  },
});
const bpr = (f: 'VBPR0' | 'VBPR1'): Row => ({
  ...field(f, 7n),
  write: ({ vcpu, cpu }, v) => {
    const vmcr = withVmcrField(cpu.regs.vmcr, f, Number(v & 7n));
    setVmcr(vcpu, f, vmcrField(cleanVmcr(cpu, vmcr), f));
  },
});
/** With CBPR group 1 shows the binary point of group 0, one up, and cannot change it. */
const bpr1: Row = {
  read: ({ cpu: { regs } }) =>
    vmcrField(regs.vmcr, 'VCBPR') ? Math.min(vmcrField(regs.vmcr, 'VBPR0') + 1, 7) : vmcrField(regs.vmcr, 'VBPR1'),
  write: (p, v) => {
    if (!vmcrField(p.cpu.regs.vmcr, 'VCBPR')) bpr('VBPR1').write!(p, v);
  },
};
const ctlr: Row = {
  read: ({ vcpu, cpu: { regs } }) => {
    const { vtr } = vcpu.vm.kvm.gic;
    let r = insert(0n, ...ICC_CTLR.PRIbits, extract(vtr, ...ICH_VTR.PRIbits));
    r = insert(r, ...ICC_CTLR.IDbits, extract(vtr, ...ICH_VTR.IDbits));
    r = insert(r, ...ICC_CTLR.SEIS, extract(vtr, ...ICH_VTR.SEIS));
    r = insert(r, ...ICC_CTLR.A3V, extract(vtr, ...ICH_VTR.A3V));
    r = insert(r, ...ICC_CTLR.CBPR, BigInt(vmcrField(regs.vmcr, 'VCBPR')));
    return insert(r, ...ICC_CTLR.EOImode, BigInt(vmcrField(regs.vmcr, 'VEOIM')));
  },
  write: ({ vcpu }, v) => {
    setVmcr(vcpu, 'VCBPR', Number(extract(v, ...ICC_CTLR.CBPR)));
    setVmcr(vcpu, 'VEOIM', Number(extract(v, ...ICC_CTLR.EOImode)));
  },
};
const pmr: Row = {
  ...field('VPMR'),
  write: ({ vcpu, cpu }, v) => setVmcr(vcpu, 'VPMR', Number(v & 0xffn) & (0xff << (8 - cpu.priBits))),
};
const sgi = (group1: boolean): Row => ({ write: ({ vcpu }, v) => dispatchSgi(vcpu, v, group1) });

const G0 = group(0);
const G1 = group(1);
// biome-ignore-start format: a table
const ROWS = new Map<number, Row>([
  [enc(3, 0, 4, 6, 0), pmr], // ICC_PMR_EL1
  [enc(3, 0, 12, 8, 0), G0.iar],
  [enc(3, 0, 12, 8, 1), G0.eoir],
  [enc(3, 0, 12, 8, 2), G0.hppir],
  [enc(3, 0, 12, 8, 3), bpr('VBPR0')],
  ...[0, 1, 2, 3].map((n) => [enc(3, 0, 12, 8, 4 | n), apr('ap0r', n)] as const),
  ...[0, 1, 2, 3].map((n) => [enc(3, 0, 12, 9, n), apr('ap1r', n)] as const),
  [enc(3, 0, 12, 11, 1), { write: ({ cpu }, v) => deactivate(cpu, intidOf(v)) }], // ICC_DIR_EL1
  [enc(3, 0, 12, 11, 3), { read: ({ cpu }) => runningPriority(cpu) }], // ICC_RPR_EL1
  [enc(3, 0, 12, 11, 5), sgi(true)], // ICC_SGI1R_EL1
  [enc(3, 0, 12, 11, 6), sgi(false)], // ICC_ASGI1R_EL1: no other security state
  [enc(3, 0, 12, 11, 7), sgi(false)], // ICC_SGI0R_EL1
  [enc(3, 0, 12, 12, 0), G1.iar],
  [enc(3, 0, 12, 12, 1), G1.eoir],
  [enc(3, 0, 12, 12, 2), G1.hppir],
  [enc(3, 0, 12, 12, 3), bpr1],
  [enc(3, 0, 12, 12, 4), ctlr],
  [enc(3, 0, 12, 12, 5), { read: ({ vcpu }) => vcpu.vgic.sre, write: () => {} }], // ICC_SRE_EL1: fixed
  [enc(3, 0, 12, 12, 6), field('VENG0')],
  [enc(3, 0, 12, 12, 7), field('VENG1')],
]);
// biome-ignore-end format: a table

export type Signal = ReturnType<InterruptSource['pending']>;
export interface InterruptPorts extends InterruptSource, SysregDevice {}

/** GICv3 signals group 0 as FIQ; GICv2 only where the guest wants that. */
function signalOf(cpu: CpuIf): Signal {
  const c = signalled(cpu);
  if (!c) return 'none';
  const fiq = c.group === 0 && (!cpu.sharedApr || vmcrField(cpu.regs.vmcr, 'VFIQEn') !== 0);
  return fiq ? 'fiq' : 'irq';
}

/**
 * The interrupt side of a vCPU's PE. Without an interrupt controller in KVM the program's lines (KVM_IRQ_LINE) are
 * signalled and no ICC_* register exists. Accesses that KVM traps (SGIs, ICC_SRE_EL1, ICC_DIR_EL1) may be handed in too.
 */
export function interruptPorts(vcpu: Vcpu): InterruptPorts {
  const { vm, vgic } = vcpu;
  let made: CpuIf | undefined;
  const cpuIf = (): CpuIf => {
    made ??= makeCpuIf(vcpu);
    return made;
  };
  const rowOf = (encoding: number): Row | undefined => {
    const row = vm.vgic.model === 'v3' ? ROWS.get(encoding) : undefined;
    return row?.index !== undefined && row.index >= aprCount(cpuIf()) ? undefined : row;
  };
  const compute = (): Signal => {
    const cpu = cpuIf();
    vgic.vmcr = cleanVmcr(cpu, vgic.vmcr);
    return signalOf(cpu);
  };
  return {
    pending: () => {
      if (!hasIrqchip(vm)) {
        const { irq, fiq } = vcpu.lines;
        return irq && fiq ? 'both' : irq ? 'irq' : fiq ? 'fiq' : 'none';
      }
      vgic.signal ??= compute();
      return vgic.signal;
    },
    read: (encoding) => {
      const value = rowOf(encoding)?.read?.({ vcpu, cpu: cpuIf() });
      return value === undefined ? undefined : BigInt(value);
    },
    write: (encoding, value) => {
      const row = rowOf(encoding);
      if (!row?.write) return false;
      row.write({ vcpu, cpu: cpuIf() }, value);
      vgic.signal = undefined;
      return true;
    },
  };
}
