// The GICv3 CPU interface registers as the program saves and restores them through the device: ICC_* of the vCPU, and
// for EL2 guests ICH_*, which are the guest hypervisor's own. @linux arch/arm64/kvm/vgic-sys-reg-v3.c

import { ICC_CTLR, ICC_SRE, ICH_VTR } from '../arch/gic.ts';
import { extract, fieldMask, insert } from '../base/bits.ts';
import { packSysreg } from '../uapi/index.ts';
import { refuse } from './errors.ts';
import type { Vcpu } from './vcpu.ts';
import { getVmcr, maxAprIndex, setVmcr } from './vgic/vgic-v3.ts';
import { holds } from './vm_features.ts';

interface Row {
  readonly get: (vcpu: Vcpu) => bigint;
  /** @throws EINVAL */
  readonly set: (vcpu: Vcpu, value: bigint) => void;
  /** Only EL2 guests have it. */
  readonly el2?: boolean;
}

/** The value of ICC_SRE_EL2 for a guest hypervisor. */
const GUEST_SRE_EL2 = BigInt(ICC_SRE.Enable | ICC_SRE.SRE | ICC_SRE.DIB | ICC_SRE.DFB);
/** A guest hypervisor has no direct injection, affinity 3 or extended ids. @linux kvm_get_guest_vtr_el2 */
function guestVtr(vcpu: Vcpu): bigint {
  const vtr = vcpu.vm.kvm.gic.vtr;
  return (
    (vtr & ~(fieldMask(...ICH_VTR.DVIM) | fieldMask(...ICH_VTR.A3V) | fieldMask(...ICH_VTR.IDbits))) |
    fieldMask(...ICH_VTR.nV4)
  );
}

type VmcrField = Parameters<typeof getVmcr>[1];
const vmcr = (field: VmcrField, [hi, lo]: readonly [number, number]): Row => ({
  get: (v) => insert(0n, hi, lo, BigInt(getVmcr(v, field))),
  set: (v, x) => setVmcr(v, field, Number(extract(x, hi, lo))),
});
const bpr1: Row = {
  get: (v) => BigInt(getVmcr(v, 'VCBPR') ? Math.min(getVmcr(v, 'VBPR0') + 1, 7) : getVmcr(v, 'VBPR1')),
  set: (v, x) => {
    if (!getVmcr(v, 'VCBPR')) setVmcr(v, 'VBPR1', Number(extract(x, 2, 0)));
  },
};
const apr = (group: 'ap0r' | 'ap1r', n: number): Row => {
  const has = (v: Vcpu): void => {
    if (n > maxAprIndex(v)) throw refuse.EINVAL;
  };
  return {
    get: (v) => {
      has(v);
      return BigInt(v.vgic[group][n]!);
    },
    set: (v, x) => {
      has(v);
      v.vgic[group][n] = Number(extract(x, 31, 0));
      v.vgic.signal = undefined;
    },
  };
};
const ctlr: Row = {
  get: (v) => {
    const vtr = v.vm.kvm.gic.vtr;
    let r = insert(0n, ...ICC_CTLR.PRIbits, BigInt(v.vgic.priBits - 1));
    r = insert(r, ...ICC_CTLR.IDbits, BigInt(v.vgic.idBits));
    r = insert(r, ...ICC_CTLR.SEIS, extract(vtr, ...ICH_VTR.SEIS));
    r = insert(r, ...ICC_CTLR.A3V, extract(vtr, ...ICH_VTR.A3V));
    r = insert(r, ...ICC_CTLR.CBPR, BigInt(getVmcr(v, 'VCBPR')));
    return insert(r, ...ICC_CTLR.EOImode, BigInt(getVmcr(v, 'VEOIM')));
  },
  set: (v, x) => {
    const vtr = v.vm.kvm.gic.vtr;
    const priBits = Number(extract(x, ...ICC_CTLR.PRIbits)) + 1;
    if (priBits > v.vgic.priBits) throw refuse.EINVAL;
    v.vgic.priBits = priBits; // stays, whatever is refused below
    const idBits = Number(extract(x, ...ICC_CTLR.IDbits));
    if (idBits > v.vgic.idBits) throw refuse.EINVAL;
    v.vgic.idBits = idBits;
    if (extract(x, ...ICC_CTLR.SEIS) !== extract(vtr, ...ICH_VTR.SEIS)) throw refuse.EINVAL;
    if (extract(x, ...ICC_CTLR.A3V) !== extract(vtr, ...ICH_VTR.A3V)) throw refuse.EINVAL;
    setVmcr(v, 'VCBPR', Number(extract(x, ...ICC_CTLR.CBPR)));
    setVmcr(v, 'VEOIM', Number(extract(x, ...ICC_CTLR.EOImode)));
  },
};
const sre: Row = {
  get: (v) => BigInt(v.vgic.sre),
  set: (_v, x) => {
    if ((x & BigInt(ICC_SRE.SRE)) === 0n) throw refuse.EINVAL;
  },
};
/** A constant that may only be written back. */
const fixed = (value: (vcpu: Vcpu) => bigint): Row => ({
  get: value,
  set: (v, x) => {
    if (x !== value(v)) throw refuse.EINVAL;
  },
  el2: true,
});
/** One of the guest hypervisor's registers: kept as written, outside the vCPU's list of registers. */
const ich = (name: string, aprIndex?: number): Row => {
  const has = (v: Vcpu): void => {
    if (aprIndex !== undefined && aprIndex > maxAprIndex(v)) throw refuse.EINVAL;
  };
  return {
    get: (v) => {
      has(v);
      return v.ich.get(name) ?? 0n;
    },
    set: (v, x) => {
      has(v);
      v.ich.set(name, x);
    },
    el2: true,
  };
};

const ROWS = new Map<number, Row>([
  [packSysreg(3, 0, 4, 6, 0), vmcr('VPMR', [7, 0])],
  [packSysreg(3, 0, 12, 8, 3), vmcr('VBPR0', [2, 0])],
  [packSysreg(3, 0, 12, 12, 3), bpr1],
  [packSysreg(3, 0, 12, 12, 4), ctlr],
  [packSysreg(3, 0, 12, 12, 5), sre],
  [packSysreg(3, 0, 12, 12, 6), vmcr('VENG0', [0, 0])],
  [packSysreg(3, 0, 12, 12, 7), vmcr('VENG1', [0, 0])],
  [packSysreg(3, 4, 12, 9, 5), fixed(() => GUEST_SRE_EL2)],
  [packSysreg(3, 4, 12, 11, 0), ich('ICH_HCR_EL2')],
  [packSysreg(3, 4, 12, 11, 1), fixed(guestVtr)],
  [packSysreg(3, 4, 12, 11, 7), ich('ICH_VMCR_EL2')],
]);
for (let n = 0; n < 4; n++) {
  ROWS.set(packSysreg(3, 0, 12, 8, 4 + n), apr('ap0r', n));
  ROWS.set(packSysreg(3, 0, 12, 9, n), apr('ap1r', n));
  ROWS.set(packSysreg(3, 4, 12, 8, n), ich(`ICH_AP0R${n}_EL2`, n));
  ROWS.set(packSysreg(3, 4, 12, 9, n), ich(`ICH_AP1R${n}_EL2`, n));
}
for (let n = 0; n < 16; n++) ROWS.set(packSysreg(3, 4, 12, 12 + (n >> 3), n & 7), ich(`ICH_LR${n}_EL2`));

/** The register that `enc` names and that this vCPU has. */
export function gicSysreg(vcpu: Vcpu, enc: number): Row | undefined {
  const row = ROWS.get(enc);
  return row?.el2 && !holds(vcpu.regs.vm, 'el2') ? undefined : row;
}
