// Why did the guest come to EL2, and who deals with it? One row for each exception class that KVM expects; any other is an
// instruction that the guest does not have. @linux arch/arm64/kvm/handle_exit.c

import { type ExceptionClassName, exceptionClassName } from '../arch/esr.ts';
import type { Caller } from '../base/hostfile.ts';
import type { ExceptionRecord } from '../cpu/engine.ts';
import { guestDebugExit } from './debug.ts';
import { getPc, incrPc, setReg } from './emulate.ts';
import { smcccCall } from './hypercalls.ts';
import { forwardToEl2, injectUndefined } from './inject_fault.ts';
import { guestAbort } from './mmu.ts';
import { triageExit } from './nested.ts';
import { trappedSysReg } from './sys_reg_access.ts';
import type { Vcpu } from './vcpu.ts';

/** 'halt': until an interrupt. 'wait': until a page is there. 'again': somebody else first. Otherwise a negative errno. */
export type ExitResult = 'resume' | 'exit' | 'halt' | 'wait' | 'again' | number;
type Handler = (vcpu: Vcpu, iss: number, caller: Caller) => ExitResult;

function undefinedInstruction(vcpu: Vcpu): 'resume' {
  injectUndefined(vcpu);
  return 'resume';
}
const halts = (r: 'resume' | 'exit' | 'wait'): ExitResult => (r === 'wait' ? 'halt' : r);
const IMM16 = 0xffff;

/** PC is past an HVC, and at a trapped SMC. */
const hvc: Handler = (vcpu, _iss, caller) => {
  vcpu.stats.count('hvc_exit_stat');
  return halts(smcccCall(vcpu, caller));
};
const smc: Handler = (vcpu, iss, caller) => {
  incrPc(vcpu);
  if ((iss & IMM16) === 0) return halts(smcccCall(vcpu, caller));
  setReg(vcpu, 0, -1n); // other immediates are reserved
  return 'resume';
};

const isWfe = (iss: number): boolean => (iss & 1) !== 0;
const wfx: Handler = (vcpu, iss) => {
  vcpu.stats.count(isWfe(iss) ? 'wfe_exit_stat' : 'wfi_exit_stat');
  incrPc(vcpu);
  return isWfe(iss) ? 'again' : 'halt';
};

const debug: Handler = (vcpu) => guestDebugExit(vcpu);
const HANDLERS: Readonly<Partial<Record<ExceptionClassName, Handler>>> = {
  WFX: wfx,
  HVC64: hvc,
  SMC64: smc,
  SYS64: (vcpu, iss) => trappedSysReg(vcpu, iss),
  IABT_LOW: (vcpu) => guestAbort(vcpu, true),
  DABT_LOW: (vcpu) => guestAbort(vcpu, false),
  SOFTSTP_LOW: debug,
  WATCHPT_LOW: debug,
  BREAKPT_LOW: debug,
  BRK64: debug,
};
/** @linux handle_exit */
export function handleExit(vcpu: Vcpu, record: ExceptionRecord, caller: Caller): ExitResult {
  const { fault } = vcpu;
  fault.esr = (BigInt(record.ec) << 26n) | (1n << 25n) | BigInt(record.iss >>> 0);
  fault.far = record.far;
  fault.ipa = record.ipa;
  vcpu.faultAddress = record.far;
  vcpu.vm.kvm.trace('kvm_exit', { vcpu: vcpu.id, ec: record.ec, esr: fault.esr, pc: getPc(vcpu) });
  const name = exceptionClassName(record.ec);
  const nested = triageExit(vcpu, name, record.iss);
  if (nested?.how === 'undef') return undefinedInstruction(vcpu);
  if (nested?.how === 'forward') {
    forwardToEl2(vcpu, fault.esr);
    return 'resume';
  }
  const handler = name && HANDLERS[name];
  return handler ? handler(vcpu, record.iss, caller) : undefinedInstruction(vcpu);
}
