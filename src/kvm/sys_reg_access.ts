// A guest's access to a system register came to EL2: KVM answers in place of the hardware, or says that there is no such
// register. What userspace sees of the same registers is in sys_regs.ts. @linux arch/arm64/kvm/sys_regs.c: kvm_handle_sys_reg

import { issOfSysreg, sysregOfIss } from '../arch/esr.ts';
import { ID_REGS } from '../arch/id_regs.ts';
import { enc, encParts } from '../arch/schema.ts';
import { encOf, type RegName, registerAt } from '../arch/sysregs.ts';
import { needHolds } from './config.ts';
import { debugRegNames } from './debug.ts';
import { currentEl, getReg, getSysReg, incrPc, putRegs, setReg } from './emulate.ts';
import { injectSync, injectUndefined } from './inject_fault.ts';
import { accessPmu, UNDEFINED } from './pmu-emul.ts';
import type { StoredReg } from './sys_reg_table.ts';
import { sysRegSlot } from './sys_reg_table.ts';
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

/** @param value undefined: a read */
function access(vcpu: Vcpu, encoding: number, value: bigint | undefined): Answer {
  const { vm } = vcpu;
  if (isPmu(encoding)) return accessPmu(vcpu, encoding, value);
  if (isGic(encoding)) return accessGic(vcpu, encoding, value);
  const row = ROWS.get(encoding);
  if (row) {
    const feat = registerAt(encoding, value === undefined ? 'read' : 'write')?.feat ?? 'always';
    if (!needHolds(vm.regs, feat)) return UNDEFINED;
    if (value === undefined) return row.read?.(vcpu) ?? UNDEFINED;
    if (!row.write) return UNDEFINED;
    row.write(vcpu, value);
    return 0n;
  }
  if (idRegIndex(encoding) !== undefined || encoding === CTR)
    return value === undefined ? readVmIdReg(vm.regs, encoding) : UNDEFINED;
  if (encoding === MPIDR) return value === undefined ? getSysReg(vcpu, 'MPIDR_EL1') : UNDEFINED;
  return inFeatureIdSpace(encoding) ? 'unallocated' : UNDEFINED;
}
function accessGic(vcpu: Vcpu, encoding: number, value: bigint | undefined): Answer {
  const ports = vcpu.guest?.ports;
  if (value === undefined) return ports?.read(encoding) ?? UNDEFINED;
  return ports?.write(encoding, value) ? 0n : UNDEFINED;
}

/** DC by set and way does nothing here: caches are coherent. Any other operation is not the guest's. */
const SET_WAY: readonly number[] = [enc(1, 0, 7, 6, 2), enc(1, 0, 7, 10, 2), enc(1, 0, 7, 14, 2)].flatMap((e) =>
  [0, 2, 4].map((op2) => e + op2),
); // (I, C, CI) x (SW, GSW, GDSW)

/** @param iss of the trapped MRS, MSR or system instruction */
export function trappedSysReg(vcpu: Vcpu, iss: number): 'resume' {
  const { enc: encoding, rt, isRead } = sysregOfIss(iss);
  if (encoding >> 14 === 1) {
    if (SET_WAY.includes(encoding)) incrPc(vcpu);
    else undef(vcpu, encoding, isRead);
    return 'resume';
  }
  const answer = access(vcpu, encoding, isRead ? undefined : getReg(vcpu, rt));
  if (answer === 'unallocated' && vmHas(vcpu.vm.regs, 'FEAT_IDST'))
    injectSync(vcpu, EC_SYS64, BigInt(issOfSysreg(encoding, rt, isRead)));
  else if (typeof answer !== 'bigint') undef(vcpu, encoding, isRead);
  else {
    if (isRead) setReg(vcpu, rt, answer);
    incrPc(vcpu);
  }
  return 'resume';
}
function undef(vcpu: Vcpu, encoding: number, isRead: boolean): void {
  const name = registerAt(encoding, isRead ? 'read' : 'write')?.name;
  vcpu.vm.kvm.trace('kvm_sys_access', { vcpu: vcpu.id, el: currentEl(vcpu), name, encoding, isRead });
  injectUndefined(vcpu);
}
