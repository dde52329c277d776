// Requests with nonsense and near-nonsense in them, on every kind of file: each is answered with a number that is a result
// or an errno, nothing throws, the same seed gives the same answers, and closing everything gives all memory back.
// ABI_FUZZ=N runs N sequences instead of a few.

import { expect, test } from 'vitest';
import { PhysMem } from '../src/cpu/physmem.ts';
import { Eventfd } from '../src/lib/process.ts';
import { encode, IOCTLS, type IoctlName, KVM, KVM_CAP, structs } from '../src/uapi/index.ts';
import { Program, testKvm } from './kit/program.ts';

const SEQUENCES = Number(process.env['ABI_FUZZ'] ?? 60);
const STEPS = 80;
const names = Object.keys(IOCTLS) as IoctlName[];

/** Numbers from a seed: mulberry32. */
function random(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

class Fuzzer {
  private readonly next: () => number;
  private readonly p: Program;
  private readonly fds: number[];
  private readonly ram: bigint;
  private readonly base: number;

  constructor(shared: ReturnType<typeof testKvm>, seed: number) {
    this.next = random(seed);
    this.base = shared.mem.usedFrames;
    this.p = new Program(shared);
    this.fds = [this.p.kvm];
    this.ram = this.p.process.memory.allocate(1 << 20);
    for (let i = 0; i < 2; i++) this.fds.push(this.p.process.installFd(new Eventfd()));
  }
  private below(n: number): number {
    return Math.floor(this.next() * n);
  }
  private pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
  /** A number that programs use, or nearly, or not at all. */
  private number(): bigint {
    switch (this.below(9)) {
      case 0:
        return 0n;
      case 1:
        return BigInt(this.below(16));
      case 2:
        return 1n << BigInt(this.below(64));
      case 3:
        return (1n << BigInt(this.below(64))) - 1n;
      case 4:
        return BigInt.asUintN(64, -BigInt(this.below(8192)));
      case 5:
        return this.ram + BigInt(this.below(300)) * 4096n;
      case 6:
        return BigInt(this.pick(this.fds));
      case 7:
        return BigInt(this.below(2048) * 4096);
      default:
        return (BigInt(this.below(2 ** 32)) << 32n) | BigInt(this.below(2 ** 32));
    }
  }
  /** The bytes of a structure, filled with such numbers by word size. */
  private bytes(length: number): Uint8Array {
    const out = new Uint8Array(length);
    const view = new DataView(out.buffer);
    const width = this.pick([1, 4, 4, 8, 8]);
    for (let at = 0; at + width <= length; at += width) {
      if (this.next() < 0.3) continue;
      const n = this.number();
      if (width === 8) view.setBigUint64(at, n, true);
      else if (width === 4) view.setUint32(at, Number(n & 0xffff_ffffn), true);
      else out[at] = Number(n & 255n);
    }
    return out;
  }
  private adopt(fd: number): void {
    if (this.p.process.getFile(fd) && !this.fds.includes(fd)) this.fds.push(fd);
  }
  /** Mostly a file of that kind. */
  private file(kind: string): number {
    const fitting = this.fds.filter((fd) => this.p.process.getFile(fd)?.kind === kind);
    return fitting.length > 0 && this.next() < 0.9 ? this.pick(fitting) : this.pick(this.fds);
  }
  /** What makes sequences get anywhere. */
  private usual(): number {
    const { p } = this;
    let fd = this.file('kvm-vm');
    const give = (name: IoctlName, bytes: Uint8Array): number =>
      p.process.ioctl(fd, KVM[name], p.process.scratch(bytes));
    switch (this.below(7)) {
      case 0:
        return p.process.ioctl(p.kvm, KVM.KVM_CREATE_VM, this.pick([0, 0, 36, 52]));
      case 1:
        return p.process.ioctl(fd, KVM.KVM_CREATE_VCPU, this.below(4));
      case 2:
        fd = this.file('kvm-vcpu');
        return give('KVM_ARM_VCPU_INIT', encode(structs.kvm_vcpu_init, { target: 5, features: [this.pick([4, 12, 20, 132, 2]), 0, 0, 0, 0, 0, 0] }));
      case 3: {
        const r = give('KVM_CREATE_DEVICE', encode(structs.kvm_create_device, { type: this.pick([5, 7, 8, 4]) }));
        this.adopt(p.left('kvm_create_device').fd);
        return r;
      }
      case 4:
        return give('KVM_SET_USER_MEMORY_REGION', encode(structs.kvm_userspace_memory_region, {
          slot: this.below(4), flags: this.below(2), guest_phys_addr: BigInt(this.below(64)) << 16n, memory_size: 0x10000n, userspace_addr: this.ram,
        }));
      case 5:
        return give('KVM_ENABLE_CAP', encode(structs.kvm_enable_cap, { cap: this.pick(Object.values(KVM_CAP)), args: [this.number(), 0n, 0n, 0n] }));
      default: {
        fd = this.file(this.pick(['kvm-vm', 'kvm-vcpu', 'kvm-device', 'kvm-device']));
        const group = this.below(10);
        const addr = p.process.scratch2(this.bytes(64));
        const attr = this.next() < 0.7 ? BigInt(this.below(8)) : this.number();
        const name = this.pick(['KVM_SET_DEVICE_ATTR', 'KVM_GET_DEVICE_ATTR', 'KVM_HAS_DEVICE_ATTR'] as const);
        return give(name, encode(structs.kvm_device_attr, { group, attr, addr }));
      }
    } // biome-ignore format: requests on one line
  }
  private step(): number {
    const { process } = this.p;
    if (this.next() < 0.5) return this.usual();
    const name = this.pick(names);
    const { arg, on } = IOCTLS[name] as { arg?: { size: number }; on: readonly string[] };
    const fd = this.file(`kvm-${this.pick(on)}`);
    const r = process.ioctl(
      fd,
      this.next() < 0.02 ? this.below(2 ** 32) : KVM[name],
      arg && this.next() < 0.9 ? process.scratch(this.bytes(arg.size + 64)) : this.number(),
    );
    if (this.next() < 0.05) {
      const file = process.getFile(fd)!;
      file.pread?.(new Uint8Array(100), this.number());
      file.fallocate?.(this.below(4), this.number(), this.number() & 0xff_ffffn);
      process.mmap(fd, 4096 * (1 + this.below(70)), BigInt(this.below(80)) << 12n, this.below(8), this.next() < 0.9);
    }
    return r;
  }
  run(): number[] {
    const answers: number[] = [];
    for (let i = 0; i < STEPS; i++) {
      const r = this.step();
      answers.push(r);
      if (r > 2) this.adopt(r);
      if (this.next() < 0.02 && this.fds.length > 3) this.p.close(this.fds.splice(3 + this.below(this.fds.length - 3), 1)[0]!);
    } // biome-ignore format: one line a deed
    for (let fd = 0; fd < 200; fd++) this.p.process.close(fd); // also those that came back in structures
    expect(this.p.shared.mem.usedFrames - this.p.process.memory.touched).toBe(this.base);
    return answers;
  }
}

test(`${SEQUENCES} sequences of random requests`, () => {
  const said = new Map<number, number>();
  for (let seed = 1; seed <= SEQUENCES; seed++) {
    const shared = testKvm({ mem: new PhysMem(32) });
    let answers: number[] = [];
    try {
      answers = new Fuzzer(shared, seed).run();
    } catch (e) {
      throw new Error(`seed ${seed}`, { cause: e });
    }
    for (const r of answers) {
      expect(Number.isInteger(r) && r >= -133, `seed ${seed}: ${r}`).toBe(true);
      if (r <= 0) said.set(r, (said.get(r) ?? 0) + 1);
    }
    if (seed % 10 === 0) expect(new Fuzzer(testKvm({ mem: new PhysMem(32) }), seed).run()).toEqual(answers);
  }
  expect([...said.keys()].length).toBeGreaterThan(8); // many kinds of answers: the sequences get somewhere
  expect(said.get(0)!).toBeGreaterThan(SEQUENCES * 10);
}, 600_000);
