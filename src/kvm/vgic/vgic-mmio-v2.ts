// The frames of GICv2's distributor and CPU interface, one row a register. Some rows of the CPU interface are for the
// guest alone: the hardware's virtual interface, of which the program sees only the state.
// @linux arch/arm64/kvm/vgic/vgic-mmio-v2.c @arm IHI 0048, 5.5

import { GIC_IIDR, GICC, GICC_CTLR, GICD } from '../../arch/gic.ts';
import type { Vcpu } from '../vcpu.ts';
import { getIrq, kick, NR_PRIVATE_IRQS, requeue, type VgicIrq } from './vgic.ts';
import {
  acknowledge,
  type Candidate,
  type CpuIf,
  cleanVmcr,
  deactivate,
  endOfInterrupt,
  type Group,
  highestPending,
  runningPriority,
  SPURIOUS,
  signalled,
} from './vgic-cpuif.ts';
import { makeCpuIf } from './vgic-cpuif-v3.ts';
import {
  type Access, clearActive, clearEnable, clearPending, ignore, 
  PRIORITY_MASK, type Read, type Row, raz, readActive, readConfig, readEnable, readGroup,readPending, readPriority, setActive, setEnable, setPending, type Write, writeConfig, writeGroup, writePriority,
} from './vgic-mmio.ts'; // biome-ignore format: one list
import { checkIidr, iidr } from './vgic-mmio-v3.ts';
import { getVmcr, maxAprIndex, setVmcr } from './vgic-v3.ts';

const ENABLE = 1n;
/** 'K', GICv2, Arm. */
const GICC_IIDR = (0x4bn << 20n) | (2n << 16n) | BigInt(GIC_IIDR.IMPLEMENTER_ARM);

const readMisc: Read = ({ vcpu, at }) => {
  const { vm } = vcpu;
  if (at === GICD.CTLR) return vm.vgic.enabled ? ENABLE : 0n;
  if (at === GICD.TYPER) return BigInt((vm.vgic.nrSpis + NR_PRIVATE_IRQS) / 32 - 1 + ((vm.vcpus.length - 1) << 5));
  return at === GICD.IIDR ? iidr(vm.vgic.implementationRev) : 0n;
};
const writeMisc: Write = (a, value) => {
  const dist = a.vcpu.vm.vgic;
  if (a.at === GICD.CTLR) {
    dist.enabled = (value & ENABLE) !== 0n;
    for (const v of a.vcpu.vm.vcpus) kick(v);
  } else if (a.at === GICD.IIDR && a.user) {
    const revision = checkIidr(readMisc(a), value);
    if (revision < 0) return revision;
    // Programs that know this register know that groups can be restored; older ones would restore the wrong ones.
    dist.v2GroupsWritable = true;
    dist.implementationRev = revision;
  }
  return 0;
};
const restoreGroup: Write = (a, value) => (a.user && !a.vcpu.vm.vgic.v2GroupsWritable ? 0 : writeGroup(a, value));

/** GICD_SGIR: target list, all but self, or self. */
const writeSgir: Write = ({ vcpu }, value) => {
  const mode = Number((value >> 24n) & 3n);
  const all = 2 ** vcpu.vm.vcpus.length - 1;
  const list = [Number((value >> 16n) & 0xffn), all & ~(1 << vcpu.id), 1 << vcpu.id, 0][mode]!;
  for (const [i, target] of vcpu.vm.vcpus.entries()) {
    const irq = (list >> i) & 1 ? getIrq(vcpu.vm, target, Number(value & 0xfn)) : undefined;
    if (irq) send(irq, vcpu);
  }
  return 0;
};
function send(irq: VgicIrq, from: Vcpu): void {
  irq.pendingLatch = true;
  irq.source |= 1 << from.id;
  requeue(irq);
}

function bytes(a: Access, f: (irq: VgicIrq, shift: bigint) => void): void {
  for (let i = 0; i < a.length; i++) {
    const irq = getIrq(a.vcpu.vm, a.vcpu, a.at + i);
    if (irq) f(irq, BigInt(i * 8));
  }
}
function readBytes(a: Access, f: (irq: VgicIrq) => number): bigint {
  let out = 0n;
  bytes(a, (irq, shift) => {
    out |= BigInt(f(irq)) << shift;
  });
  return out;
}
const byteAt = (value: bigint, shift: bigint): number => Number((value >> shift) & 0xffn);

const readTargets: Read = (a) => readBytes(a, (irq) => irq.targets);
/** Private interrupts belong to their vCPU. */
const writeTargets: Write = (a, value) => {
  if (a.at < NR_PRIVATE_IRQS) return 0;
  const { vcpus } = a.vcpu.vm;
  bytes(a, (irq, shift) => {
    irq.targets = byteAt(value, shift) & (2 ** vcpus.length - 1);
    const first = irq.targets === 0 ? 0 : 31 - Math.clz32(irq.targets & -irq.targets);
    irq.target = vcpus[first];
    requeue(irq);
  });
  return 0;
};
const readSources: Read = (a) => readBytes(a, (irq) => irq.source);
const clearSources: Write = (a, value) => {
  bytes(a, (irq, shift) => {
    irq.source &= ~byteAt(value, shift);
    if (irq.source !== 0) return;
    irq.pendingLatch = false;
    requeue(irq);
  });
  return 0;
};
const setSources: Write = (a, value) => {
  bytes(a, (irq, shift) => {
    irq.source |= byteAt(value, shift);
    if (irq.source === 0) return;
    irq.pendingLatch = true;
    requeue(irq);
  });
  return 0;
};

const W = [4];
const BW = [1, 4];
const irqs = (offset: number, bits: number, read: Read, write: Write, widths = W): Row => ({
  offset,
  length: bits * 128,
  widths,
  bits,
  read,
  write, // biome-ignore format: a row
});
const words = (offset: number, length: number, read: Read, write: Write, widths = W): Row => ({
  offset,
  length,
  widths,
  read,
  write,
});

// biome-ignore-start format: tables
export const V2_DIST_REGISTERS: readonly Row[] = [
  words(GICD.CTLR, 12, readMisc, writeMisc),
  irqs(GICD.IGROUPR, 1, readGroup, restoreGroup),
  irqs(GICD.ISENABLER, 1, readEnable, setEnable),
  irqs(GICD.ICENABLER, 1, readEnable, clearEnable),
  irqs(GICD.ISPENDR, 1, readPending, setPending),
  irqs(GICD.ICPENDR, 1, readPending, clearPending),
  irqs(GICD.ISACTIVER, 1, readActive, setActive),
  irqs(GICD.ICACTIVER, 1, readActive, clearActive),
  irqs(GICD.IPRIORITYR, 8, readPriority, writePriority, BW),
  irqs(GICD.ITARGETSR, 8, readTargets, writeTargets, BW),
  irqs(GICD.ICFGR, 2, readConfig, writeConfig),
  words(GICD.SGIR, 4, raz, writeSgir),
  words(GICD.CPENDSGIR, 16, readSources, clearSources, BW),
  words(GICD.SPENDSGIR, 16, readSources, setSources, BW),
];
// biome-ignore-end format: tables

/** GICC_CTLR in terms of ICH_VMCR_EL2. */
const CTLR_FIELDS = [
  [GICC_CTLR.EnableGrp0, 'VENG0'],
  [GICC_CTLR.EnableGrp1, 'VENG1'],
  [GICC_CTLR.AckCtl, 'VAckCtl'],
  [GICC_CTLR.FIQEn, 'VFIQEn'],
  [GICC_CTLR.CBPR, 'VCBPR'],
  [GICC_CTLR.EOImodeNS, 'VEOIM'],
] as const;
const readCtlr: Read = ({ vcpu }) =>
  CTLR_FIELDS.reduce((v, [bit, f]) => v | (BigInt(getVmcr(vcpu, f)) << BigInt(bit)), 0n);
const writeCtlr: Write = ({ vcpu }, value) => {
  for (const [bit, f] of CTLR_FIELDS) setVmcr(vcpu, f, Number((value >> BigInt(bit)) & 1n));
  return 0;
};
/** The ABI shows the program the upper five bits of the mask, shifted down. */
const PMR_SHIFT = 3;
const readPmr: Read = ({ vcpu, user }) => BigInt(getVmcr(vcpu, 'VPMR') >> (user ? PMR_SHIFT : 0));
const writePmr: Write = ({ vcpu, user }, value) => {
  setVmcr(vcpu, 'VPMR', user ? (Number(value & 0x1fn) << PMR_SHIFT) & 0xff : Number(value & PRIORITY_MASK));
  return 0;
};
const bpr = (f: 'VBPR0' | 'VBPR1'): readonly [Read, Write] => [
  ({ vcpu }) => BigInt(getVmcr(vcpu, f)),
  ({ vcpu, user }, value) => {
    setVmcr(vcpu, f, Number(value & 7n));
    vcpu.vgic.vmcr = user ? vcpu.vgic.vmcr : cleanVmcr(makeCpuIf(vcpu), vcpu.vgic.vmcr);
    return 0;
  },
];
const readApr: Read = ({ vcpu, at }) => (at >> 2 > maxAprIndex(vcpu) ? 0n : BigInt(vcpu.vgic.ap1r[at >> 2]!));
const writeApr: Write = ({ vcpu, at }, value) => {
  if (at >> 2 <= maxAprIndex(vcpu)) vcpu.vgic.ap1r[at >> 2] = Number(value & 0xffff_ffffn);
  vcpu.vgic.signal = undefined;
  return 0;
};

// biome-ignore-start format: tables
export const V2_CPU_REGISTERS: readonly Row[] = [
  words(GICC.CTLR, 4, readCtlr, writeCtlr),
  words(GICC.PMR, 4, readPmr, writePmr),
  words(GICC.BPR, 4, ...bpr('VBPR0')),
  words(GICC.ABPR, 4, ...bpr('VBPR1')),
  words(GICC.APR0, 16, readApr, writeApr),
  words(GICC.IIDR, 4, () => GICC_IIDR, ignore),
  words(GICC.DIR, 4, raz, ignore),
];
// biome-ignore-end format: tables

// What only the guest can do.

/** There is one, but of the group that this register does not show. */
const OTHER_GROUP = 1022;
type Pick = (cpu: CpuIf) => Candidate | undefined;
/** AckCtl lets the plain registers deal with group 1 too; the A registers know nothing else. */
const named = (
  pick: Pick,
  take: (cpu: CpuIf, group: Group) => number,
): { readonly plain: Read; readonly aliased: Read } => {
  const changed = (vcpu: Vcpu, name: number): bigint => {
    vcpu.vgic.signal = undefined;
    return BigInt(name);
  };
  return {
    plain: ({ vcpu }) => {
      const cpu = makeCpuIf(vcpu);
      const c = pick(cpu);
      if (c?.group === 1 && getVmcr(vcpu, 'VAckCtl') === 0) return BigInt(OTHER_GROUP);
      return changed(vcpu, c ? take(cpu, c.group) : SPURIOUS);
    },
    aliased: ({ vcpu }) => {
      const cpu = makeCpuIf(vcpu);
      return changed(vcpu, pick(cpu)?.group === 1 ? take(cpu, 1) : SPURIOUS);
    },
  };
};
const iar = named(signalled, acknowledge);
const hppir = named(highestPending, (cpu) => highestPending(cpu)!.intid);
const onEnd =
  (f: (cpu: CpuIf, name: number) => void): Write =>
  ({ vcpu }, value) => {
    f(makeCpuIf(vcpu), Number(value & 0x1fffn));
    vcpu.vgic.signal = undefined;
    return 0;
  };
const eoir = (group: Group): Write => onEnd((cpu, name) => endOfInterrupt(cpu, group, name));

// biome-ignore-start format: tables
/** The CPU interface as the guest has it. */
export const V2_CPU_FRAME: readonly Row[] = [
  words(GICC.IAR, 4, iar.plain, ignore),
  words(GICC.EOIR, 4, raz, eoir(0)),
  words(GICC.RPR, 4, ({ vcpu }) => BigInt(runningPriority(makeCpuIf(vcpu))), ignore),
  words(GICC.HPPIR, 4, hppir.plain, ignore),
  words(GICC.AIAR, 4, iar.aliased, ignore),
  words(GICC.AEOIR, 4, raz, eoir(1)),
  words(GICC.AHPPIR, 4, hppir.aliased, ignore),
  words(GICC.DIR, 4, raz, onEnd(deactivate)),
  ...V2_CPU_REGISTERS,
];
// biome-ignore-end format: tables
