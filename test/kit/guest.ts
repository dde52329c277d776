// A guest in a test: assembly text in, KVM_RUN through the ioctl ABI, exits and registers out. No host process, no files:
// the machine is an engine, a counter that follows executed instructions, and /dev/kvm.

import { assembleProgram } from '../../src/asm/program.ts';
import { builtinModel } from '../../src/cpu/models.ts';
import { PhysMem } from '../../src/cpu/physmem.ts';
import { type KvmOptions, makeKvm } from '../../src/kvm/dev_kvm.ts';
import { type KvmMode, makeHost } from '../../src/kvm/host.ts';
import { SVE_VLS } from '../../src/kvm/sve_regs.ts';
import { createVm, type Kvm, type Vm as KvmVm } from '../../src/kvm/vm.ts';
import { vmFile } from '../../src/kvm/vm_ioctl.ts';
import { createMachine, type Machine } from '../../src/lib/machine.ts';
import { Process } from '../../src/lib/process.ts';
import type { Vcpu } from '../../src/lib/vcpu.ts';
import { type GuestRam, Vm } from '../../src/lib/vm.ts';
import {
  decode,
  type ExitReason,
  KVM_VM_TYPE_ARM,
  type Struct,
  type StructValue,
  structs,
  type VcpuFeature,
} from '../../src/uapi/index.ts';

const model = builtinModel('max');

/** One for all tests of a file: making the interpreter takes longer than any of them. */
let shared: Machine | undefined;
export function testMachine(): Machine {
  shared ??= createMachine({ mem: new PhysMem(256), readId: (enc) => model.raw.get(enc) ?? 0n });
  return shared;
}

export const CODE = 0x8000_0000n;
/** Nothing is there: accesses come out as KVM_EXIT_MMIO. */
export const DEVICE = 0x1000_0000n;
const RAM_BYTES = 0x4_0000n;
const EXIT = 32;

export interface GuestOptions {
  readonly features?: readonly VcpuFeature[];
  /** Default: vhe. */
  readonly mode?: KvmMode;
  readonly isProtected?: boolean;
  /** With the feature SVE. */
  readonly finalize?: boolean;
  /** With `finalize`: the largest vector length that the program asks for, in quadwords. Default: the host's. */
  readonly maxQuads?: number;
  readonly kvm?: Partial<KvmOptions>;
  /** Another VM of the same program, on the same thread. */
  readonly beside?: TestGuest;
  /** The host's CPU; default: the built-in 'max'. */
  readonly raw?: ReadonlyMap<number, bigint>;
  /** Before the first run, when the registers are there. */
  readonly prepare?: (vcpu: Vcpu, vm: Vm) => void;
  /** Before the first vCPU. */
  readonly before?: (vm: Vm) => void;
}

/** A VM with one vCPU at EL1, MMU off, code at CODE, exception vectors wherever the code has put them. */
export class TestGuest {
  readonly process: Process;
  /** What KVM knows. */
  readonly kvm: Kvm;
  readonly kvmVm: KvmVm;
  readonly vm: Vm;
  readonly ram: GuestRam;
  readonly vcpu: Vcpu;
  readonly trace: string[] = [];
  readonly symbols: ReadonlyMap<string, bigint>;
  private readonly page: bigint;

  constructor(source: string, options: GuestOptions = {}) {
    const machine = testMachine();
    const { mem, hardware, counter } = machine;
    const host = makeHost({ raw: options.raw ?? model.raw, mode: options.mode ?? 'vhe' });
    const { beside } = options;
    this.kvm =
      beside?.kvm ??
      makeKvm({
        host,
        mem,
        counter,
        hardware,
        trace: (event, fields) => {
          if (event.startsWith('hypatia_')) this.trace.push(String(fields['what']));
        },
        ...options.kvm,
      });
    this.process = beside?.process ?? new Process(mem, 1, machine);
    this.kvmVm = createVm(this.kvm, BigInt(options.isProtected ? KVM_VM_TYPE_ARM.PROTECTED : 0), this.process);
    this.vm = new Vm(this.process, this.process.installFd(vmFile(this.kvmVm)));
    options.before?.(this.vm);
    this.ram = this.vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: CODE, size: RAM_BYTES });
    const program = assembleProgram(source, { base: CODE });
    for (const s of program.sections) this.ram.write(Number(s.address - CODE), s.bytes);
    this.symbols = program.symbols;
    this.vcpu = this.vm.createVcpu();
    this.vcpu.init({ features: ['PSCI_0_2', ...(options.features ?? [])] });
    const { maxQuads } = options;
    if (maxQuads !== undefined) this.vcpu.setOneReg(SVE_VLS, (1n << BigInt(maxQuads)) - 1n);
    if (options.finalize) this.vcpu.finalize('SVE');
    this.vcpu.setOneReg('PC', program.entry);
    options.prepare?.(this.vcpu, this.vm);
    this.page = this.process.mmap(this.vcpu.fd, 4096);
  }
  run(): ExitReason {
    return this.vcpu.run().reason;
  }
  /** The details of the last exit. */
  exit<F>(s: Struct<F>): StructValue<F> {
    const bytes = new Uint8Array(s.size);
    this.process.memory.read(this.page + BigInt(EXIT), bytes);
    return decode(s, bytes);
  }
  get mmio() {
    return this.exit(structs.exit_mmio);
  }
  /** What the program answers to a read. */
  answerMmio(data: readonly number[]): void {
    this.process.memory.write(this.page + BigInt(EXIT + 8), Uint8Array.from(data));
  }
  x(n: number): bigint {
    return this.vcpu.getOneReg(`X${n}`);
  }
  /** Runs until the guest stores a byte to DEVICE: how these guests say that they are done. */
  finish(): void {
    const reason = this.run();
    if (reason !== 'MMIO') throw new Error(`KVM_RUN came back with ${reason} ${this.trace.join()}`);
  }
}
/** Ends a guest. */
export const DONE = `mov x27, #${DEVICE}\n strb w27, [x27]\n b .\n`;
/** Vectors that store ESR_EL1 and ELR_EL1 in X28 and X29, skip the instruction and go on. */
export const VECTORS = `
  .balign 2048
vectors:
${Array.from({ length: 16 }, () => '  b trap\n  .balign 128').join('\n')}
trap:
  mrs x28, esr_el1
  mrs x29, elr_el1
  add x30, x29, #4
  msr elr_el1, x30
  eret
`;
export const SET_VECTORS = 'adr x30, vectors\n msr vbar_el1, x30\n isb\n';
