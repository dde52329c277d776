// The whole conversation of the probe program, held with our /dev/kvm by ioctl numbers and bytes in memory, on each
// recorded host: what it printed there must be what it would print here. Nothing below knows how KVM is built.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PhysMem } from '../src/cpu/physmem.ts';
import { createKvm } from '../src/kvm/dev_kvm.ts';
import { hostSpecFromJson, type KvmMode, makeHost } from '../src/kvm/host.ts';
import { regName } from '../src/kvm/reg_names.ts';
import { Process } from '../src/lib/process.ts';
import { KVM, KVM_ARM_VCPU } from '../src/uapi/index.ts';
import type { Acceptance, Config } from './kit/recording.ts';

interface Recording {
  readonly apiVersion: number;
  readonly vcpuMmapSize: number;
  readonly preferredTarget: number;
  readonly capabilities: Readonly<Record<string, readonly [number, number]>>;
  readonly vmTypes: Readonly<Record<string, number>>;
  readonly writableMasks: Readonly<Record<string, string>>;
  readonly writableMasksErrno?: number;
  readonly configs?: Readonly<Record<string, Config>>;
}

/** They count while the probe runs. */
const LIVE: ReadonlySet<string> = new Set(['0x603000000013df01', '0x603000000013df1a']);
/** Configurations in which the probe writes every value of every field. */
const ACCEPTANCE: ReadonlySet<string> = new Set(['base', 'all64', 'el2']);
const SVE = 1 << KVM_ARM_VCPU.SVE;
const recordings = join(import.meta.dirname, '../golden/real-kvm');

class Probe {
  readonly process = new Process(new PhysMem(16), 100);
  readonly kvm: number;
  readonly buffer = this.process.memory.allocate(64 << 10);
  private readonly bytes = new Uint8Array(4096);
  private readonly view = new DataView(this.bytes.buffer);
  readonly mem = new PhysMem(16);

  constructor(file: string, mode: KvmMode) {
    const host = makeHost(hostSpecFromJson(JSON.parse(readFileSync(file, 'utf8')), mode, file));
    this.kvm = this.process.installFd(createKvm({ host, mem: this.mem }).open());
  }
  /** @returns [result, errno] as the C library gives them */
  ioctl(fd: number, cmd: number, arg: bigint | number = 0n): readonly [number, number] {
    const r = this.process.ioctl(fd, cmd, arg);
    return r < 0 ? [-1, -r] : [r, 0];
  }
  put(offset: number, ...words: bigint[]): bigint {
    for (const [i, w] of words.entries()) this.view.setBigUint64(i * 8, w, true);
    this.process.memory.write(this.buffer + BigInt(offset), this.bytes.subarray(0, words.length * 8));
    return this.buffer + BigInt(offset);
  }
  get(offset: number, count: number): bigint[] {
    const out = new Uint8Array(count * 8);
    this.process.memory.read(this.buffer + BigInt(offset), out);
    return [...new BigUint64Array(out.buffer)];
  }
  bytesAt(offset: number, count: number): Uint8Array {
    const out = new Uint8Array(count);
    this.process.memory.read(this.buffer + BigInt(offset), out);
    return out;
  }
  clear(offset: number, count: number): void {
    this.process.memory.write(this.buffer + BigInt(offset), new Uint8Array(count));
  }
}

const hex16 = (v: bigint): string => '0x' + v.toString(16).padStart(16, '0');
const bytesHex = (b: Uint8Array): string =>
  '0x' +
  [...b]
    .reverse()
    .map((x) => x.toString(16).padStart(2, '0'))
    .join('');
const idOf = (op1: number, crm: number, op2: number): bigint =>
  0x6030_0000_0013_0000n | BigInt((3 << 14) | (op1 << 11) | (crm << 3) | op2);

const ONE_REG = 0;
const VALUE = 4096;
const LIST = 8192;
const MASKS = 16384;

function vcpuOf(p: Probe, features: number): { vm: number; vcpu: number } | { at: string; errno: number } {
  const [vm, e0] = p.ioctl(p.kvm, KVM.KVM_CREATE_VM);
  if (vm < 0) return { at: 'create_vm', errno: e0 };
  const fail = (at: string, errno: number, ...fds: number[]): { at: string; errno: number } => {
    for (const fd of fds) p.process.close(fd);
    return { at, errno };
  };
  const [vcpu, e1] = p.ioctl(vm, KVM.KVM_CREATE_VCPU, 0);
  if (vcpu < 0) return fail('create_vcpu', e1, vm);
  p.clear(VALUE, 64);
  const init = p.buffer + BigInt(VALUE);
  const [r2, e2] = p.ioctl(vm, KVM.KVM_ARM_PREFERRED_TARGET, init);
  if (r2 < 0) return fail('preferred_target', e2, vcpu, vm);
  const [word] = p.get(VALUE, 1);
  p.put(VALUE, (word! & 0xffff_ffffn) | (BigInt(features) << 32n));
  const [r3, e3] = p.ioctl(vcpu, KVM.KVM_ARM_VCPU_INIT, init);
  return r3 < 0 ? fail('vcpu_init', e3, vcpu, vm) : { vm, vcpu };
}

function probeSystem(p: Probe): Required<Omit<Recording, 'configs'>> {
  const [vm] = p.ioctl(p.kvm, KVM.KVM_CREATE_VM);
  const capabilities: Record<string, readonly [number, number]> = {};
  for (let cap = 0; cap < 320; cap++) {
    const both = [
      p.ioctl(p.kvm, KVM.KVM_CHECK_EXTENSION, cap)[0],
      p.ioctl(vm, KVM.KVM_CHECK_EXTENSION, cap)[0],
    ] as const;
    if (both[0] !== 0 || both[1] !== 0) capabilities[cap] = both;
  }
  p.clear(VALUE, 64);
  p.ioctl(vm, KVM.KVM_ARM_PREFERRED_TARGET, p.buffer + BigInt(VALUE));
  const preferredTarget = Number(p.get(VALUE, 1)[0]! & 0xffff_ffffn);
  const vmTypes: Record<string, number> = {};
  for (const type of [0, ...Array.from({ length: 19 }, (_, i) => 32 + i)]) {
    const [fd, errno] = p.ioctl(p.kvm, KVM.KVM_CREATE_VM, type);
    vmTypes[type] = errno;
    if (fd >= 0) p.process.close(fd);
  }
  p.clear(VALUE, 64);
  p.put(VALUE, p.buffer + BigInt(MASKS));
  const [, writableMasksErrno] = p.ioctl(vm, KVM.KVM_ARM_GET_REG_WRITABLE_MASKS, p.buffer + BigInt(VALUE));
  const writableMasks: Record<string, string> = {};
  for (const [i, mask] of p.get(MASKS, 192).entries()) {
    const op1 = [0, 1, 3][i >> 6]!;
    if (mask !== 0n) writableMasks[`3,${op1},0,${(i >> 3) & 7},${i & 7}`] = hex16(mask);
  }
  p.process.close(vm);
  return {
    apiVersion: p.ioctl(p.kvm, KVM.KVM_GET_API_VERSION)[0],
    vcpuMmapSize: p.ioctl(p.kvm, KVM.KVM_GET_VCPU_MMAP_SIZE)[0],
    preferredTarget, capabilities, vmTypes, writableMasks, writableMasksErrno,
  }; // biome-ignore format: one record
}

function probeRegisters(p: Probe, vcpu: number): Record<string, readonly [string, number?, number?]> {
  p.put(LIST, 0n);
  p.ioctl(vcpu, KVM.KVM_GET_REG_LIST, p.buffer + BigInt(LIST));
  const [n] = p.get(LIST, 1);
  p.ioctl(vcpu, KVM.KVM_GET_REG_LIST, p.put(LIST, n!));
  const registers: Record<string, readonly [string, number?, number?]> = {};
  for (const id of p.get(LIST + 8, Number(n))) {
    p.clear(VALUE, 256);
    const reg = p.put(ONE_REG, id, p.buffer + BigInt(VALUE));
    const [, get] = p.ioctl(vcpu, KVM.KVM_GET_ONE_REG, reg);
    const value = bytesHex(p.bytesAt(VALUE, Math.min(16, 2 ** Number((id >> 52n) & 15n))));
    const set = get === 0 ? p.ioctl(vcpu, KVM.KVM_SET_ONE_REG, reg)[1] : 0;
    registers[hex16(id)] = get || set ? [value, get, set] : [value];
  }
  return registers;
}

function probeAcceptance(p: Probe, vcpu: number): Pick<Config, 'idRegisterAcceptance' | 'idRegisterAbsent'> {
  const idRegisterAcceptance: Record<string, Acceptance> = {};
  const idRegisterAbsent: Record<string, number> = {};
  for (const op1 of [0, 1, 3]) for (let crm = 0; crm < (op1 === 0 ? 8 : 1); crm++) for (let op2 = 0; op2 < 8; op2++) {
    const id = idOf(op1, crm, op2);
    const key = `3,${op1},0,${crm},${op2}`;
    const reg = p.put(ONE_REG, id, p.buffer + BigInt(VALUE));
    const [, absent] = p.ioctl(vcpu, KVM.KVM_GET_ONE_REG, reg);
    if (absent) {
      idRegisterAbsent[key] = absent;
      continue;
    }
    const [now] = p.get(VALUE, 1);
    const errnos = new Set<number>();
    const accepted: number[] = [];
    for (let f = 0; f < 16; f++) {
      let ok = 0;
      let last = 0;
      for (let x = 0; x < 16; x++) {
        p.put(VALUE, (now! & ~(15n << BigInt(4 * f))) | (BigInt(x) << BigInt(4 * f)));
        const [, errno] = p.ioctl(vcpu, KVM.KVM_SET_ONE_REG, reg);
        if (errno) {
          last = errno;
          continue;
        }
        ok |= 1 << x;
        p.put(VALUE, now!);
        p.ioctl(vcpu, KVM.KVM_SET_ONE_REG, reg);
      }
      if (last) errnos.add(last);
      accepted.push(ok);
    }
    idRegisterAcceptance[key] = { value: hex16(now!), accepted, errno: [...errnos].sort((a, b) => a - b) };
  } // biome-ignore format: three nested counters
  return Object.keys(idRegisterAbsent).length > 0
    ? { idRegisterAcceptance, idRegisterAbsent }
    : { idRegisterAcceptance };
}

function probeConfig(p: Probe, name: string, features: number): Config {
  const made = vcpuOf(p, features);
  if ('errno' in made) return { features, fails: made };
  if ((features & SVE) !== 0) {
    const four = p.put(VALUE, BigInt(KVM_ARM_VCPU.SVE));
    expect(p.ioctl(made.vcpu, KVM.KVM_ARM_VCPU_FINALIZE, four)).toEqual([0, 0]);
  }
  const registers = probeRegisters(p, made.vcpu);
  const acceptance = ACCEPTANCE.has(name) ? probeAcceptance(p, made.vcpu) : { idRegisterAcceptance: {} };
  p.process.close(made.vcpu);
  p.process.close(made.vm);
  return { features, registers, ...acceptance };
}

/** Differences of two register maps, by name; the order counts too. */
function registerDifferences(real: NonNullable<Config['registers']>, ours: NonNullable<Config['registers']>): string[] {
  const named = (id: string): string => `${regName(BigInt(id))} (${id})`;
  const out: string[] = [];
  for (const id of Object.keys(real)) {
    if (LIVE.has(id) && ours[id]) continue;
    if (JSON.stringify(real[id]) !== JSON.stringify(ours[id]))
      out.push(`${named(id)}: real ${real[id]}, ours ${ours[id]}`);
  }
  for (const id of Object.keys(ours)) if (!real[id]) out.push(`${named(id)}: only here`);
  if (out.length === 0 && Object.keys(real).join() !== Object.keys(ours).join()) out.push('the order differs');
  return out;
}

/** The whole probe in hosts/; of the further hosts in extra/, what it says about the system. */
for (const dir of ['hosts', 'extra']) for (const file of readdirSync(join(recordings, dir)).filter((f) => f.endsWith('.json'))) {
  const name = file.replace(/\.json$/, '');
  const mode = name.slice(name.lastIndexOf('-') + 1) as KvmMode;
  test(`kvmprobe on ${name}`, () => {
    const path = join(recordings, dir, file);
    const real = JSON.parse(readFileSync(path, 'utf8')) as Recording;
    const p = new Probe(path, mode);
    const system = probeSystem(p);
    for (const key of Object.keys(system) as (keyof typeof system)[])
      expect.soft(system[key], key).toEqual(real[key] ?? 0);
    const used = p.mem.usedFrames;
    for (const [config, wanted] of Object.entries(real.configs ?? {})) {
      const ours = probeConfig(p, config, wanted.features);
      expect.soft(registerDifferences(wanted.registers ?? {}, ours.registers ?? {}), config).toEqual([]);
      expect.soft({ ...ours, registers: undefined }, config).toEqual({ ...wanted, registers: undefined });
    }
    expect(p.mem.usedFrames).toBe(used); // every VM took its pages with it
  });
} // biome-ignore format: two directories
