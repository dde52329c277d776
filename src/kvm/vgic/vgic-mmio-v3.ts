// The frames of GICv3's distributor and redistributors, one row a register. @linux arch/arm64/kvm/vgic/vgic-mmio-v3.c

import { GIC_IIDR, GICD, GICD_CTLR, GICD_TYPER, GICR, GICR_CTLR, GICR_TYPER } from '../../arch/gic.ts';
import { Errno } from '../../base/hostfile.ts';
import { mpidrAff, vcpuByMpidr } from '../mpidr.ts';
import type { Vcpu } from '../vcpu.ts';
import {
  getIrq,
  IMP_REV_LATEST,
  IMP_REV_OLDEST,
  isInitialized,
  kick,
  MIN_LPI,
  NR_PRIVATE_IRQS,
  requeue,
} from './vgic.ts';
import { cleanPendbaser, cleanPropbaser, extractBytes, mergeBytes } from './vgic-baser.ts';
import { enableLpis, flushPendingLpis, invalidateLpi, invalidateLpisOf } from './vgic-its.ts';
import {
  type Access, clearActive, clearEnable, clearPendingGuest, ignore, type Read, type Row, raz, readActive, readConfig, readEnable,
  readGroup, readPending, readPendingGuest, readPriority, restorePending, setActive, setEnable, type Write,
  writeConfig, writeGroup, writePriority,
} from './vgic-mmio.ts'; // biome-ignore format: one list

/** 'K' */
const PRODUCT_ID_KVM = 0x4b;
const ID_BITS_SPI = 10;
export const ID_BITS_ITS = 16;
/** GICv3, as PIDR2 says it. */
const ARCH_REV_V3 = 0x3bn;

export function iidr(revision: number): bigint {
  return (
    (BigInt(PRODUCT_ID_KVM) << BigInt(GIC_IIDR.ProductID)) |
    BigInt((revision << GIC_IIDR.Revision) | GIC_IIDR.IMPLEMENTER_ARM)
  );
}
/** The program asks for the behaviour of an older KVM, and changes nothing else. @returns the revision or -EINVAL */
export function checkIidr(now: bigint, asked: bigint): number {
  if (((now ^ asked) & ~BigInt(GIC_IIDR.RevisionMask)) !== 0n) return -Errno.EINVAL;
  const revision = (Number(asked) & GIC_IIDR.RevisionMask) >>> GIC_IIDR.Revision;
  return revision >= IMP_REV_OLDEST && revision <= IMP_REV_LATEST ? revision : -Errno.EINVAL;
}

/** CTLR, TYPER, IIDR, TYPER2: four words in one row. */
const readMisc: Read = ({ vcpu, at }) => {
  const dist = vcpu.vm.vgic;
  switch (at) {
    case GICD.CTLR:
      return BigInt((dist.enabled ? GICD_CTLR.EnableGrp1 : 0) | GICD_CTLR.ARE_NS | GICD_CTLR.DS);
    case GICD.TYPER: {
      const lines = (dist.nrSpis + NR_PRIVATE_IRQS) / 32 - 1;
      const ids = ((dist.hasIts ? ID_BITS_ITS : ID_BITS_SPI) - 1) << GICD_TYPER.IDbits;
      return BigInt(lines | ids | (dist.hasIts ? GICD_TYPER.LPIS : 0));
    }
    case GICD.IIDR:
      return iidr(dist.implementationRev);
    default:
      return 0n; // TYPER2: SGIs without active state need a GICv4.1
  }
};
const writeMisc: Write = (a, value) => {
  const dist = a.vcpu.vm.vgic;
  if (a.at === GICD.CTLR) {
    dist.enabled = (value & BigInt(GICD_CTLR.EnableGrp1)) !== 0n;
    for (const v of a.vcpu.vm.vcpus) kick(v);
    return 0;
  }
  if (!a.user) return 0;
  if (a.at === GICD.IIDR) {
    const revision = checkIidr(readMisc(a), value);
    if (revision < 0) return revision;
    dist.implementationRev = revision;
  } else if (a.at === GICD.TYPER2 && value !== readMisc(a)) {
    return isInitialized(a.vcpu.vm) ? -Errno.EBUSY : -Errno.EINVAL;
  }
  return 0;
};

const readIrouter: Read = ({ vcpu, at, length }) => {
  const irq = getIrq(vcpu.vm, vcpu, at >> 3);
  return irq && (at & 4) === 0 ? extractBytes(BigInt(irq.mpidr), at & 7, length) : 0n;
};
/** There is no Aff3 here: the upper word is ignored. */
const writeIrouter: Write = ({ vcpu, at }, value) => {
  const irq = getIrq(vcpu.vm, vcpu, at >> 3);
  if (irq && (at & 4) === 0) {
    irq.mpidr = Number(value & 0xff_ffffn);
    irq.target = vcpuByMpidr(vcpu.vm, BigInt(irq.mpidr));
    requeue(irq);
  }
  return 0;
};
const readIdregs: Read = ({ at }) => (at === GICD.PIDR2 - GICD.IDREGS ? ARCH_REV_V3 : 0n);

const W = [4];
const BW = [1, 4];
const WX = [4, 8];
/** An array over all 1024 INTIDs, of which the private ones live in the redistributors. */
const spis = (offset: number, bits: number, read: Read, write: Write, widths = W): Row => ({
  offset,
  length: bits * 128,
  widths,
  bits,
  shared: true,
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
export const V3_DIST_REGISTERS: readonly Row[] = [
  words(GICD.CTLR, 16, readMisc, writeMisc),
  words(GICD.STATUSR, 4, () => ~0n, ignore),
  spis(GICD.IGROUPR, 1, readGroup, writeGroup),
  spis(GICD.ISENABLER, 1, readEnable, setEnable),
  spis(GICD.ICENABLER, 1, readEnable, clearEnable),
  spis(GICD.ISPENDR, 1, readPending, restorePending),
  spis(GICD.ICPENDR, 1, readPendingGuest, clearPendingGuest),
  spis(GICD.ISACTIVER, 1, readActive, setActive),
  spis(GICD.ICACTIVER, 1, readActive, clearActive),
  spis(GICD.IPRIORITYR, 8, readPriority, writePriority, BW),
  spis(GICD.ITARGETSR, 8, raz, ignore, BW),
  spis(GICD.ICFGR, 2, readConfig, writeConfig),
  spis(GICD.IGRPMODR, 1, raz, ignore),
  spis(GICD.IROUTER, 64, readIrouter, writeIrouter, WX),
  words(GICD.IDREGS, 48, readIdregs, ignore),
];
// biome-ignore-end format: tables

/** RD_base and SGI_base, 64 KiB each. */
export const REDIST_SIZE = 0x2_0000n;

/** GICR_TYPER.Last: no further redistributor follows in the same stretch. @linux vgic_mmio_vcpu_rdist_is_last */
function isLastRedist(vcpu: Vcpu): boolean {
  const { region, regionIndex } = vcpu.vgic;
  if (!region || regionIndex < region.used - 1) return false;
  if (region.count === 0 || regionIndex !== region.count - 1) return true;
  const end = region.base + BigInt(region.count) * REDIST_SIZE;
  return !vcpu.vm.vgic.redistRegions.some((r) => r.base === end && r.used > 0);
}

const readCtlr: Read = ({ vcpu }) => {
  const caps = vcpu.vm.vgic.implementationRev >= 3 ? GICR_CTLR.IR | GICR_CTLR.CES : 0;
  return BigInt((vcpu.vgic.lpisEnabled ? GICR_CTLR.EnableLPIs : 0) | caps);
};
const writeCtlr: Write = ({ vcpu }, value) => {
  const on = (value & BigInt(GICR_CTLR.EnableLPIs)) !== 0n;
  if (!vcpu.vm.vgic.hasIts || on === vcpu.vgic.lpisEnabled) return 0;
  vcpu.vgic.lpisEnabled = on;
  if (on) enableLpis(vcpu);
  else flushPendingLpis(vcpu);
  return 0;
};
const readTyper: Read = ({ vcpu, at, length }) => {
  const flags = (vcpu.vm.vgic.hasIts ? GICR_TYPER.PLPIS : 0) | (isLastRedist(vcpu) ? GICR_TYPER.Last : 0);
  const typer = (BigInt(mpidrAff(vcpu) & 0xff_ffff) << 32n) | BigInt((vcpu.id & 0xffff) << 8) | BigInt(flags);
  return extractBytes(typer, at, length);
};
const readPropbaser: Read = ({ vcpu, at, length }) => extractBytes(vcpu.vm.vgic.propbaser, at, length);
const writePropbaser: Write = ({ vcpu, at, length }, value) => {
  if (!vcpu.vgic.lpisEnabled)
    vcpu.vm.vgic.propbaser = cleanPropbaser(mergeBytes(vcpu.vm.vgic.propbaser, at, length, value));
  return 0;
};
/** PTZ is write-only. */
const PTZ = 1n << 62n;
const readPendbaser: Read = ({ vcpu, at, length }) => extractBytes(vcpu.vgic.pendbaser & ~PTZ, at, length);
const writePendbaser: Write = ({ vcpu, at, length }, value) => {
  if (!vcpu.vgic.lpisEnabled) vcpu.vgic.pendbaser = cleanPendbaser(mergeBytes(vcpu.vgic.pendbaser, at, length, value));
  return 0;
};
/** The upper words are for GICv4's virtual PEs. */
const lower = (a: Access): boolean => (a.at & 4) === 0 && a.vcpu.vgic.lpisEnabled;
const writeInvlpir: Write = (a, value) => {
  const intid = Number(value & 0xffff_ffffn);
  if (lower(a) && intid >= MIN_LPI) invalidateLpi(a.vcpu.vm, intid);
  return 0;
};
const writeInvallr: Write = (a) => {
  if (lower(a)) invalidateLpisOf(a.vcpu);
  return 0;
};

// biome-ignore-start format: tables
export const V3_REDIST_REGISTERS: readonly Row[] = [
  words(GICR.CTLR, 4, readCtlr, writeCtlr),
  words(GICR.IIDR, 4, () => iidr(0), ignore),
  words(GICR.TYPER, 8, readTyper, ignore, WX),
  // GICR_STATUSR reads as zero like all that is not here; KVM's search misses its row, so it is no attribute either.
  words(GICR.WAKER, 4, raz, ignore),
  words(GICR.PROPBASER, 8, readPropbaser, writePropbaser, WX),
  words(GICR.PENDBASER, 8, readPendbaser, writePendbaser, WX),
  words(GICR.INVLPIR, 8, raz, writeInvlpir, WX),
  words(GICR.INVALLR, 8, raz, writeInvallr, WX),
  words(GICR.SYNCR, 4, raz, ignore),
  words(GICR.IDREGS, 48, readIdregs, ignore),
  words(GICR.IGROUPR0, 4, readGroup, writeGroup),
  words(GICR.ISENABLER0, 4, readEnable, setEnable),
  words(GICR.ICENABLER0, 4, readEnable, clearEnable),
  words(GICR.ISPENDR0, 4, readPending, restorePending),
  words(GICR.ICPENDR0, 4, readPendingGuest, clearPendingGuest),
  words(GICR.ISACTIVER0, 4, readActive, setActive),
  words(GICR.ICACTIVER0, 4, readActive, clearActive),
  words(GICR.IPRIORITYR0, 32, readPriority, writePriority, BW),
  words(GICR.ICFGR0, 8, readConfig, writeConfig),
  words(GICR.IGRPMODR0, 4, raz, ignore),
  words(GICR.NSACR, 4, raz, ignore),
];
// biome-ignore-end format: tables
