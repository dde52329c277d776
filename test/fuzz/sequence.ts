// One sequence: a VM with guests in it (or only requests), then deeds drawn one by one. Each deed has its own numbers, so
// that a sequence still means something when others are left out: that is how a failure is made small.

import {
  IOCTLS,
  type IoctlName,
  KVM,
  KVM_ARM_VCPU,
  KVM_CAP,
  KVM_DEV_TYPE,
  KVM_MEM,
  structs,
} from '../../src/uapi/index.ts';
import { aboutDevices, aboutInterrupts } from './deeds_devices.ts';
import { aboutRegisters } from './deeds_registers.ts';
import { PSTATES, randomCode, randomVector } from './instructions.ts';
import { AT, CODE_WORDS, FREE, GIC, HOLDS, POINTS, RAM, RAM_BYTES, READ_ONLY, READ_ONLY_PAGES } from './layout.ts';
import { type Entry, type FuzzHost, FuzzProgram } from './program.ts';
import { Random } from './random.ts';
import { randomRegime } from './tables.ts';
import { setReg, u32, u64, type VcpuRef, type World } from './world.ts';

const STEPS = 16;
const NAMES = Object.keys(IOCTLS) as IoctlName[];
const bit = (f: keyof typeof KVM_ARM_VCPU): number => 1 << KVM_ARM_VCPU[f];
const PSCI = bit('PSCI_0_2');
const FEATURES = [
  PSCI, PSCI, PSCI | bit('PMU_V3'), PSCI | bit('PTRAUTH_ADDRESS') | bit('PTRAUTH_GENERIC'), PSCI | bit('SVE'),
  PSCI | bit('PMU_V3') | bit('PTRAUTH_ADDRESS') | bit('PTRAUTH_GENERIC') | bit('SVE'), PSCI, PSCI | bit('PMU_V3'), PSCI, 0,
  PSCI | bit('PTRAUTH_ADDRESS') | bit('PTRAUTH_GENERIC'), PSCI | bit('SVE'), PSCI | bit('HAS_EL2'), PSCI, PSCI | bit('EL1_32BIT'), 0,
]; // biome-ignore format: a list
const VBAR_EL1 = 0x6030_0000_0013_c600n;
const REGS = { ttbr0: 0x6030_0000_0013_c100n, ttbr1: 0x6030_0000_0013_c101n, tcr: 0x6030_0000_0013_c102n, mair: 0x6030_0000_0013_c510n, sctlr: 0x6030_0000_0013_c080n } as const; // biome-ignore format: a table
const CPACR_EL1 = 0x6030_0000_0013_c082n;
const core = (index: number): bigint => 0x6030_0000_0010_0000n | BigInt(index);
const PC = core(64);
const PSTATE = core(66);

/** A number for requests: of any kind, or one that leads somewhere. */
function number(w: World, r: Random): bigint {
  if (r.chance(0.2)) return w.p.ram + BigInt(r.below(RAM_BYTES / 4096 + 40)) * 4096n;
  if (r.chance(0.15)) return BigInt(r.pick(w.p.fds));
  if (r.chance(0.1)) return BigInt(r.below(2048) * 4096);
  return r.word();
}
function bytes(w: World, r: Random, length: number): Uint8Array {
  const out = new Uint8Array(length);
  const view = new DataView(out.buffer);
  const width = r.pick([1, 4, 4, 8, 8]);
  for (let at = 0; at + width <= length; at += width) {
    if (r.chance(0.3)) continue;
    const n = number(w, r);
    if (width === 8) view.setBigUint64(at, n, true);
    else if (width === 4) view.setUint32(at, Number(n & 0xffff_ffffn), true);
    else out[at] = Number(n & 255n);
  }
  return out;
}

// ---- setting up ---------------------------------------------------------------------------------------------------------

function slot(w: World, id: number, flags: number, gpa: bigint, size: bigint, hva: bigint): number {
  const region = { slot: id, flags, guest_phys_addr: gpa, memory_size: size, userspace_addr: hva };
  return w.p.give(w.vm, 'KVM_SET_USER_MEMORY_REGION', structs.kvm_userspace_memory_region, region);
}
function putCode(w: World, r: Random): void {
  w.p.putWords(AT.code, randomCode(r, CODE_WORDS));
}
function putVectors(w: World, r: Random): void {
  for (let v = 0; v < 16; v++) w.p.putWords(AT.vectors + 128 * v, randomVector(r));
}
function prepareVcpu(w: World, r: Random, v: VcpuRef): void {
  const { p } = w;
  for (let n = 0; n < 31; n++) {
    const points = POINTS[n];
    if (points !== undefined) setReg(w, v, core(2 * n), points);
    else if (n < 8 || n >= FREE) setReg(w, v, core(2 * n), r.word());
  }
  setReg(w, v, PC, RAM + BigInt(AT.code) + BigInt(r.chance(0.8) ? 0 : 4 * r.below(CODE_WORDS)));
  setReg(w, v, PSTATE, r.chance(0.8) ? 0x3c5n : r.pick(PSTATES));
  setReg(w, v, VBAR_EL1, RAM + BigInt(AT.vectors));
  setReg(w, v, CPACR_EL1, r.chance(0.8) ? 0x0333_0000n : r.word());
  const regime = randomRegime(r, (offset, value) => p.put64(offset, value));
  for (const [name, n] of Object.entries(HOLDS)) setReg(w, v, core(2 * n), regime[name as keyof typeof HOLDS]);
  if (r.chance(0.55))
    for (const [name, id] of Object.entries(REGS)) setReg(w, v, id, regime[name as keyof typeof REGS]);
}
function addVcpu(w: World, r: Random, id: number, features: number): void {
  const { p } = w;
  const fd = p.ioctl(w.vm, 'KVM_CREATE_VCPU', id);
  if (fd < 0) return;
  p.adopt(fd);
  const off = id > 0 && r.chance(0.2) ? 1 : 0;
  const how = { target: 5, features: [features | off, 0, 0, 0, 0, 0, 0] };
  if (p.give(fd, 'KVM_ARM_VCPU_INIT', structs.kvm_vcpu_init, how) !== 0) return;
  if (features & bit('SVE') && r.chance(0.95))
    p.give(fd, 'KVM_ARM_VCPU_FINALIZE', structs.kvm_int, { value: KVM_ARM_VCPU.SVE });
  const v: VcpuRef = { fd, id, page: p.process.mmap(fd, 8192), regs: undefined };
  w.vcpus.push(v);
  prepareVcpu(w, r, v);
}
function device(w: World, type: keyof typeof KVM_DEV_TYPE): number | undefined {
  const { p } = w;
  if (p.give(w.vm, 'KVM_CREATE_DEVICE', structs.kvm_create_device, { type: KVM_DEV_TYPE[type] }) !== 0)
    return undefined;
  return p.adopt(new DataView(p.bytesOfLast(12).buffer).getUint32(4, true));
}
function addGic(w: World, r: Random): void {
  const { p } = w;
  const isV2 = r.chance(0.1);
  const gic = device(w, isV2 ? 'ARM_VGIC_V2' : 'ARM_VGIC_V3');
  if (gic === undefined) return;
  w.gic = gic;
  p.attr(gic, 'SET', 3, 0n, u32(r.pick([64, 64, 96, 256])));
  const [dist, second] = isV2 ? ([0n, 1n] as const) : ([2n, 3n] as const);
  p.attr(gic, 'SET', 0, dist, u64(GIC.dist));
  p.attr(gic, 'SET', 0, second, u64(isV2 ? GIC.cpu : GIC.redist));
  if (r.chance(0.5)) {
    const its = device(w, 'ARM_VGIC_ITS');
    if (its !== undefined) {
      w.its = its;
      p.attr(its, 'SET', 0, 4n, u64(GIC.its));
      p.attr(its, 'SET', 4, 0n, new Uint8Array(8));
    }
  }
  if (r.chance(0.97)) p.attr(gic, 'SET', 4, 0n, new Uint8Array(8));
  for (const v of w.vcpus) {
    p.attr(v.fd, 'SET', 0, 0n, u32(23)); // the interrupt of the PMU, and its init
    p.attr(v.fd, 'SET', 0, 1n, new Uint8Array(8));
  }
}
function setUp(w: World, r: Random): void {
  const { p } = w;
  const type = r.pick([0, 0, 0, 36, 40, 48]);
  const vm = p.ioctl(p.kvm, 'KVM_CREATE_VM', type);
  w.vm = vm < 0 ? p.ioctl(p.kvm, 'KVM_CREATE_VM', 0) : vm;
  if (w.vm < 0) return;
  p.adopt(w.vm);
  if (r.chance(0.2)) p.give(w.vm, 'KVM_ENABLE_CAP', structs.kvm_enable_cap, { cap: r.pick([177, 205, 216, 223, 168, 245]), args: [BigInt(r.pick([0, 1, 4096, 3])), 0n, 0n, 0n] }); // biome-ignore format: one request
  slot(w, 0, r.chance(0.3) ? KVM_MEM.LOG_DIRTY_PAGES : 0, RAM, BigInt(RAM_BYTES), p.ram);
  slot(w, 1, KVM_MEM.READONLY, READ_ONLY, BigInt(READ_ONLY_PAGES * 4096), p.readOnly);
  putCode(w, r);
  putVectors(w, r);
  const features = r.pick(FEATURES);
  for (let id = r.pick([1, 1, 2, 3]) - 1; id >= 0; id--) addVcpu(w, r, id, features);
  if (r.chance(0.7)) addGic(w, r);
}

// ---- deeds --------------------------------------------------------------------------------------------------------------

type Deed = (w: World, r: Random) => void;

const run: Deed = (w, r) => {
  if (w.vcpus.length === 0) return;
  const v = r.pick(w.vcpus);
  if (r.chance(0.3)) w.p.process.memory.write(v.page + 40n, bytes(w, r, 8)); // an answer to MMIO
  w.p.run(v.fd, v.page, r.pick([1, 7, 40, 120, 120, 400]), r.chance(0.05));
};
/** Several vCPUs at once, with something happening in between. */
const runTogether: Deed = (w, r) => {
  const inside = w.vcpus.flatMap((v) => {
    const work = w.p.begin(v.fd, v.page);
    if (typeof work !== 'number') return [{ v, work }];
    w.p.came(v.fd, v.page, work);
    return [];
  });
  for (let turn = 0; turn < 6 && inside.length > 0; turn++) {
    const at = r.below(inside.length);
    const { v, work } = inside[at]!;
    const result = work.step(r.pick([1, 20, 100]));
    if (typeof result === 'number') {
      w.p.came(v.fd, v.page, result);
      inside.splice(at, 1);
    } else if (r.chance(0.4)) r.pick([aboutInterrupts, changeMemory])(w, r);
  }
  for (const { v, work } of inside) w.p.came(v.fd, v.page, w.p.process.interrupt(work));
};
const changeMemory: Deed = (w, r) => {
  const { p } = w;
  switch (r.below(9)) {
    case 0:
      putCode(w, r);
      return;
    case 1:
      putVectors(w, r);
      return;
    case 2:
      slot(w, 0, r.pick([0, 1]), RAM, BigInt(RAM_BYTES), p.ram);
      return;
    case 3:
      slot(w, 0, 0, RAM, 0n, p.ram);
      slot(w, 0, r.below(2), r.chance(0.8) ? RAM : RAM + 0x20_0000n, BigInt(RAM_BYTES), p.ram);
      return;
    case 4:
      slot(w, 2 + r.below(3), r.below(2), RAM + BigInt(r.below(512)) * 4096n, BigInt(r.below(20)) * 4096n, p.ram + BigInt(r.below(200)) * 4096n);
      return;
    case 5:
      p.give(w.vm, 'KVM_GET_DIRTY_LOG', structs.kvm_dirty_log, { slot: r.below(4), dirty_bitmap: p.process.scratch2(new Uint8Array(64)) });
      return;
    case 6:
      p.give(w.vm, 'KVM_CLEAR_DIRTY_LOG', structs.kvm_clear_dirty_log, { slot: r.below(2), num_pages: r.pick([64, 256, 1]), first_page: BigInt(r.below(4) * 64), dirty_bitmap: p.process.scratch2(new Uint8Array(64).fill(0xff)) });
      return;
    case 7:
      randomRegime(r, (offset, value) => p.put64(offset, value));
      return;
    default:
      p.put64(r.below(RAM_BYTES / 8) * 8, r.word());
  }
}; // biome-ignore format: requests on one line
const anyRequest: Deed = (w, r) => {
  const { p } = w;
  const name = r.pick(NAMES);
  const { arg, on } = IOCTLS[name] as { arg?: { size: number }; on: readonly string[] };
  const fitting = p.ofKind(`kvm-${r.pick(on.length > 0 ? on : ['vm'])}`);
  const fd = fitting.length > 0 && r.chance(0.9) ? r.pick(fitting) : r.pick(p.fds);
  p.process.limit = 500;
  const request = r.chance(0.02) ? r.u32() : name === 'KVM_RUN' ? KVM[name] : name;
  const result = p.ioctl(
    fd,
    request,
    arg && r.chance(0.9) ? p.process.scratch(bytes(w, r, arg.size + 64)) : number(w, r),
  );
  if (result > 2) p.adopt(result);
};
const fileOperation: Deed = (w, r) => {
  const { p } = w;
  const fd = r.pick(p.fds);
  const file = p.file(fd);
  file?.pread?.(new Uint8Array(100), number(w, r));
  file?.fallocate?.(r.below(4), number(w, r), number(w, r) & 0xff_ffffn);
  p.process.mmap(fd, 4096 * (1 + r.below(70)), BigInt(r.below(80)) << 12n, r.below(8), r.chance(0.9));
};
const capability: Deed = (w, r) => {
  const args = [number(w, r), 0n, 0n, 0n];
  w.p.give(w.vm, 'KVM_ENABLE_CAP', structs.kvm_enable_cap, { cap: r.pick(Object.values(KVM_CAP)), args });
};
const anotherVcpu: Deed = (w, r) => addVcpu(w, r, r.below(4), r.pick(FEATURES));
const again: Deed = (w, r) => {
  if (w.vcpus.length > 0) prepareVcpu(w, r, r.pick(w.vcpus));
};

const WITH_GUESTS: readonly (readonly [number, Deed])[] = [
  [12, run], [3, runTogether], [4, changeMemory], [4, aboutInterrupts], [4, aboutRegisters], [3, aboutDevices], [3, anyRequest],
  [1, fileOperation], [1, capability], [1, anotherVcpu], [2, again],
]; // biome-ignore format: a table
const WITHOUT: readonly (readonly [number, Deed])[] = [
  [10, anyRequest], [3, fileOperation], [3, capability], [3, anotherVcpu], [4, aboutDevices], [3, aboutRegisters], [3, changeMemory],
  [3, aboutInterrupts], [1, run], [1, (w, r) => setUp(w, r)],
]; // biome-ignore format: a table

export interface Outcome {
  readonly log: readonly Entry[];
  /** What is in the guest's memory at the end. */
  readonly sum: number;
}
export const stepsOf = (): number[] => Array.from({ length: STEPS }, (_, i) => i);

/** @param steps the deeds to do, of 0 to 15. @throws whatever went wrong; the log so far is in `log` */
export function runSequence(
  host: FuzzHost,
  seed: number,
  steps: readonly number[] = stepsOf(),
  log?: Entry[],
): Outcome {
  const p = new FuzzProgram(host);
  const w: World = { p, vm: -1, vcpus: [], gic: undefined, its: undefined };
  try {
    const start = new Random(seed, 0xfeed);
    const deeds = start.chance(0.75) ? WITH_GUESTS : WITHOUT;
    if (deeds === WITH_GUESTS || start.chance(0.5)) setUp(w, start);
    for (const i of steps) {
      const r = new Random(seed, i + 1);
      r.weighted(deeds)(w, r);
      if (p.failure !== undefined) break;
    }
    const sum = p.memorySum();
    p.end();
    return { log: p.log, sum };
  } finally {
    log?.push(...p.log);
  }
}
