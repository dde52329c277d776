// Scenarios: conversations with /dev/kvm and guests that say what to ask and name no implementation. They become lines of
// the script language of tools/oracle/abi_script.c, which drivers (drivers.ts) carry out on our KVM or on a real one; what
// comes back is a list of answers by label.

import { assembleProgram } from '../../src/asm/program.ts';
import { Errno } from '../../src/base/hostfile.ts';
import type { KvmCompat } from '../../src/kvm/compat.ts';
import { regIdByName } from '../../src/kvm/reg_by_name.ts';
import {
  decodeExit,
  encode,
  type IoctlName,
  KVM,
  KVM_ARM_VCPU,
  type PartialValue,
  regSize,
  type Struct,
  structs,
  type VcpuFeature,
} from '../../src/uapi/index.ts';
import { CODE } from './guest.ts';

/** What somebody answered, by label. */
export type Answers = Readonly<Record<string, string>>;
export interface Scenario {
  /** With the number of the invariant in front, where it is one. */
  readonly name: string;
  readonly talk: (t: Talk) => void;
  /** Answers that ours gives otherwise on purpose. */
  readonly deviates?: {
    readonly why: string;
    readonly answers: Answers;
    /** With --kvm-compat ours answers as the real one does. */
    readonly compat?: KvmCompat;
  };
}

/** The buffer of the script, and what is where in it. */
const BUFFER = 0x2_0000_0000n;
const ARG = 0x1000;
const DATA = 0x4000;
const RAM = 0x4_0000;
const RAM_BYTES = 0x4_0000n;
const KVM_FILE = 0;
const VM = 1;
const FIRST_VCPU = 2;
export const GIC_FILE = 20;
/** Bytes of kvm_run up to the end of what exits say. */
const RUN_BYTES = 288;

const errnoName = (r: number): string => Object.entries(Errno).find(([, n]) => n === -r)?.[0] ?? String(r);
const hex = (bytes: Uint8Array): string => [...bytes].map((b) => b.toString(16).padStart(2, '0')).join('');
const unhex = (text: string): Uint8Array => Uint8Array.from(text.match(/../g) ?? [], (x) => Number.parseInt(x, 16));
const little = (bytes: Uint8Array): bigint => bytes.reduceRight((v, b) => (v << 8n) | BigInt(b), 0n);
const wordBytes = (value: bigint, size: number): Uint8Array =>
  Uint8Array.from({ length: size }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));

type Reader = (line: string) => string;
const result: Reader = (line) => (line.startsWith('-') ? errnoName(Number(line)) : line);
const value: Reader = (line) => `0x${little(unhex(line)).toString(16)}`;
/** 'MMIO phys_addr=0x10000000 len=4 is_write=1 data=78560000' */
const exit: Reader = (line) => {
  const e = decodeExit(unhex(line));
  if (!e) return 'a reason that there is not';
  const isRead = e.reason === 'MMIO' && !e.is_write;
  const fields = Object.entries(e).filter(([name]) => name !== 'reason' && !(isRead && name === 'data'));
  const text = (v: unknown): string =>
    typeof v === 'bigint' ? `0x${v.toString(16)}` : v instanceof Uint8Array ? hex(v) : String(v);
  return [e.reason, ...fields.map(([name, v]) => `${name}=${text(v)}`)].join(' ');
};

/** Collects a conversation. Files of the script: 0 /dev/kvm, 1 the VM, 2 and on its vCPUs. */
export class Talk {
  readonly lines: string[] = [];
  /** How to read what each line prints, and under which label; without one it must be 0. */
  private readonly answers: { readonly label: string | undefined; readonly read: Reader }[] = [];
  private vcpus = 0;

  private line(...words: readonly (string | number)[]): void {
    this.lines.push(words.join(' '));
  }
  private printing(label: string | undefined, read: Reader, ...words: readonly (string | number)[]): void {
    this.line(...words);
    this.answers.push({ label, read });
  }
  put(offset: number, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += 1024)
      this.line('F', (offset + at).toString(16), hex(bytes.subarray(at, at + 1024)));
  }
  /** A request with a number. @param store the file that the result becomes */
  ask(label: string | undefined, file: number, name: IoctlName, arg: bigint | number = 0, store?: number): void {
    const words = [file, KVM[name].toString(16), BigInt(arg).toString(16), ...(store === undefined ? [] : [store])];
    this.printing(label, result, 'I', ...words);
  }
  /** A request with a structure. */
  give<F>(label: string | undefined, file: number, name: IoctlName, s: Struct<F>, v: PartialValue<F>): void {
    this.put(ARG, encode(s, v));
    this.ask(label, file, name, BUFFER + BigInt(ARG));
  }
  show(label: string, offset: number, length: number): void {
    this.printing(label, value, 'D', offset.toString(16), length);
  }

  vm(): void {
    this.vcpus = 0;
    this.line('Z');
    this.line('O', KVM_FILE);
    this.ask(undefined, KVM_FILE, 'KVM_CREATE_VM', 0, VM);
  }
  /** A vCPU of that VM. @returns its file */
  vcpu(...features: VcpuFeature[]): number {
    const file = FIRST_VCPU + this.vcpus;
    this.ask(undefined, VM, 'KVM_CREATE_VCPU', this.vcpus++, file);
    const bits = features.reduce((b, f) => b | (1 << KVM_ARM_VCPU[f]), 1 << KVM_ARM_VCPU.PSCI_0_2);
    this.give(undefined, file, 'KVM_ARM_VCPU_INIT', structs.kvm_vcpu_init, {
      target: 5,
      features: [bits, 0, 0, 0, 0, 0, 0],
    });
    return file;
  }
  /** A VM with memory at CODE and this program in it, and one vCPU at its start. @returns the file of the vCPU */
  guest(source: string, ...features: VcpuFeature[]): number {
    this.vm();
    this.memory();
    const program = assembleProgram(source, { base: CODE });
    for (const s of program.sections) this.put(RAM + Number(s.address - CODE), s.bytes);
    const vcpu = this.vcpu(...features);
    this.set(undefined, vcpu, 'PC', program.entry);
    return vcpu;
  }
  memory(): void {
    const region = { slot: 0, guest_phys_addr: CODE, memory_size: RAM_BYTES, userspace_addr: BUFFER + BigInt(RAM) };
    this.give(undefined, VM, 'KVM_SET_USER_MEMORY_REGION', structs.kvm_userspace_memory_region, region);
  }
  /** A GICv3 whose registers are where they are given; not initialised. */
  gic(distributor: bigint, redistributors: bigint): void {
    this.give(undefined, VM, 'KVM_CREATE_DEVICE', structs.kvm_create_device, { type: 7 });
    this.line('G', (ARG + 4).toString(16), GIC_FILE);
    this.attr(undefined, GIC_FILE, 3, 0n, wordBytes(64n, 4));
    this.attr(undefined, GIC_FILE, 0, 2n, wordBytes(distributor, 8));
    this.attr('redistributors', GIC_FILE, 0, 3n, wordBytes(redistributors, 8));
  }
  attr(label: string | undefined, file: number, group: number, attr: bigint, bytes: Uint8Array): void {
    this.put(DATA, bytes);
    const a = { group, attr, addr: BUFFER + BigInt(DATA) };
    this.give(label, file, 'KVM_SET_DEVICE_ATTR', structs.kvm_device_attr, a);
  }
  irqLine(label: string, irq: number, level: number): void {
    this.give(label, VM, 'KVM_IRQ_LINE', structs.kvm_irq_level, { irq, level });
  }
  vmRequest(label: string, name: IoctlName, arg: bigint | number = 0): void {
    this.ask(label, VM, name, arg);
  }
  set(label: string | undefined, vcpu: number, register: string, v: bigint): void {
    const id = idOf(register);
    this.put(DATA, wordBytes(v, regSize(id)));
    this.give(label, vcpu, 'KVM_SET_ONE_REG', structs.kvm_one_reg, { id, addr: BUFFER + BigInt(DATA) });
  }
  /** The value of a register; where there is none, 'LABEL?' says why and the value is 0. */
  get(label: string, vcpu: number, register: string): void {
    const id = idOf(register);
    this.put(DATA, new Uint8Array(regSize(id)));
    this.give(`${label}?`, vcpu, 'KVM_GET_ONE_REG', structs.kvm_one_reg, { id, addr: BUFFER + BigInt(DATA) });
    this.show(label, DATA, regSize(id));
  }
  /** KVM_GET_REG_LIST with room for `room` ids: the result, the count, and the first id. */
  list(label: string, vcpu: number, room: number): void {
    this.put(DATA, wordBytes(BigInt(room), 8));
    this.put(DATA + 8, new Uint8Array(8));
    this.ask(label, vcpu, 'KVM_GET_REG_LIST', BUFFER + BigInt(DATA));
    this.show(`${label}: count`, DATA, 8);
    this.show(`${label}: first`, DATA + 8, 8);
  }
  /** KVM_RUN: what it returned, and what kvm_run says. */
  run(label: string, vcpu: number): void {
    this.ask(label, vcpu, 'KVM_RUN');
    this.printing(`${label}: exit`, exit, 'K', vcpu, 0, RUN_BYTES);
  }
  /** Bytes of kvm_run. */
  poke(vcpu: number, offset: number, bytes: Uint8Array): void {
    this.line('k', vcpu, offset.toString(16), hex(bytes));
  }
  /** @param printed what the lines of this conversation printed */
  read(printed: readonly string[]): Answers {
    const out: Record<string, string> = {};
    this.answers.forEach(({ label, read }, i) => {
      const text = read(printed[i] ?? '');
      if (label !== undefined) out[label] = text;
      else if (text !== '0') out[`not expected of answer ${i}`] = text;
    });
    return out;
  }
  get printed(): number {
    return this.answers.length;
  }
}
function idOf(register: string): bigint {
  const id = regIdByName(register);
  if (id === undefined) throw new Error(`no register ${register}`);
  return id;
}
