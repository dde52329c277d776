// A guest's access to a system register came to EL2: KVM answers in place of the hardware, or says that there is no such
// register. What userspace sees of the same registers is in sys_regs.ts. @linux arch/arm64/kvm/sys_regs.c: kvm_handle_sys_reg

import { issOfSysreg, sysregOfIss } from '../arch/esr.ts';
import { ID_REGS } from '../arch/id_regs.ts';
import { encParts } from '../arch/schema.ts';
import { encOf, type RegName, registerAt, SYSTEM_OPS } from '../arch/sysregs.ts';
import { debugRegNames } from './debug.ts';
import { currentEl, getReg, getSysReg, incrPc, putRegs, setReg } from './emulate.ts';
import { Triager } from './emulate-nested.ts';
import { forwardToEl2, injectSync, injectUndefined } from './inject_fault.ts';
import { situationOf } from './nested.ts';
import { accessPmu, UNDEFINED } from './pmu-emul.ts';
import type { VmRegs } from './regs_state.ts';
import { type StoredReg, sysRegSlot } from './sys_reg_table.ts';
import { CSSELR_MAX, getCcsidr } from './sys_regs.ts';
import type { Vcpu } from './vcpu.ts';
import { idRegIndex, readVmIdReg, vmHas } from './vm_features.ts';

const EC_SYS64 = 0x18n;

/** What a register does when the guest reads or writes it. A direction that is not there is UNDEFINED. */
interface AccessRow {
  readonly read?: (vcpu: Vcpu) => bigint | typeof UNDEFINED;
  readonly write?: (vcpu: Vcpu, value: bigint) => void;
}
const nothing = (): void => {};
const razWi: AccessRow = { read: () => 0n, write: nothing };
function writeStored(vcpu: Vcpu, name: StoredReg, value: bigint): void {
  putRegs(vcpu);
  vcpu.regs.sys[sysRegSlot(name)] = value;
}
const stored = (name: StoredReg): AccessRow => ({
  read: (vcpu) => getSysReg(vcpu, name),
  write: (vcpu, value) => writeStored(vcpu, name, value),
});
const OSLSR_OSLK = 2n;
const oslar: AccessRow = {
  write: (vcpu, value) => {
    const old = getSysReg(vcpu, 'OSLSR_EL1');
    writeStored(vcpu, 'OSLSR_EL1', (value & 1n) !== 0n ? old | OSLSR_OSLK : old & ~OSLSR_OSLK);
  },
};
const CSSELR_SELECTION = 0xfn;
const ccsidr: AccessRow = {
  read: (vcpu) => {
    const which = Number(getSysReg(vcpu, 'CSSELR_EL1') & CSSELR_SELECTION);
    return which < CSSELR_MAX ? BigInt(getCcsidr(vcpu.regs, which)) : 0n;
  },
};
const ras: AccessRow = razWi;

const byName: { readonly [N in RegName]?: AccessRow } = {
  MDRAR_EL1: { read: () => 0n },
  OSLAR_EL1: oslar,
  OSLSR_EL1: { read: (vcpu) => getSysReg(vcpu, 'OSLSR_EL1') },
  OSDLR_EL1: razWi,
  DBGPRCR_EL1: razWi,
  DBGCLAIMSET_EL1: razWi,
  DBGCLAIMCLR_EL1: razWi,
  DBGAUTHSTATUS_EL1: { read: () => 0n },
  MDCCSR_EL0: razWi,
  DBGDTR_EL0: razWi,
  DBGDTRRX_EL0: razWi,
  MDCCINT_EL1: stored('MDCCINT_EL1'),
  MDSCR_EL1: stored('MDSCR_EL1'),
  ACTLR_EL1: { read: (vcpu) => getSysReg(vcpu, 'ACTLR_EL1'), write: nothing },
  CSSELR_EL1: stored('CSSELR_EL1'),
  CCSIDR_EL1: ccsidr,
  CLIDR_EL1: { read: (vcpu) => getSysReg(vcpu, 'CLIDR_EL1') },
  LORSA_EL1: razWi,
  LOREA_EL1: razWi,
  LORN_EL1: razWi,
  LORC_EL1: razWi,
  LORID_EL1: { read: () => 0n },
  ERRIDR_EL1: ras,
  ERRSELR_EL1: ras,
  ERXFR_EL1: ras,
  ERXCTLR_EL1: ras,
  ERXSTATUS_EL1: ras,
  ERXADDR_EL1: ras,
  ERXPFGF_EL1: ras,
  ERXPFGCTL_EL1: ras,
  ERXPFGCDN_EL1: ras,
  ERXMISC0_EL1: ras,
  ERXMISC1_EL1: ras,
  ERXMISC2_EL1: ras,
  ERXMISC3_EL1: ras,
};
const ROWS = new Map<number, AccessRow>(
  (Object.entries(byName) as [RegName, AccessRow][]).map(([name, row]) => [encOf(name), row]),
);
for (let n = 0; n < 16; n++) for (const name of debugRegNames(n)) ROWS.set(encOf(name), stored(name));

/** Registers that identify the implementation: op0 3, op1 0, 1 or 3, CRn 0, CRm 0 to 7. @linux in_feat_id_space */
function inFeatureIdSpace(encoding: number): boolean {
  const [op0, op1, CRn, CRm] = encParts(encoding);
  return op0 === 3 && (op1 === 0 || op1 === 1 || op1 === 3) && CRn === 0 && CRm < 8;
}
const isPmu = (encoding: number): boolean => {
  const [op0, op1, CRn, CRm] = encParts(encoding);
  if (op0 !== 3) return false;
  if (op1 === 0) return CRn === 9 && CRm === 14;
  return op1 === 3 && ((CRn === 9 && CRm >= 12 && CRm <= 14) || (CRn === 14 && CRm >= 8));
};
/** The GIC's CPU interface, and CNTPOFF-less hosts' counters, belong to others. */
const isGic = (encoding: number): boolean => {
  const [op0, op1, CRn, CRm] = encParts(encoding);
  return op0 === 3 && op1 === 0 && ((CRn === 12 && CRm >= 8) || (CRn === 4 && CRm === 6));
};
const MPIDR = encOf('MPIDR_EL1');
const CTR = ID_REGS.CTR_EL0.enc;

type Answer = bigint | typeof UNDEFINED | 'unallocated';
/** Who answers an access that KVM deals with itself. */
export type Answerer = 'pmu' | 'gic' | 'register' | 'id' | 'mpidr' | 'unallocated' | 'nobody';

/** Asked after the access has turned out to be KVM's own (emulate-nested.ts). */
export function answererOf(encoding: number, isRead: boolean): Answerer {
  if (isPmu(encoding)) return 'pmu';
  if (isGic(encoding)) return 'gic';
  const row = ROWS.get(encoding);
  if (row) return (isRead ? row.read : row.write) ? 'register' : 'nobody';
  if (idRegIndex(encoding) !== undefined || encoding === CTR) return isRead ? 'id' : 'nobody';
  if (encoding === MPIDR) return isRead ? 'mpidr' : 'nobody';
  return inFeatureIdSpace(encoding) ? 'unallocated' : 'nobody';
}
/** The VM as its guest sees it: a hypervisor may show it less than the host. */
const shownTo = (vcpu: Vcpu): VmRegs => vcpu.guest?.regs.vm ?? vcpu.vm.regs;

/** @param value undefined: a read */
function access(vcpu: Vcpu, encoding: number, value: bigint | undefined): Answer {
  switch (answererOf(encoding, value === undefined)) {
    case 'pmu':
      return accessPmu(vcpu, encoding, value);
    case 'gic':
      return accessGic(vcpu, encoding, value);
    case 'register': {
      const row = ROWS.get(encoding)!;
      if (value === undefined) return row.read!(vcpu);
      row.write!(vcpu, value);
      return 0n;
    }
    case 'id':
      return readVmIdReg(shownTo(vcpu), encoding);
    case 'mpidr':
      return getSysReg(vcpu, 'MPIDR_EL1');
    case 'unallocated':
      return 'unallocated';
    case 'nobody':
      return UNDEFINED;
  }
}
function accessGic(vcpu: Vcpu, encoding: number, value: bigint | undefined): Answer {
  const ports = vcpu.guest?.ports;
  if (value === undefined) return ports?.read(encoding) ?? UNDEFINED;
  return ports?.write(encoding, value) ? 0n : UNDEFINED;
}

// Operations. Any that is not here is not the guest's.

type OperationHandler = (vcpu: Vcpu) => void;
/** Caches are coherent: by set and way there is nothing to do. */
const setWay: readonly (readonly [string, OperationHandler])[] = ['I', 'C', 'CI'].flatMap((what) =>
  ['SW', 'GSW', 'GDSW'].map((how) => [`DC_${what}${how}`, nothing] as const),
);
/**
 * TLBI VMALLWS2E1 makes stage 2 forget what it knows to be dirty for the present VMID. A guest hypervisor's stage 2 is
 * cached in TLBs only, which may forget more than they are asked to: so they do, on this vCPU or (IS, OS) on all.
 */
const forgetDirty: readonly (readonly [string, OperationHandler])[] = ['', 'IS', 'OS'].flatMap((share) => {
  const forget: OperationHandler = (vcpu) => {
    for (const v of share === '' ? [vcpu] : vcpu.vm.vcpus) v.guest?.pe.flushTlbs();
  };
  return ['', 'NXS'].map((nxs) => [`TLBI_VMALLWS2E1${share}${nxs}`, forget] as const);
});
const OPERATIONS: ReadonlyMap<number, OperationHandler> = new Map(
  [...setWay, ...forgetDirty].map(([name, handler]) => [SYSTEM_OPS.get(name)!.enc, handler]),
);
/** Whether KVM carries an operation out that came to it. */
export function emulatesOperation(encoding: number): boolean {
  return OPERATIONS.has(encoding);
}

/** @param iss of the trapped MRS, MSR or system instruction. @linux triage_sysreg_trap, kvm_handle_sys_reg */
export function trappedSysReg(vcpu: Vcpu, iss: number): 'resume' {
  const { enc: encoding, rt, isRead } = sysregOfIss(iss);
  const triage = new Triager(situationOf(vcpu)).sysreg(encoding, isRead);
  if (triage.how === 'undef') undef(vcpu, encoding, isRead);
  else if (triage.how === 'forward') forwardToEl2(vcpu, vcpu.fault.esr);
  else if (encoding >> 14 === 1) operate(vcpu, encoding, isRead);
  else answer(vcpu, encoding, rt, isRead);
  return 'resume';
}
function operate(vcpu: Vcpu, encoding: number, isRead: boolean): void {
  const handler = OPERATIONS.get(encoding);
  if (!handler) {
    undef(vcpu, encoding, isRead);
    return;
  }
  handler(vcpu);
  incrPc(vcpu);
}
function answer(vcpu: Vcpu, encoding: number, rt: number, isRead: boolean): void {
  const value = access(vcpu, encoding, isRead ? undefined : getReg(vcpu, rt));
  if (value === 'unallocated' && vmHas(shownTo(vcpu), 'FEAT_IDST'))
    injectSync(vcpu, EC_SYS64, BigInt(issOfSysreg(encoding, rt, isRead)));
  else if (typeof value !== 'bigint') undef(vcpu, encoding, isRead);
  else {
    if (isRead) setReg(vcpu, rt, value);
    incrPc(vcpu);
  }
}
function undef(vcpu: Vcpu, encoding: number, isRead: boolean): void {
  const name = registerAt(encoding, isRead ? 'read' : 'write')?.name;
  vcpu.vm.kvm.trace('kvm_sys_access', { vcpu: vcpu.id, el: currentEl(vcpu), name, encoding, isRead });
  injectUndefined(vcpu);
}
