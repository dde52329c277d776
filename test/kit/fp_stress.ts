// Several VMs, several host threads that use FP themselves, several CPUs, and a scheduler that takes the CPU away whenever
// its generator says so. Guests and threads keep a pattern of their own in the FP registers and look at every turn whether
// it is still there. What anybody finds wrong is a line in `errors`.

import { assembleProgram } from '../../src/asm/program.ts';
import type { Caller, Pending } from '../../src/base/hostfile.ts';
import { HostFp, type TaskFp } from '../../src/cpu/host_fp.ts';
import { builtinModel } from '../../src/cpu/models.ts';
import { FRAME_SIZE } from '../../src/cpu/physmem.ts';
import { CpuState, Slot } from '../../src/cpu/state.ts';
import { slotOffset } from '../../src/interp/emit_slots.ts';
import { type FpHostState, makeKvm, systemFile } from '../../src/kvm/dev_kvm.ts';
import { type KvmMode, makeHost } from '../../src/kvm/host.ts';
import { SHARED_VCPU } from '../../src/kvm/hyp/hyp-main.ts';
import { SVE_VLS } from '../../src/kvm/sve_regs.ts';
import { sysRegSlot } from '../../src/kvm/sys_reg_table.ts';
import type { Vcpu as KvmVcpu } from '../../src/kvm/vcpu.ts';
import { createVm } from '../../src/kvm/vm.ts';
import { vmFile } from '../../src/kvm/vm_ioctl.ts';
import { Process } from '../../src/lib/process.ts';
import type { Vcpu } from '../../src/lib/vcpu.ts';
import { Vm } from '../../src/lib/vm.ts';
import { KVM, type VcpuFeature } from '../../src/uapi/index.ts';
import { CODE, DEVICE, testMachine } from './guest.ts';

export interface StressOptions {
  readonly mode: KvmMode;
  readonly fpHostState?: FpHostState;
  readonly seed: number;
  /** FP registers that guests and threads read or write, about. */
  readonly accesses: number;
  /** The host now and then tells the hypervisor to save to memory that is not its own. */
  readonly mischief?: boolean;
  readonly sve?: boolean;
}
export interface StressResult {
  readonly errors: readonly string[];
  readonly accesses: number;
  readonly runs: number;
  readonly preemptions: number;
  readonly migrations: number;
}

const REGS = [0, 1, 7, 8, 15, 16, 30, 31] as const;
const MASK64 = 0xffff_ffff_ffff_ffffn;
/** Bits of FPMR that have a meaning. */
const FPMR_BITS = 0x3f_ff7f_c1ffn;
const FPSR_BITS = 0x0800_009fn;
const THREADS = 4;
const CPUS = 2;
const PATTERN_STEP = 0x9e37_79b9_7f4a_7c15n;
const PREDICATES = [2, 7, 8, 15] as const;
/** With SVE: what threads use of Z, in bytes. */
const THREAD_VL = 64;

/**
 * X20 is the pattern: V<n> = { X20 + n, ~(X20 + n) }, FPSR and FPMR are bits of it. With SVE lane i of Z<n> is
 * X20 + n + i * X22, and P<n> and FFR are as long as bits of the pattern say. A turn looks at all, tells the program what it
 * found by a store to DEVICE, and goes on with another pattern.
 */
function guestProgram(hasFpmr: boolean, hasSve: boolean): string {
  const mov = (r: string, v: bigint): string =>
    [0, 16, 32, 48].map((s) => `movk ${r}, #${(v >> BigInt(s)) & 0xffffn}, lsl #${s}`).join('\n');
  const each = (f: (n: number) => string): string => REGS.map(f).join('\n');
  const writeV = (n: number): string => `add x1, x20, #${n}\n mvn x2, x1\n fmov d${n}, x1\n ins v${n}.d[1], x2`;
  const lookV = (n: number): string => `add x1, x20, #${n}
    fmov x2, d${n}
    mov x3, v${n}.d[1]
    eor x2, x2, x1
    mvn x1, x1
    eor x3, x3, x1
    orr x21, x21, x2
    orr x21, x21, x3`;
  const predicates = (f: (n: number) => string): string => PREDICATES.map(f).join('\n');
  const elements = (n: number): string => `ubfx x1, x20, #${n + 40}, #8`;
  const differs = 'cset w2, ne\n orr x21, x21, x2';
  const writeSve = `${elements(3)}
    whilelo p0.b, xzr, x1
    wrffr p0.b
    ${predicates((n) => `${elements(n)}\n whilelo p${n}.b, xzr, x1`)}
    ${each((n) => `add x1, x20, #${n}\n index z${n}.d, x1, x22`)}`;
  const lookSve = `ptrue p1.b
    ${elements(3)}
    whilelo p0.b, xzr, x1
    rdffr p3.b
    eors p0.b, p1/z, p0.b, p3.b
    ${differs}
    ${predicates((n) => `${elements(n)}\n whilelo p0.b, xzr, x1\n eors p0.b, p1/z, p0.b, p${n}.b\n ${differs}`)}
    ${each((n) => `add x1, x20, #${n}\n index z2.d, x1, x22\n cmpne p0.d, p1/z, z2.d, z${n}.d\n ${differs}`)}`;
  return `
    mov x0, #(${hasSve ? '0x33' : '0x30'} << 16)
    msr cpacr_el1, x0
    mov x0, #15
    ${hasSve ? 'msr zcr_el1, x0' : ''}
    isb
    mov x26, #${DEVICE}
    ${mov('x24', FPMR_BITS)}
    ${mov('x23', FPSR_BITS)}
    ${mov('x22', PATTERN_STEP)}
write:
    ${hasSve ? writeSve : each(writeV)}
    and x1, x20, x23
    msr fpsr, x1
    ${hasFpmr ? 'and x1, x20, x24\n msr fpmr, x1' : ''}
    mov x25, #0
    mov x3, #17
wait:
    sub x3, x3, #1
    cbnz x3, wait
    mov x21, #0
    ${hasSve ? lookSve : each(lookV)}
    mrs x2, fpsr
    and x1, x20, x23
    eor x2, x2, x1
    orr x21, x21, x2
    ${hasFpmr ? 'mrs x2, fpmr\n and x1, x20, x24\n eor x2, x2, x1\n orr x21, x21, x2' : ''}
    cmp x21, #0
    cset w1, ne
    strb w1, [x26]
    add x20, x20, x22
    b write
`;
}
const PER_TURN = 4 * REGS.length + 4;

interface GuestVcpu {
  readonly name: string;
  readonly vcpu: Vcpu;
  readonly kvm: KvmVcpu;
  readonly page: bigint;
  readonly hasFpmr: boolean;
  busy: boolean;
}
interface HostThread {
  readonly caller: Caller;
  readonly fp: TaskFp;
  op: { readonly work: Pending; readonly on: GuestVcpu } | undefined;
  pattern: bigint;
  lastCpu: number;
  /** Its values are lost, by its own doing. */
  harmed: boolean;
}

export function fpStress(options: StressOptions): StressResult {
  const errors: string[] = [];
  let s = options.seed >>> 0;
  const below = (n: number): number => {
    s = (Math.imul(s ^ (s >>> 15), 0x2c1b_3c6d) + 0x6d2b_79f5) >>> 0;
    return (s >>> 8) % n;
  };
  const model = builtinModel('max');
  const machine = testMachine();
  const { mem } = machine;
  const host = makeHost({ raw: model.raw, mode: options.mode });
  const { fpHostState = 'modern' } = options;
  const kvm = makeKvm({ host, mem, counter: machine.counter, hardware: machine.hardware, fpHostState });
  const main = new Process(mem, 1, machine);
  main.installFd(systemFile(kvm));
  const hostFp = new HostFp(mem, CPUS, () => true);

  // Two VMs with FPMR, one without; with SVE two more, of different vector lengths.
  const guests: GuestVcpu[] = [];
  const kinds: readonly { readonly fpmr: boolean; readonly quads?: number; readonly vcpus: number }[] = [
    { fpmr: true, vcpus: 2 },
    { fpmr: false, vcpus: 1 },
    { fpmr: true, vcpus: 1 },
    ...(options.sve
      ? [
          { fpmr: true, quads: 16, vcpus: 1 },
          { fpmr: true, quads: 3, vcpus: 2 },
        ]
      : []),
  ];
  for (const [v, kind] of kinds.entries()) {
    const known = createVm(kvm, 0n, main);
    const vm = new Vm(main, main.installFd(vmFile(known)));
    const ram = vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: CODE, size: 0x1_0000n });
    const program = assembleProgram(guestProgram(kind.fpmr, kind.quads !== undefined), { base: CODE });
    for (const section of program.sections) ram.write(Number(section.address - CODE), section.bytes);
    for (let i = 0; i < kind.vcpus; i++) {
      const vcpu = vm.createVcpu(i);
      const { quads } = kind;
      const features: VcpuFeature[] = ['PSCI_0_2', ...(quads ? (['SVE'] as const) : [])];
      vcpu.init({ features });
      if (quads) {
        vcpu.setOneReg(SVE_VLS, (1n << BigInt(quads)) - 1n);
        vcpu.finalize('SVE');
      }
      if (i === 0 && !kind.fpmr) vcpu.setOneReg('ID_AA64PFR2_EL1', 0n);
      vcpu.setOneReg('PC', program.entry);
      vcpu.setOneReg('X20', BigInt(v * 16 + i + 1) << 48n);
      const page = main.mmap(vcpu.fd, 4096);
      guests.push({ name: `VM ${v} vCPU ${i}`, vcpu, kvm: known.vcpus[i]!, page, hasFpmr: kind.fpmr, busy: false });
    }
  }
  const threads: HostThread[] = Array.from({ length: THREADS }, (_, i) => {
    const fp = hostFp.newTask(new CpuState(mem));
    const caller: Caller = {
      pid: 1, tid: 100 + i, memory: main.memory, fp,
      installFd: () => -24, getFile: (fd) => main.getFile(fd), signalPending: () => false, cpu: () => fp.cpu?.index ?? 0,
    }; // biome-ignore format: a record
    return { caller, fp, op: undefined, pattern: BigInt(i + 1) << 56n, lastCpu: -1, harmed: true };
  });

  let accesses = 0;
  let runs = 0;
  let preemptions = 0;
  let migrations = 0;
  /** Z<n> beyond V<n>. */
  const zLanes = ({ fp }: HostThread, n: number): BigUint64Array => {
    const at = (fp.state.base + slotOffset(`V${n}`)) >>> 3;
    return mem.u64.subarray(at + 2, at + THREAD_VL / 8);
  };
  const zOf = (t: HostThread, n: number, i: number): bigint => (t.pattern + BigInt(n + i)) & MASK64;
  const found = (t: HostThread): boolean => {
    const { state } = t.fp;
    const bad = REGS.find((n) => {
      const want = (t.pattern + BigInt(n)) & MASK64;
      const [lo, hi] = state.v(n);
      return lo !== want || hi !== (~want & MASK64);
    });
    const long = options.sve && REGS.find((n) => zLanes(t, n).some((lane, i) => lane !== zOf(t, n, i)));
    const fpsr = state.get(Slot.FPSR) === (t.pattern & FPSR_BITS);
    const fpmr = state.get(Slot.FPMR) === (t.pattern & FPMR_BITS);
    if (bad !== undefined) errors.push(`thread ${t.caller.tid}: V${bad} is ${state.v(bad)[0].toString(16)}`);
    if (long !== undefined && long !== false)
      errors.push(`thread ${t.caller.tid}: Z${long} is another's beyond V${long}`);
    if (!fpsr) errors.push(`thread ${t.caller.tid}: FPSR is ${state.get(Slot.FPSR).toString(16)}`);
    if (!fpmr) errors.push(`thread ${t.caller.tid}: FPMR is ${state.get(Slot.FPMR).toString(16)}`);
    return bad === undefined && fpsr && fpmr;
  };
  /** A stretch of the program's own code. */
  const inUserSpace = (t: HostThread): void => {
    hostFp.cpus.find((c) => c.current === t.fp)!.returnToUser();
    if (!t.harmed) found(t);
    t.harmed = false;
    t.pattern = (t.pattern + PATTERN_STEP) & MASK64;
    const { state } = t.fp;
    for (const n of REGS) {
      const v = (t.pattern + BigInt(n)) & MASK64;
      state.setV(n, v, ~v & MASK64);
      if (options.sve)
        zLanes(t, n).forEach((_, i, lanes) => {
          lanes[i] = zOf(t, n, i);
        });
    }
    if (options.sve) state.touchSve(THREAD_VL);
    state.set(Slot.FPSR, t.pattern & FPSR_BITS);
    state.set(Slot.FPMR, t.pattern & FPMR_BITS);
    accesses += PER_TURN;
  };
  const data = new Uint8Array(1);
  const finished = (g: GuestVcpu, r: number): void => {
    g.busy = false;
    runs++;
    accesses += PER_TURN;
    if (r !== 0) errors.push(`${g.name}: KVM_RUN answered ${r}`);
    main.memory.read(g.page + 40n, data);
    if (data[0] !== 0) errors.push(`${g.name} found another value than its own`);
    if (!g.hasFpmr && g.kvm.regs.sys[sysRegSlot('FPMR')] !== 0n)
      errors.push(`${g.name} has no FPMR, and it is not zero`);
  };
  /** Pages of the hypervisor that a host could aim at: behind what the hypervisor itself keeps there. */
  const victimOf = (g: GuestVcpu): number | undefined => {
    const { hypHost } = kvm;
    const handle = hypHost?.handleOf(g.kvm.vm);
    const own = handle === undefined ? undefined : hypHost?.hyp?.vcpuOf(handle, g.kvm.vm.vcpus.indexOf(g.kvm))?.own;
    return own === undefined ? undefined : own + FRAME_SIZE / 2;
  };
  const mischief = (g: GuestVcpu, t: HostThread): void => {
    const victim = victimOf(guests[below(guests.length)]!);
    if (victim === undefined || !kvm.hypHost) return;
    mem.u64[(kvm.hypHost.addressOf(g.kvm) + SHARED_VCPU.hostUw) >>> 3] = BigInt(victim);
    t.harmed = true;
  };

  while (accesses < options.accesses && errors.length < 20) {
    const c = below(CPUS);
    const t = threads[below(THREADS)]!;
    const cpu = hostFp.cpus[c]!;
    if (t.lastCpu >= 0 && t.lastCpu !== c) migrations++;
    t.lastCpu = c;
    cpu.switchTo(t.fp);
    if (!t.op) {
      inUserSpace(t);
      const free = guests.filter((g) => !g.busy);
      const g = free[below(free.length)];
      if (!g || below(4) === 0) continue;
      const work = main.getFile(g.vcpu.fd)!.ioctl!(KVM.KVM_RUN, 0n, t.caller);
      if (typeof work === 'number') {
        finished(g, work);
        continue;
      }
      g.busy = true;
      t.op = { work, on: g };
      if (options.mischief && below(4) === 0) mischief(g, t);
      else if (options.mischief) t.harmed = true;
    }
    // At the next turn of the loop another thread has the CPU, or this one another.
    for (let k = below(3); k >= 0 && t.op; k--) {
      const r = t.op.work.step(1 + below(below(3) === 0 ? 400 : 60));
      if (typeof r !== 'number') continue;
      finished(t.op.on, r);
      t.op = undefined;
    }
    if (t.op) preemptions++;
  }
  if (options.mischief)
    for (const g of guests) {
      const victim = victimOf(g);
      if (victim === undefined) continue;
      if (mem.u8.subarray(victim, victim + 600).some((b) => b !== 0))
        errors.push(`${g.name}: memory of the hypervisor was written for the host`);
    }
  for (const t of threads) hostFp.release(t.fp);
  return { errors, accesses, runs, preemptions, migrations };
}
