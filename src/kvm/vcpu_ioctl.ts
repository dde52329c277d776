// Requests on a vCPU's file. @linux kvm_vcpu_ioctl, arch/arm64/kvm/arm.c: kvm_arch_vcpu_ioctl

import { Errno, type HostFile, type Pending, type Result } from '../base/hostfile.ts';
import {
  isArm64Reg,
  KVM,
  KVM_GUESTDBG,
  KVM_MP_STATE,
  KVMIO,
  regClass,
  regSize,
  structs,
  type ValueOf,
} from '../uapi/index.ts';
import { applyReset, runVcpu } from './arm.ts';
import { vcpuAttrs } from './attrs.ts';
import {
  type Call,
  copyIn,
  copyOut,
  dispatcher,
  type IoctlTable,
  installFd,
  O_CLOEXEC,
  readUser,
  writeUser,
} from './call.ts';
import { putRegs } from './emulate.ts';
import { check, refuse } from './errors.ts';
import { regList } from './get-reg-list.ts';
import { getOneReg, setOneReg } from './guest.ts';
import { injectSeaDabt, injectSerror, SERROR_IDS } from './inject_fault.ts';
import { type DeviceFace, getAttr, hasAttr, setAttr } from './kvm_device.ts';
import { isFinalized, vcpuFinalize, vcpuInit } from './reset.ts';
import { statsFile } from './stats.ts';
import { SVE_VLS } from './sve_regs.ts';
import { mapVcpu, type Vcpu } from './vcpu.ts';
import { kick } from './vgic/vgic.ts';
import { getVm, putVm, refusesCaller } from './vm.ts';

interface Target {
  readonly vcpu: Vcpu;
  readonly attrs: DeviceFace;
}

function requireInit(vcpu: Vcpu): void {
  if (!vcpu.regs.initialized) throw refuse.ENOEXEC;
}

/** @linux kvm_arch_vcpu_ioctl_vcpu_init */
function init({ vcpu }: Target, call: Call): number {
  const { target, features } = copyIn(call, structs.kvm_vcpu_init);
  check(vcpuInit(vcpu.regs, target, features));
  vcpu.lines.irq = false;
  vcpu.lines.fiq = false;
  vcpu.lines.serror = false;
  vcpu.halted = undefined;
  vcpu.mmioNeeded = false;
  setMpState(vcpu, vcpu.regs.powerOff ? KVM_MP_STATE.STOPPED : KVM_MP_STATE.RUNNABLE);
  return 0;
}

function getReg({ vcpu }: Target, call: Call): number {
  requireInit(vcpu);
  const { id, addr } = copyIn(call, structs.kvm_one_reg);
  const value = getOneReg(vcpu.regs, id);
  if (typeof value === 'number') return value;
  writeUser(call, addr, value);
  return 0;
}
/** The value cannot be fetched: what is wrong with the id is noticed before that, or not at all, by its class. */
function withoutValue({ regs }: Vcpu, id: bigint): number {
  if (!isArm64Reg(id)) return -Errno.EINVAL;
  switch (regClass(id)) {
    case 'FW':
    case 'FW_FEAT_BMAP':
      return regSize(id) === 8 ? -Errno.EFAULT : -Errno.ENOENT;
    case 'CORE':
    case 'SVE':
    case 'DEMUX': {
      const old = getOneReg(regs, id);
      if (typeof old === 'number') return old;
      return id === SVE_VLS && regs.sveFinalized ? -Errno.EPERM : -Errno.EFAULT;
    }
    default:
      return -Errno.EFAULT;
  }
}
function setReg({ vcpu }: Target, call: Call): number {
  requireInit(vcpu);
  const { id, addr } = copyIn(call, structs.kvm_one_reg);
  const data = new Uint8Array(regSize(id));
  if (!call.caller.memory.read(addr, data)) return withoutValue(vcpu, id);
  return setOneReg(vcpu.regs, id, data);
}
/** The count is written back in any case. */
function listRegs({ vcpu }: Target, call: Call): number {
  requireInit(vcpu);
  if (!isFinalized(vcpu.regs)) throw refuse.EPERM;
  const room = Number(copyIn(call, structs.kvm_reg_list).n & 0xffff_ffffn); // the kernel keeps it in an int
  const ids = regList(vcpu.regs);
  copyOut(call, structs.kvm_reg_list, { n: BigInt(ids.length) });
  if (room < ids.length) throw refuse.E2BIG;
  writeUser(call, call.arg + BigInt(structs.kvm_reg_list.size), new Uint8Array(BigUint64Array.from(ids).buffer));
  return 0;
}

function setMpState(vcpu: Vcpu, state: number): void {
  vcpu.mpState = state;
  kick(vcpu);
}
const MP_STATES: readonly number[] = [KVM_MP_STATE.RUNNABLE, KVM_MP_STATE.STOPPED, KVM_MP_STATE.SUSPENDED];

// SError and external aborts.

const ISS = 0x1ff_ffffn;
function getEvents({ vcpu }: Target, call: Call): number {
  requireInit(vcpu);
  const hasEsr = vcpu.vm.kvm.host.hasRas;
  const { serror } = vcpu.lines;
  copyOut(call, structs.kvm_vcpu_events, {
    exception: {
      serror_pending: serror ? 1 : 0,
      serror_has_esr: hasEsr ? 1 : 0,
      serror_esr: serror && hasEsr ? vcpu.serrorSyndrome : 0n,
    },
  });
  return 0;
}
/** An external abort takes effect at once and cannot be read back. @linux __kvm_arm_vcpu_set_events */
function setEvents({ vcpu }: Target, call: Call): number {
  requireInit(vcpu);
  const e: ValueOf<typeof structs.kvm_vcpu_events> = copyIn(call, structs.kvm_vcpu_events);
  const x = e.exception;
  if (e.reserved.some((w) => w !== 0) || x.pad.some((b) => b !== 0)) throw refuse.EINVAL;
  if (x.ext_dabt_pending !== 0) injectSeaDabt(vcpu);
  if (x.serror_pending === 0) return 0;
  const hasEsr = x.serror_has_esr !== 0;
  if (hasEsr && (!vcpu.vm.kvm.host.hasRas || (x.serror_esr & ~ISS) !== 0n)) throw refuse.EINVAL;
  injectSerror(vcpu, hasEsr ? x.serror_esr : SERROR_IDS);
  return 0;
}

const GUESTDBG = Object.values(KVM_GUESTDBG).reduce((a, b) => a | b, 0);
function setGuestDebug({ vcpu }: Target, call: Call): number {
  const dbg = copyIn(call, structs.kvm_guest_debug);
  if ((dbg.control & ~GUESTDBG) !== 0) throw refuse.EINVAL;
  const on = (dbg.control & KVM_GUESTDBG.ENABLE) !== 0;
  vcpu.guestDebug = on ? dbg.control : 0;
  if (on && (dbg.control & KVM_GUESTDBG.USE_HW) !== 0) vcpu.debugRegs = dbg.arch;
  return 0;
}

const SIGSET_BYTES = 8;
/** They cannot be blocked. */
const SIGKILL_SIGSTOP = (1n << 8n) | (1n << 18n);
function setSignalMask({ vcpu }: Target, call: Call): number {
  if (call.arg === 0n) {
    vcpu.signalMask = undefined;
    return 0;
  }
  const { len } = copyIn(call, structs.kvm_signal_mask);
  if (len !== SIGSET_BYTES) throw refuse.EINVAL;
  const set = readUser(call, call.arg + BigInt(structs.kvm_signal_mask.size), SIGSET_BYTES);
  vcpu.signalMask = new DataView(set.buffer).getBigUint64(0, true) & ~SIGKILL_SIGSTOP;
  return 0;
}

function getStatsFd({ vcpu }: Target, call: Call): number {
  getVm(vcpu.vm);
  const file = statsFile(vcpu.stats, () => putVm(vcpu.vm));
  return installFd(call, file, `anon_inode:kvm-vcpu-stats:${vcpu.id}`, O_CLOEXEC);
}

const TABLE: IoctlTable<'vcpu', Target> = {
  KVM_RUN: ({ vcpu }, call) => runVcpu(vcpu, call),
  KVM_ARM_VCPU_INIT: init,
  KVM_ARM_VCPU_FINALIZE: ({ vcpu }, call) => {
    requireInit(vcpu);
    const r = vcpuFinalize(vcpu.regs, copyIn(call, structs.kvm_int).value);
    if (r === 0) vcpu.vm.kvm.hypHost?.sveFinalized(vcpu);
    return r;
  },
  KVM_GET_ONE_REG: getReg,
  KVM_SET_ONE_REG: setReg,
  KVM_GET_REG_LIST: listRegs,
  KVM_GET_MP_STATE: ({ vcpu }, call) => {
    copyOut(call, structs.kvm_mp_state, { mp_state: vcpu.mpState });
    return 0;
  },
  KVM_SET_MP_STATE: ({ vcpu }, call) => {
    const { mp_state } = copyIn(call, structs.kvm_mp_state);
    if (!MP_STATES.includes(mp_state)) throw refuse.EINVAL;
    setMpState(vcpu, mp_state);
    return 0;
  },
  KVM_GET_VCPU_EVENTS: getEvents,
  KVM_SET_VCPU_EVENTS: setEvents,
  KVM_SET_GUEST_DEBUG: setGuestDebug,
  KVM_SET_SIGNAL_MASK: setSignalMask,
  KVM_GET_STATS_FD: getStatsFd,
  KVM_SET_DEVICE_ATTR: ({ attrs }, call) => setAttr(attrs, call),
  KVM_GET_DEVICE_ATTR: ({ attrs }, call) => getAttr(attrs, call),
  KVM_HAS_DEVICE_ATTR: ({ attrs }, call) => hasAttr(attrs, call),
};
const dispatch = dispatcher<'vcpu', Target>(TABLE, () => -Errno.EINVAL);

/** A vCPU does one thing at a time: whoever comes while a thread runs it waits for that thread to come out. */
function after(vcpu: Vcpu, next: () => Result): Pending {
  let started: Pending | undefined;
  return {
    step: (budget) => {
      if (started) return started.step(budget);
      if (vcpu.running) return 'wait';
      const r = next();
      if (typeof r === 'number') return r;
      started = r;
      return started.step(budget);
    },
    wakeAt: () => started?.wakeAt?.(),
    interrupt: () => started?.interrupt?.(),
  };
}

/** Registers are where requests look for them, and as a reset that the guest asked for leaves them. */
function settle(vcpu: Vcpu): void {
  putRegs(vcpu);
  applyReset(vcpu);
}

/** The file of a vCPU; the VM lives as long as it is open. */
export function vcpuFile(vcpu: Vcpu): HostFile {
  const { vm } = vcpu;
  const target: Target = { vcpu, attrs: vcpuAttrs(vcpu) };
  getVm(vm);
  return {
    kind: 'kvm-vcpu',
    ioctl: (cmd, arg, caller) => {
      if (refusesCaller(vm, caller)) return -Errno.EIO;
      if (((cmd >>> 8) & 0xff) !== KVMIO) return -Errno.EINVAL;
      const next = (): Result => {
        if (cmd !== KVM.KVM_RUN) settle(vcpu);
        return dispatch(target, cmd, arg, caller);
      };
      return vcpu.running ? after(vcpu, next) : next();
    },
    mmap: (offset, length, shared, prot) => mapVcpu(vcpu, offset, length, shared, prot),
    close: () => putVm(vm),
  };
}
