// The program of a sequence: descriptors, memory that guests get and memory that nobody may touch, requests with structures,
// and a record of what was asked and answered.

import { Errno, type HostFile, type Pending } from '../../src/base/hostfile.ts';
import { builtinModel, type ModelName } from '../../src/cpu/models.ts';
import { PhysMem } from '../../src/cpu/physmem.ts';
import { makeKvm, systemFile } from '../../src/kvm/dev_kvm.ts';
import { type Host, type KvmMode, makeHost } from '../../src/kvm/host.ts';
import type { Kvm } from '../../src/kvm/vm.ts';
import { createMachine, type Machine } from '../../src/lib/machine.ts';
import { Eventfd, Process } from '../../src/lib/process.ts';
import {
  decodeExit,
  encode,
  type IoctlName,
  KVM,
  type KvmExit,
  type PartialValue,
  type Struct,
  structs,
} from '../../src/uapi/index.ts';
import { RAM_BYTES, READ_ONLY_PAGES } from './layout.ts';

const ERRNOS = new Map<number, string>(Object.entries(Errno).map(([name, n]) => [-n, name]));
const PAGE = 4096;
const GUARDS = 6;
const PATTERN = 0x5a;

/** A host, and what its guests execute on. Made once: sequences run on it one after the other. */
export interface FuzzHost {
  readonly name: string;
  readonly machine: Machine;
  readonly host: Host;
}
export function fuzzHost(cpu: ModelName, mode: KvmMode, machines: Map<ModelName, Machine>): FuzzHost {
  const { raw } = builtinModel(cpu);
  let machine = machines.get(cpu);
  if (!machine) {
    machine = createMachine({ mem: new PhysMem(96), readId: (enc) => raw.get(enc) ?? 0n });
    machines.set(cpu, machine);
  }
  return { name: `${cpu} ${mode}`, machine, host: makeHost({ raw, mode }) };
}

export class FuzzProgram {
  readonly process: Process;
  readonly kvm: number;
  readonly ram: bigint;
  readonly readOnly: bigint;
  readonly events: readonly Eventfd[];
  /** Descriptors that requests may be made on. */
  readonly fds: number[] = [];
  /** What was asked and answered. */
  readonly log: Entry[] = [];
  private readonly machine: Machine;
  private readonly secret: bigint;
  /** Frames around the guest's memory that belong to nobody. */
  private readonly guards: number[] = [];
  private readonly shared: Kvm;
  private readonly base: number;
  /** What went wrong inside. */
  failure: string | undefined;

  constructor({ machine, host }: FuzzHost) {
    this.machine = machine;
    machine.restart();
    const { mem } = machine;
    this.base = mem.usedFrames - mem.fixedFrames;
    this.shared = makeKvm({
      host,
      mem,
      counter: machine.counter,
      hardware: machine.hardware,
      trace: (event, fields) => {
        if (event === 'hypatia_internal_error' && !/cannot be executed yet$/.test(String(fields['what'])))
          this.failure ??= String(fields['what']);
      },
    });
    this.process = new Process(mem, 1, machine);
    this.readOnly = this.patterned(READ_ONLY_PAGES);
    this.secret = this.patterned(2);
    this.ram = this.process.memory.allocate(RAM_BYTES);
    // Every other frame at the start of the guest's memory is a guard.
    for (let i = 0; i < GUARDS; i++) {
      const guard = mem.allocFrame();
      mem.frameBytes(guard).fill(PATTERN);
      this.guards.push(guard);
      this.process.memory.frame(this.ram + BigInt(i * PAGE));
    }
    this.kvm = this.adopt(this.process.installFd(systemFile(this.shared)));
    this.events = Array.from({ length: 2 }, () => new Eventfd());
    for (const e of this.events) this.adopt(this.process.installFd(e));
  }
  private patterned(pages: number): bigint {
    const at = this.process.memory.allocate(pages * PAGE);
    this.process.memory.write(at, new Uint8Array(pages * PAGE).fill(PATTERN));
    return at;
  }
  adopt(fd: number): number {
    if (this.process.getFile(fd) && !this.fds.includes(fd)) this.fds.push(fd);
    return fd;
  }
  file(fd: number): HostFile | undefined {
    return this.process.getFile(fd);
  }
  ofKind(kind: string): number[] {
    return this.fds.filter((fd) => this.file(fd)?.kind === kind);
  }

  // ---- requests -----------------------------------------------------------------------------------------------------------

  private note(fd: number, what: string | number, value: unknown, result: number): number {
    if (!Number.isInteger(result) || (result < 0 && !ERRNOS.has(result)))
      this.failure ??= `${what} answered ${result}, which is neither a result nor an errno`;
    this.log.push({ fd, what, value, result });
    return result;
  }
  ioctl(fd: number, name: IoctlName | number, arg: bigint | number = 0n): number {
    const cmd = typeof name === 'number' ? name : KVM[name];
    return this.note(fd, name, arg, this.process.ioctl(fd, cmd, arg));
  }
  give<F>(fd: number, name: IoctlName, s: Struct<F>, value: PartialValue<F>, more?: Uint8Array): number {
    const head = encode(s, value);
    const bytes = new Uint8Array(head.length + (more?.length ?? 0));
    bytes.set(head);
    if (more) bytes.set(more, head.length);
    const r = this.process.ioctl(fd, KVM[name], this.process.scratch(bytes));
    return this.note(fd, name, value, r);
  }
  bytesOfLast(length: number): Uint8Array {
    return this.read(this.process.scratch(new Uint8Array()), length);
  }
  attr(fd: number, verb: 'SET' | 'GET' | 'HAS', group: number, attr: bigint, value: Uint8Array): number {
    const addr = this.process.scratch2(value);
    return this.give(fd, `KVM_${verb}_DEVICE_ATTR`, structs.kvm_device_attr, { group, attr, addr });
  }
  read(addr: bigint, length: number): Uint8Array {
    const out = new Uint8Array(length);
    this.process.memory.read(addr, out);
    return out;
  }
  /** Words into the guest's memory. */
  putWords(offset: number, words: Uint32Array): void {
    this.process.memory.write(this.ram + BigInt(offset), new Uint8Array(words.buffer, 0, words.byteLength));
  }
  put64(offset: number, value: bigint): void {
    if (offset < 0 || offset + 8 > RAM_BYTES) return;
    this.process.memory.write(this.ram + BigInt(offset), new Uint8Array(BigUint64Array.of(value).buffer));
  }

  // ---- running ------------------------------------------------------------------------------------------------------------

  /** KVM_RUN up to about `limit` instructions. @param page where kvm_run is mapped */
  run(fd: number, page: bigint, limit: number, immediateExit = false): number {
    this.process.memory.write(page + 1n, Uint8Array.of(immediateExit ? 1 : 0));
    this.process.limit = limit;
    const r = this.process.ioctl(fd, KVM.KVM_RUN);
    return this.came(fd, page, r);
  }
  /** How a run ended. */
  came(fd: number, page: bigint, result: number): number {
    const exit = decodeExit(this.read(page, structs.kvm_run.size));
    if (!exit) this.failure ??= 'an exit with a reason that arm64 does not have';
    return this.note(fd, 'KVM_RUN', exit, result);
  }
  begin(fd: number, page: bigint): Pending | number {
    this.process.memory.write(page + 1n, Uint8Array.of(0));
    return this.process.begin(fd, KVM.KVM_RUN);
  }

  // ---- the end ------------------------------------------------------------------------------------------------------------

  /** A number that says what is in the guest's memory. */
  memorySum(): number {
    const { mem } = this.machine;
    let sum = 0;
    for (let i = 0; i < RAM_BYTES / PAGE; i++) {
      const frame = this.process.memory.known(this.ram + BigInt(i * PAGE));
      if (frame === undefined) continue;
      const end = (frame + 1) * (PAGE / 4);
      for (let w = frame * (PAGE / 4); w < end; w++) sum = (Math.imul(sum, 0x01000193) ^ mem.u32[w]!) | 0;
    }
    return sum;
  }
  /** Closes everything. @throws if memory was touched that is nobody's business, or is not given back */
  end(): void {
    const { mem } = this.machine;
    const check = (bytes: Uint8Array, what: string): void => {
      if (Buffer.compare(bytes, INTACT.subarray(0, bytes.length)) !== 0) this.failure ??= `${what} was written to`;
    };
    for (const g of this.guards) check(mem.frameBytes(g), 'a frame beside the guest’s memory');
    check(this.read(this.secret, 2 * PAGE), 'memory of the program that KVM was not told of');
    check(this.read(this.readOnly, READ_ONLY_PAGES * PAGE), 'read-only memory');
    if (this.failure !== undefined) throw new Error(this.failure);
    for (const g of this.guards) mem.unref(g);
    this.process.end(); // closes also what came back in structures
    const kept = mem.usedFrames - mem.fixedFrames - this.base;
    if (kept !== 0) throw new Error(`${kept} frames were not given back`);
  }
}
const INTACT = new Uint8Array(READ_ONLY_PAGES * PAGE).fill(PATTERN);
/** A request. */
export interface Entry {
  readonly fd: number;
  readonly what: string | number;
  readonly value: unknown;
  readonly result: number;
}
/** A line of a report. */
export function entryText({ fd, what, value, result }: Entry): string {
  const name = typeof what === 'number' ? `0x${what.toString(16)}` : what;
  return `${fd}: ${name} ${text(value)} = ${ERRNOS.get(result) ?? result}`;
}
/** What the answer was, in a word. */
export function answerOf({ what, value, result }: Entry): string {
  if (what === 'KVM_RUN' && typeof value === 'object') return `exit ${(value as KvmExit).reason}`;
  return ERRNOS.get(result) ?? (result === 0 ? '0' : 'a number');
}
function text(value: unknown): string {
  return JSON.stringify(value, (_, x: unknown) =>
    typeof x === 'bigint' ? `0x${x.toString(16)}` : x instanceof Uint8Array ? [...x].join(' ') : x,
  );
}
