// Accesses of the guest to addresses without memory: what does the syndrome say, does a device inside KVM answer, else the
// program is asked. Its answer arrives with the next KVM_RUN. @linux arch/arm64/kvm/mmio.c

import { ISS } from '../arch/esr.ts';
import { Errno } from '../base/hostfile.ts';
import { FRAME_SIZE } from '../cpu/physmem.ts';
import { KVM_EXIT, offsetOf, structs } from '../uapi/index.ts';
import { exitToUser, getReg, incrPc, isBigEndian, setReg } from './emulate.ts';
import { injectSeaDabt } from './inject_fault.ts';
import { getExitReason, runPage, setExitReason, type Vcpu } from './vcpu.ts';

const bit = (iss: number, n: number): boolean => ((iss >>> n) & 1) === 1;
const field = (iss: number, [hi, lo]: readonly [number, number]): number => (iss >>> lo) & ((1 << (hi - lo + 1)) - 1);
const { DABT } = ISS;
/** Status codes with which bits 12:11 of the syndrome say that the access is one of 64 bytes. */
const hasLoadStoreType = (dfsc: number): boolean => (dfsc >= 0x04 && dfsc <= 0x0f) || dfsc === 0x2a || dfsc === 0x2b;
/** What the program may see of a syndrome without ISV. @linux kvm_vcpu_dabt_iss_nisv_sanitized */
const NISV_SHOWN = (1n << BigInt(DABT.CM)) | (1n << BigInt(DABT.WnR)) | (1n << BigInt(DABT.FnV));
const DFSC_MASK = 0x3fn;
const LOW_HALF = 0xffff_ffffn;

/** The decoded syndrome of a data abort. */
interface DataAccess {
  readonly write: boolean;
  readonly bytes: 1 | 2 | 4 | 8;
  readonly signExtend: boolean;
  /** The register is 64 bits wide. */
  readonly wide: boolean;
  readonly rt: number;
}
/** @param iss the low half of the syndrome */
function accessOf(iss: number): DataAccess {
  return {
    write: bit(iss, DABT.WnR),
    bytes: (1 << field(iss, DABT.SAS)) as 1 | 2 | 4 | 8,
    signExtend: bit(iss, DABT.SSE),
    wide: bit(iss, DABT.SF),
    rt: field(iss, DABT.SRT),
  };
}

function swap(value: bigint, bytes: number): bigint {
  let out = 0n;
  for (let i = 0; i < bytes; i++) out = (out << 8n) | ((value >> BigInt(8 * i)) & 0xffn);
  return out;
}
const word = new DataView(new ArrayBuffer(8));
const bytes = new Uint8Array(word.buffer);
function little(data: Uint8Array): bigint {
  bytes.fill(0).set(data);
  return word.getBigUint64(0, true);
}
function bytesOf(value: bigint, n: number): Uint8Array {
  word.setBigUint64(0, value, true);
  return bytes.slice(0, n);
}

/** The register of a load takes the data; then the instruction is over. */
function finish(vcpu: Vcpu, a: DataAccess, data: Uint8Array): void {
  if (!a.write) {
    let v = little(data);
    if (isBigEndian(vcpu)) v = swap(v, a.bytes);
    if (a.signExtend) v = BigInt.asIntN(a.bytes * 8, v);
    setReg(vcpu, a.rt, BigInt.asUintN(a.wide ? 64 : 32, v));
  }
  incrPc(vcpu);
}

/**
 * A stage 2 fault where there is no memory.
 * @param ipa all bits of the address
 * @linux io_mem_abort
 */
export function ioMemAbort(vcpu: Vcpu, ipa: bigint): 'resume' | 'exit' | number {
  const { vm, fault } = vcpu;
  const { esr } = fault;
  const iss = Number(esr & LOW_HALF);
  vm.kvm.trace('kvm_mmio', { vcpu: vcpu.id, ipa, esr });
  if (!bit(iss, DABT.ISV)) {
    if (vm.regs.isProtected) {
      injectSeaDabt(vcpu);
      return 'resume';
    }
    if (!vm.options.nisvToUser) return -Errno.ENOSYS;
    exitToUser(vcpu, 'ARM_NISV', structs.exit_arm_nisv, { esr_iss: esr & NISV_SHOWN, fault_ipa: ipa });
    return 'exit';
  }
  if (hasLoadStoreType(Number(esr & DFSC_MASK)) && field(iss, DABT.LST) !== 0) {
    exitToUser(vcpu, 'ARM_LDST64B', structs.exit_arm_nisv, {
      esr_iss: esr & ~DFSC_MASK & ((1n << 56n) - 1n),
      fault_ipa: ipa,
    });
    return 'exit';
  }
  const a = accessOf(iss);
  const { mmio } = vm.buses;
  let data: Uint8Array;
  let done: boolean;
  if (a.write) {
    const v = BigInt.asUintN(a.bytes * 8, getReg(vcpu, a.rt));
    data = bytesOf(isBigEndian(vcpu) ? swap(v, a.bytes) : v, a.bytes);
    done = mmio.write(vcpu, ipa, data);
  } else {
    data = new Uint8Array(a.bytes);
    done = mmio.read(vcpu, ipa, data);
  }
  // kvm_run is written whoever answers; bytes of its data that the access does not have stay what they were.
  const { view } = vm.kvm.mem;
  const at = vcpu.runFrame * FRAME_SIZE;
  view.setBigUint64(at + PHYS_ADDR, ipa, true);
  view.setUint32(at + LEN, a.bytes, true);
  view.setUint8(at + IS_WRITE, a.write ? 1 : 0);
  if (a.write !== done) runPage(vcpu).set(data, DATA);
  if (done) {
    vcpu.stats.count('mmio_exit_kernel');
    finish(vcpu, a, data);
    return 'resume';
  }
  vcpu.stats.count('mmio_exit_user');
  vcpu.mmioNeeded = true;
  setExitReason(vcpu, KVM_EXIT.MMIO);
  return 'exit';
}
const EXIT = offsetOf(structs.kvm_run, 'exit');
const PHYS_ADDR = EXIT + offsetOf(structs.exit_mmio, 'phys_addr');
const DATA = EXIT + offsetOf(structs.exit_mmio, 'data');
const LEN = EXIT + offsetOf(structs.exit_mmio, 'len');
const IS_WRITE = EXIT + offsetOf(structs.exit_mmio, 'is_write');

/** At the start of KVM_RUN: the program has answered. @linux kvm_handle_mmio_return */
export function completeMmio(vcpu: Vcpu): void {
  if (!vcpu.mmioNeeded || getExitReason(vcpu) !== KVM_EXIT.MMIO) return;
  vcpu.mmioNeeded = false;
  const a = accessOf(Number(vcpu.fault.esr & LOW_HALF));
  finish(vcpu, a, runPage(vcpu).slice(DATA, DATA + a.bytes));
}
