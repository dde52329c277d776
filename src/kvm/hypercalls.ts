// Firmware calls of a guest, by HVC or SMC: what the program's filter says, what the service bitmaps allow, who answers.
// @arm DEN 0028. @linux arch/arm64/kvm/hypercalls.c: kvm_smccc_call_handler

import { EC } from '../arch/esr.ts';
import { SMCCC, SMCCC_ID, SMCCC_OWNER, SMCCC_RET } from '../arch/smccc.ts';
import { extract } from '../base/bits.ts';
import type { Caller } from '../base/hostfile.ts';
import { KVM_HYPERCALL_EXIT, KVM_SMCCC_FILTER, structs } from '../uapi/index.ts';
import { exitToUser, getReg, setReg } from './emulate.ts';
import type { Mitigation } from './host.ts';
import { isPsci01Call, psciCall, SMCCC_VERSION_1_1 } from './psci.ts';
import { pvTimeFeatures, startStolenTime } from './pvtime.ts';
import { smcccAction } from './smccc_filter.ts';
import { isTrngCall, trngCall } from './trng.ts';
import type { Vcpu } from './vcpu.ts';
import { vmHas } from './vm_features.ts';

/** KVM's own calls. @linux ARM_SMCCC_VENDOR_HYP_KVM_* */
const VENDOR = { FEATURES: 0x8600_0000, PTP: 0x8600_0001 } as const;
const UID = [0xb66f_b428n, 0xe911_c52en, 0x564b_caa9n, 0x743a_004dn] as const;
const NOT_SUPPORTED = BigInt(SMCCC_RET.NOT_SUPPORTED);
const low32 = (v: bigint): bigint => v & 0xffff_ffffn;

/** Calls that a bit of a service bitmap allows: index of the bitmap (fw_regs.ts: SMCCC_SERVICES), bit. */
const GATED: ReadonlyMap<number, readonly [bitmap: number, bit: number]> = new Map([
  [SMCCC.TRNG_VERSION, [0, 0]],
  [SMCCC.TRNG_FEATURES, [0, 0]],
  [SMCCC.TRNG_GET_UUID, [0, 0]],
  [SMCCC.TRNG_RND32, [0, 0]],
  [SMCCC.TRNG_RND64, [0, 0]],
  [SMCCC.HV_PV_TIME_FEATURES, [1, 0]],
  [SMCCC.HV_PV_TIME_ST, [1, 0]],
  [VENDOR.FEATURES, [2, 0]],
  [SMCCC.VENDOR_HYP_CALL_UID, [2, 0]],
  [VENDOR.PTP, [2, 1]],
]);
/** Last of the standard functions that PSCI 0.2 and later have to themselves. */
const PSCI_LAST = 0x1f;

function isAllowed(vcpu: Vcpu, id: number): boolean {
  const gate = GATED.get(id);
  if (gate) return ((vcpu.vm.regs.smcccBitmaps[gate[0]]! >> BigInt(gate[1])) & 1n) === 1n;
  if (id === SMCCC.VERSION || id === SMCCC.ARCH_FEATURES || isPsci01Call(id)) return true;
  const [hi, lo] = SMCCC_ID.OWNER;
  return ((id >>> lo) & (2 ** (hi - lo + 1) - 1)) === SMCCC_OWNER.STANDARD && (id & 0xffff) <= PSCI_LAST;
}

/**
 * W0 names the call; PC is past the instruction. @param caller the thread that runs the vCPU
 * @returns 'exit': to the program, 'wait': until an interrupt
 */
export function smcccCall(vcpu: Vcpu, caller: Caller): 'resume' | 'exit' | 'wait' {
  const id = Number(low32(getReg(vcpu, 0)));
  const action = smcccAction(vcpu.vm, id);
  if (action === KVM_SMCCC_FILTER.FWD_TO_USER) {
    const isSmc = Number(extract(vcpu.fault.esr, 31, 26)) === EC.SMC64.ec;
    exitToUser(vcpu, 'HYPERCALL', structs.exit_hypercall, {
      nr: BigInt(id),
      flags: BigInt(isSmc ? KVM_HYPERCALL_EXIT.SMC : 0),
    });
    return 'exit';
  }
  if (action === KVM_SMCCC_FILTER.DENY || !isAllowed(vcpu, id)) return answer(vcpu, [NOT_SUPPORTED]);
  const values = service(vcpu, id, caller);
  return values ? answer(vcpu, values) : psciCall(vcpu, id);
}
function answer(vcpu: Vcpu, values: readonly bigint[]): 'resume' {
  for (let n = 0; n < 4; n++) setReg(vcpu, n, values[n] ?? 0n);
  return 'resume';
}

/** X0 to X3 of a call that is not PSCI's. */
function service(vcpu: Vcpu, id: number, caller: Caller): readonly bigint[] | undefined {
  const { vm } = vcpu;
  if (isTrngCall(id)) return trngCall(vcpu, id);
  switch (id) {
    case SMCCC.VERSION:
      return [SMCCC_VERSION_1_1];
    case SMCCC.ARCH_FEATURES:
      return [archFeatures(vcpu, Number(low32(getReg(vcpu, 1))))];
    case SMCCC.HV_PV_TIME_FEATURES:
      return [pvTimeFeatures(vcpu)];
    case SMCCC.HV_PV_TIME_ST:
      return [startStolenTime(vcpu, caller)];
    case SMCCC.VENDOR_HYP_CALL_UID:
      return UID;
    case VENDOR.FEATURES:
      return [vm.regs.smcccBitmaps[2]!, 0n, vm.regs.smcccBitmaps[3]!];
    case VENDOR.PTP:
      return ptpTime(vcpu);
    default:
      return undefined;
  }
}

const WORKAROUND: Readonly<Record<Mitigation, bigint>> = { vulnerable: NOT_SUPPORTED, mitigated: 0n, unaffected: 1n };
function archFeatures({ vm }: Vcpu, feature: number): bigint {
  const { host } = vm.kvm;
  switch (feature) {
    case SMCCC.ARCH_WORKAROUND_1:
      return WORKAROUND[host.spectreV2];
    case SMCCC.ARCH_WORKAROUND_2:
      // A guest that sees SSBS helps itself.
      if (host.spectreV4 === 'vulnerable' || (host.spectreV4 === 'mitigated' && vmHas(vm.regs, 'FEAT_SSBS')))
        return NOT_SUPPORTED;
      return BigInt(SMCCC_RET.NOT_REQUIRED);
    case SMCCC.ARCH_WORKAROUND_3:
      return WORKAROUND[host.spectreBhb];
    case SMCCC.HV_PV_TIME_FEATURES:
      return (vm.regs.smcccBitmaps[1]! & 1n) === 1n ? 0n : NOT_SUPPORTED;
    default:
      return NOT_SUPPORTED;
  }
}

const PTP_COUNTER = { VIRTUAL: 0n, PHYSICAL: 1n } as const;
/** Wall clock and counter at one moment. @linux kvm_ptp_get_time */
function ptpTime(vcpu: Vcpu): readonly bigint[] {
  const { regs, kvm } = vcpu.vm;
  const which = low32(getReg(vcpu, 1));
  if (which !== PTP_COUNTER.VIRTUAL && which !== PTP_COUNTER.PHYSICAL) return [NOT_SUPPORTED];
  const offset = which === PTP_COUNTER.VIRTUAL ? regs.virtualOffset : regs.physicalOffset;
  const cycles = BigInt.asUintN(64, kvm.counter() - offset);
  const now = kvm.hardware?.realtime() ?? 0n;
  return [now >> 32n, low32(now), cycles >> 32n, low32(cycles)];
}
