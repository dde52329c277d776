// /dev/kvm: the system file, and with it the door to everything else. @linux kvm_dev_ioctl

import { ICH_VTR } from '../arch/gic.ts';
import { insert } from '../base/bits.ts';
import { Errno, type HostFile } from '../base/hostfile.ts';
import type { PhysMem } from '../cpu/physmem.ts';
import { KVM_API_VERSION, PAGE_SIZE } from '../uapi/index.ts';
import { type Call, dispatcher, type IoctlTable, installFd, O_CLOEXEC, O_RDWR } from './call.ts';
import { checkExtension } from './capabilities.ts';
import type { KvmCompat } from './compat.ts';
import { refuse } from './errors.ts';
import { type FpSwitch, PerCpuFp } from './fpsimd.ts';
import { PerVcpuFp, type V6Bug } from './fpsimd_v6.ts';
import type { Hardware } from './hardware.ts';
import type { Host } from './host.ts';
import { PkvmFp } from './hyp/hyp-main.ts';
import type { OfferName } from './offers.ts';
import { HypHost } from './pkvm.ts';
import type { Trace } from './trace.ts';
import { createVm, type GicFacts, type Kvm } from './vm.ts';
import { vmFile } from './vm_ioctl.ts';

export interface KvmOptions {
  readonly host: Host;
  /** Behave as this kernel does where we would do better (compat.ts); default: nowhere. */
  readonly compat?: KvmCompat | undefined;
  /** ID fields that VMs are offered beyond those of Linux 7.2; default: none. */
  readonly offer?: readonly OfferName[];
  /** Where pages that programs map come from: kvm_run, rings, guest_memfds. */
  readonly mem: PhysMem;
  /** The host's counter (CNTPCT_EL0) now; default: it stands still. */
  readonly counter?: () => bigint;
  /** What guests execute on; default: KVM_RUN stops at the door with EIO. */
  readonly hardware?: Hardware;
  /** 64 random bits at a time, for guests that ask for entropy; default: a fixed sequence. */
  readonly random?: () => bigint;
  /** Told what happens; default: nobody is. */
  readonly trace?: Trace;
  /** How FP registers are shared with the host; default: by CPU, as Linux does. */
  readonly fpHostState?: FpHostState;
  readonly eagerFp?: boolean;
  /** Told what becomes of FP registers; default: nobody is. */
  readonly fpTrace?: Trace | undefined;
  /** Default: a GICv3 with 4 list registers, 5 priority bits and 24-bit ids; GICv2 guests only on a GICv2. */
  readonly gic?: Partial<GicFacts>;
}

/** As Linux does now, or as the v6 series found and changed it, with some of its bugs. */
export type FpHostState = 'modern' | { readonly v6: readonly V6Bug[] };

function fpSwitchFor({ mem, fpHostState = 'modern' }: KvmOptions, hypHost: HypHost | undefined): FpSwitch {
  if (fpHostState !== 'modern') return new PerVcpuFp(mem, hypHost, fpHostState.v6);
  return hypHost?.hyp ? new PkvmFp() : new PerCpuFp();
}

function defaultVtr(): bigint {
  const fields = { ListRegs: 3, TDS: 1, nV4: 1, A3V: 1, IDbits: 1, PREbits: 4, PRIbits: 4 } as const;
  let vtr = 0n;
  for (const [name, value] of Object.entries(fields)) {
    const [hi, lo] = ICH_VTR[name as keyof typeof fields];
    vtr = insert(vtr, hi, lo, BigInt(value));
  }
  return vtr;
}

/** @see SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" */
function fixedSequence(): () => bigint {
  const mix = (z: bigint, shift: bigint, by: bigint): bigint => BigInt.asUintN(64, (z ^ (z >> shift)) * by);
  let state = 0n;
  return () => {
    state = BigInt.asUintN(64, state + 0x9e37_79b9_7f4a_7c15n);
    const z = mix(mix(state, 30n, 0xbf58_476d_1ce4_e5b9n), 27n, 0x94d0_49bb_1331_11ebn);
    return z ^ (z >> 31n);
  };
}

function createVmFd(kvm: Kvm, call: Call): number {
  const vm = createVm(kvm, call.arg, call.caller);
  return installFd(call, vmFile(vm), 'anon_inode:kvm-vm', O_RDWR | O_CLOEXEC);
}
function noArgument(call: Call): void {
  if (call.arg !== 0n) throw refuse.EINVAL;
}

const TABLE: IoctlTable<'system', Kvm> = {
  KVM_GET_API_VERSION: (_kvm, call) => {
    noArgument(call);
    return KVM_API_VERSION;
  },
  KVM_CREATE_VM: createVmFd,
  KVM_CHECK_EXTENSION: (kvm, call) => checkExtension(kvm, undefined, call.arg),
  /** kvm_run, and the ring of coalesced MMIO. */
  KVM_GET_VCPU_MMAP_SIZE: (_kvm, call) => {
    noArgument(call);
    return 2 * PAGE_SIZE;
  },
};
const dispatch = dispatcher<'system', Kvm>(TABLE, () => -Errno.EINVAL);

/** The host's KVM, before anybody opened it. */
export function makeKvm(options: KvmOptions): Kvm {
  const { host } = options;
  const hypHost = host.isVhe ? undefined : new HypHost(options.mem, host.mode === 'protected', options.fpTrace);
  return {
    host,
    compat: options.compat,
    offer: options.offer ?? [],
    mem: options.mem,
    gic: { emulatesV2: options.gic?.emulatesV2 ?? host.gic === 'v2', vtr: options.gic?.vtr ?? defaultVtr() },
    trace: options.trace ?? (() => {}),
    counter: options.counter ?? (() => 0n),
    hardware: options.hardware,
    random: options.random ?? fixedSequence(),
    irqfdOwners: new WeakMap(),
    hypHost,
    fp: fpSwitchFor(options, hypHost),
    eagerFp: options.eagerFp ?? false,
    fpTrace: options.fpTrace,
  };
}
/** /dev/kvm, opened. */
export function systemFile(kvm: Kvm): HostFile {
  return {
    kind: 'kvm-system',
    ioctl: (cmd, arg, caller) => dispatch(kvm, cmd, arg, caller),
    close: () => {},
  };
}

/**
 * KVM on a host: what stands behind /dev/kvm.
 * @example
 * const kvm = createKvm({ host: makeHost({ raw, mode: 'vhe' }), mem: new PhysMem(64) });
 * process.installFd(kvm.open(), '/dev/kvm', O_RDWR);
 */
export function createKvm(options: KvmOptions): { readonly host: Host; open(): HostFile } {
  const kvm = makeKvm(options);
  return { host: kvm.host, open: () => systemFile(kvm) };
}
