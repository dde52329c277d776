// Accesses of the guest to addresses without memory: what does the syndrome say, does a device inside KVM answer, else the
// program is asked. Its answer arrives with the next KVM_RUN. @linux arch/arm64/kvm/mmio.c

import { ISS } from '../arch/esr.ts';
import { extract } from '../base/bits.ts';
import { Errno } from '../base/hostfile.ts';
import { FRAME_SIZE } from '../cpu/physmem.ts';
import { KVM_EXIT, offsetOf, structs } from '../uapi/index.ts';
import { exitToUser, getReg, incrPc, isBigEndian, setReg } from './emulate.ts';
import { injectSeaDabt } from './inject_fault.ts';
import { getExitReason, runPage, setExitReason, type Vcpu } from './vcpu.ts';

const bit = (esr: bigint, n: number): boolean => ((esr >> BigInt(n)) & 1n) === 1n;
const field = (esr: bigint, [hi, lo]: readonly [number, number]): number => Number(extract(esr, hi, lo));
const { DABT } = ISS;
/** Status codes with which bits 12:11 of the syndrome say that the access is one of 64 bytes. */
const hasLoadStoreType = (dfsc: number): boolean => (dfsc >= 0x04 && dfsc <= 0x0f) || dfsc === 0x2a || dfsc === 0x2b;
/** What the program may see of a syndrome without ISV. @linux kvm_vcpu_dabt_iss_nisv_sanitized */
const NISV_SHOWN = (1n << BigInt(DABT.CM)) | (1n << BigInt(DABT.WnR)) | (1n << BigInt(DABT.FnV));
const ISS_MASK = 0x1ff_ffffn;
const DFSC_MASK = 0x3fn;

/** The decoded syndrome of a data abort. */
interface DataAccess {
  readonly write: boolean;
  readonly bytes: 1 | 2 | 4 | 8;
  readonly signExtend: boolean;
  /** The register is 64 bits wide. */
  readonly wide: boolean;
  readonly rt: number;
}
function accessOf(esr: bigint): DataAccess {
  return {
    write: bit(esr, DABT.WnR),
    bytes: (1 << field(esr, DABT.SAS)) as 1 | 2 | 4 | 8,
    signExtend: bit(esr, DABT.SSE),
    wide: bit(esr, DABT.SF),
    rt: field(esr, DABT.SRT),
  };
}

function swap(value: bigint, bytes: number): bigint {
  let out = 0n;
  for (let i = 0; i < bytes; i++) out = (out << 8n) | ((value >> BigInt(8 * i)) & 0xffn);
  return out;
}
function little(data: Uint8Array): bigint {
  return data.reduceRight((v, b) => (v << 8n) | BigInt(b), 0n);
}
function bytesOf(value: bigint, n: number): Uint8Array {
  const out = new Uint8Array(n);
  for (let i = 0; i < n; i++) out[i] = Number((value >> BigInt(8 * i)) & 0xffn);
  return out;
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
  vm.kvm.trace('kvm_mmio', { vcpu: vcpu.id, ipa, esr });
  if (!bit(esr, DABT.ISV)) {
    if (vm.regs.isProtected) {
      injectSeaDabt(vcpu);
      return 'resume';
    }
    if (!vm.options.nisvToUser) return -Errno.ENOSYS;
    exitToUser(vcpu, 'ARM_NISV', structs.exit_arm_nisv, { esr_iss: esr & NISV_SHOWN, fault_ipa: ipa });
    return 'exit';
  }
  if (hasLoadStoreType(Number(esr & DFSC_MASK)) && field(esr, DABT.LST) !== 0) {
    exitToUser(vcpu, 'ARM_LDST64B', structs.exit_arm_nisv, {
      esr_iss: esr & ~DFSC_MASK & ((1n << 56n) - 1n),
      fault_ipa: ipa,
    });
    return 'exit';
  }
  const a = accessOf(esr & ISS_MASK);
  const data = new Uint8Array(a.bytes);
  let done: boolean;
  if (a.write) {
    const v = BigInt.asUintN(a.bytes * 8, getReg(vcpu, a.rt));
    data.set(bytesOf(isBigEndian(vcpu) ? swap(v, a.bytes) : v, a.bytes));
    done = vm.buses.mmio.write(vcpu, ipa, data);
  } else done = vm.buses.mmio.read(vcpu, ipa, data);
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
  const a = accessOf(vcpu.fault.esr & ISS_MASK);
  finish(vcpu, a, runPage(vcpu).slice(DATA, DATA + a.bytes));
}
