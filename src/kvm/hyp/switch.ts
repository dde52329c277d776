// The world switch: puts a vCPU into a PE, sets the traps that KVM wants, lets the guest run, and takes the registers back
// when somebody wants to see them. Decides nothing about exits. @linux arch/arm64/kvm/hyp/vhe/switch.c

import { CONTROL_REGS, type ControlBitName, type ControlRegName } from '../../arch/control_regs.ts';
import { EC } from '../../arch/esr.ts';
import { ID_REGS } from '../../arch/id_regs.ts';
import type { ControlReg } from '../../arch/schema.ts';
import { fieldMask } from '../../base/bits.ts';
import type { PeApi, PeDomain, PeExit } from '../../cpu/pe_ports.ts';
import { type CpuState, Slot } from '../../cpu/state.ts';
import { timerLevel } from '../arch_timer.ts';
import { bitsOf } from '../control_bits.ts';
import { DebugSwitch, mdcrOf } from '../debug.ts';
import { PSTATE_BTYPE_SS, type Resident } from '../emulate.ts';
import { type Loaded, VcpuFp } from '../fpsimd.ts';
import type { Hardware } from '../hardware.ts';
import { GuestStage2 } from '../mmu.ts';
import type { VcpuRegs, VmRegs } from '../regs_state.ts';
import { type StoredReg, sysRegSlot } from '../sys_reg_table.ts';
import type { Vcpu } from '../vcpu.ts';
import { type InterruptPorts, interruptPorts } from '../vgic/vgic-cpuif-v3.ts';
import type { Vm } from '../vm.ts';
import { guestSees, holds, readVmIdReg, vmHas } from '../vm_features.ts';
import { SysregSwitch } from './sysreg-sr.ts';

const domains = new WeakMap<Vm, PeDomain>();
function domainOf(vm: Vm, hw: Hardware): PeDomain {
  const known = domains.get(vm);
  if (known) return known;
  const made = hw.createDomain();
  domains.set(vm, made);
  return made;
}

/** A vCPU in its PE. */
export class Guest implements Resident {
  readonly pe: PeApi;
  /** FP state: in the registers that the PE is loaded from, and as the host knows it. */
  readonly fp: VcpuFp;
  readonly hostFp: VcpuFp;
  readonly hasFpmr: boolean;
  private readonly vcpu: Vcpu;
  /** The vCPU's own, or a hypervisor's copy. */
  readonly regs: VcpuRegs;
  private readonly hw: Hardware;
  private readonly sysregs: SysregSwitch;
  private readonly cpu: CpuState;
  readonly ports: InterruptPorts;
  private readonly debug = new DebugSwitch();
  private readonly vse: bigint;
  private readonly hcr: bigint;
  /** CPTR_EL2 while the guest's FP values are in the registers, and while they are not. */
  private readonly cptr: { readonly open: bigint; readonly closed: bigint };
  private readonly hasSve: boolean;
  /** HCR_EL2.VSE was set for the last run. */
  private armed = false;
  private trip: Trip | undefined;
  private virtualOffset: bigint | undefined;
  private physicalOffset: bigint | undefined;

  constructor(vcpu: Vcpu, hw: Hardware, regs = vcpu.regs) {
    this.vcpu = vcpu;
    this.regs = regs;
    this.hw = hw;
    const { vm } = vcpu;
    this.ports = interruptPorts(vcpu);
    this.pe = hw.createPe({
      domain: domainOf(vm, hw),
      stage2: new GuestStage2(vcpu, hw),
      guestHas: guestSees(regs.vm, (f) => hw.has(f)),
      vectorQuads: vm.regs.host.vectorQuads,
      interrupts: this.ports,
      device: this.ports,
      timers: { timerLevel: (timer, asserted) => timerLevel(vcpu, timer, asserted) },
      readId: (encoding) => readVmIdReg(regs.vm, encoding),
    });
    this.cpu = this.pe.cpu;
    this.sysregs = new SysregSwitch(regs.vm);
    this.fp = new VcpuFp(regs);
    this.hostFp = new VcpuFp(vcpu.regs);
    this.hasFpmr = holds(regs.vm, 'fpmr');
    this.hasSve = holds(regs.vm, 'sve');
    const e2h = hw.has('FEAT_VHE') && (vm.kvm.host.isVhe || !hw.has('FEAT_E2H0'));
    this.vse = bitsOf('HCR_EL2', e2h, 'VSE');
    this.hcr = hcrOf(regs.vm, e2h);
    this.cptr = cptrOf(regs.vm, e2h);
    setTraps(vcpu, regs, this.pe, e2h, this.hcr);
  }

  // ---- Resident -----------------------------------------------------------------------------------------------------

  x(n: number): bigint {
    return this.cpu.x(n);
  }
  setX(n: number, value: bigint): void {
    this.cpu.setX(n, value);
  }
  get pc(): bigint {
    return this.cpu.pc;
  }
  set pc(value: bigint) {
    this.cpu.pc = value;
  }
  get pstate(): bigint {
    return this.pe.pstate;
  }
  sysReg(name: StoredReg): bigint | undefined {
    return this.sysregs.has(name) ? this.pe.get(name) : undefined;
  }
  skip(): void {
    const { cpu } = this;
    cpu.pc = BigInt.asUintN(64, cpu.pc + 4n);
    cpu.set(Slot.PSTATE, cpu.get(Slot.PSTATE) & ~PSTATE_BTYPE_SS);
  }
  kick(): void {
    this.pe.kick();
  }
  /** @linux kvm_vcpu_load, __sysreg_restore_el1_state */
  private load(): void {
    const { pe, cpu, vcpu, regs } = this;
    const { core } = regs;
    const { u64 } = cpu.mem;
    this.sysregs.load(pe, regs);
    this.debug.load(vcpu, pe);
    pe.pstate = core.pstate;
    u64.set(core.x, (cpu.base + Slot.X) >>> 3);
    pe.set('SP_EL0', core.spEl0);
    cpu.pc = core.pc;
    vcpu.resident = this;
  }
  store(): void {
    const { pe, cpu, vcpu, regs } = this;
    const { core } = regs;
    const { u64 } = cpu.mem;
    const x = (cpu.base + Slot.X) >>> 3;
    core.pstate = pe.pstate;
    core.x.set(u64.subarray(x, x + core.x.length));
    core.spEl0 = pe.get('SP_EL0');
    core.pc = cpu.pc;
    this.sysregs.store(pe, regs);
    this.debug.store(vcpu);
  }

  /** A hypervisor with a copy of its own has everything there between two runs. */
  leave(): void {
    this.vcpu.resident = undefined;
    this.store();
  }

  /** The program may move the VM's counters at any time. */
  private setOffsets(): void {
    const { virtualOffset, physicalOffset } = this.vcpu.vm.regs;
    if (virtualOffset !== this.virtualOffset) this.pe.set('CNTVOFF_EL2', virtualOffset);
    if (physicalOffset !== this.physicalOffset && this.hw.has('FEAT_ECV_POFF'))
      this.pe.set('CNTPOFF_EL2', physicalOffset);
    this.virtualOffset = virtualOffset;
    this.physicalOffset = physicalOffset;
  }

  // ---- FP registers ---------------------------------------------------------------------------------------------------

  /** The guest gets at the registers as they are, or traps. @linux __activate_cptr_traps */
  private openFp(open: boolean, at: Loaded): void {
    this.pe.set('CPTR_EL2', open ? this.cptr.open : this.cptr.closed);
    if (open) at.cpu.file.expose(this.cpu);
  }
  /** An instruction that uses the registers came to EL2. @linux kvm_hyp_handle_fpsimd */
  private isFpTrap(exit: PeExit): boolean {
    if (exit.kind !== 'el2') return false;
    return exit.record.ec === EC.FP_ASIMD.ec || (this.hasSve && exit.record.ec === EC.SVE.ec);
  }
  /** Before the guest is entered. @returns whether the registers are its */
  private enterFp(at: Loaded): boolean {
    const { vcpu } = this;
    const { fp, eagerFp } = vcpu.vm.kvm;
    let mine = fp.enter(vcpu, at);
    if (!mine && eagerFp) {
      fp.trap(vcpu, at);
      mine = true;
    }
    this.openFp(mine, at);
    return mine;
  }
  /** The guest came out because the registers are not its: they are now. */
  private trapFp(at: Loaded, exit: PeExit): void {
    const { vcpu, cpu } = this;
    const { fp, fpTrace } = vcpu.vm.kvm;
    fpTrace?.('fp_trap', { cpu: at.cpu.index, vcpu: vcpu.id, ec: ecOf(exit), pc: cpu.pc });
    fp.trap(vcpu, at);
    this.openFp(true, at);
  }

  // ---- running --------------------------------------------------------------------------------------------------------

  /** What must be in the PE before it runs. */
  private prepare(): void {
    const { pe, vcpu } = this;
    if (vcpu.resident !== this) this.load();
    const { serror } = vcpu.lines;
    if (serror || this.armed) pe.set('HCR_EL2', serror ? this.hcr | this.vse : this.hcr);
    this.armed = serror;
    if (serror) pe.set('VSESR_EL2', vcpu.serrorSyndrome);
    this.setOffsets();
  }
  private leftGuest(): void {
    this.hw.leave();
    if (this.armed) this.vcpu.lines.serror = (this.pe.get('HCR_EL2') & this.vse) !== 0n;
  }
  /** Executes the guest on the CPU that it is loaded on. @returns why it came back, and how many instructions that took */
  run(at: Loaded, budget: number): Ran {
    return this.enter(at, budget, (most) => this.pe.run(most))!;
  }
  /** The same beside others. @returns undefined: the guest executes elsewhere, `finish` asks how it is */
  start(at: Loaded, budget: number): Ran | undefined {
    return this.enter(at, budget, (most) => this.pe.start(most));
  }
  finish(): Ran | undefined {
    this.hw.arrive!(this.cpu);
    return this.guarded(() => this.went(this.trip!, this.pe.finish(), (most) => this.pe.start(most)));
  }
  get isAway(): boolean {
    return this.trip !== undefined;
  }
  /** The thread that the guest runs for is no more. */
  abandon(): void {
    const { trip, vcpu } = this;
    if (!trip) return;
    this.trip = undefined;
    this.hw.arrive!(this.cpu);
    this.pe.abandon();
    vcpu.vm.kvm.fp.leave(vcpu, trip.at);
    this.leftGuest();
  }
  /** @param go executes the guest, for a number of instructions */
  private enter(at: Loaded, budget: number, go: (most: number) => PeExit | undefined): Ran | undefined {
    const { cpu } = this;
    this.prepare();
    const [before, start] = [cpu.icountLow, cpu.timeLow];
    this.hw.enter(cpu);
    return this.guarded(() => {
      const trip = { at, mine: this.enterFp(at), before, start, budget };
      return this.went(trip, go(Math.max(1, budget)), go);
    });
  }
  private guarded(f: () => Ran | undefined): Ran | undefined {
    try {
      return f();
    } catch (e) {
      this.trip = undefined;
      this.leftGuest();
      throw e;
    }
  }
  private went(trip: Trip, came: PeExit | undefined, go: (most: number) => PeExit | undefined): Ran | undefined {
    const { vcpu, cpu } = this;
    const { at, before, start, budget } = trip;
    let { mine } = trip;
    let exit = came;
    if (exit && !mine && this.isFpTrap(exit)) {
      this.trapFp(at, exit);
      mine = true;
      exit = go(Math.max(1, budget - ((cpu.timeLow - start) >>> 0)));
    }
    if (!exit) {
      this.trip = { ...trip, mine };
      this.hw.depart!(cpu);
      return undefined;
    }
    this.trip = undefined;
    vcpu.vm.kvm.fp.leave(vcpu, at);
    this.leftGuest();
    return { exit, executed: (cpu.icountLow - before) >>> 0, ticks: (cpu.timeLow - start) >>> 0 };
  }
}

/** A run that is under way elsewhere. */
interface Trip {
  readonly at: Loaded;
  /** The FP registers are the guest's. */
  readonly mine: boolean;
  /** Instruction count and time when it began. */
  readonly before: number;
  readonly start: number;
  readonly budget: number;
}

export interface Ran {
  readonly exit: PeExit;
  /** Instructions. */
  readonly executed: number;
  /** Time that passed. */
  readonly ticks: number;
}

/** HCR_EL2 while the guest runs. @linux HCR_GUEST_FLAGS, vcpu_set_hcr */
function hcrOf(regs: VmRegs, e2h: boolean): bigint {
  const set = (...names: readonly ControlBitName<'HCR_EL2'>[]): bigint => bitsOf('HCR_EL2', e2h, ...names);
  let v = set(
    'VM',
    'SWIO',
    'PTW',
    'FB',
    'AMO',
    'IMO',
    'FMO',
    'TSC',
    'TSW',
    'TACR',
    'TIDCP',
    'TLOR',
    'TID1',
    'TID2',
    'TID3',
  );
  v |= set('RW') | (e2h ? set('E2H') : 0n);
  if (holds(regs, 'pauth')) v |= set('API', 'APK');
  v |= holds(regs, 'mte') ? set('ATA') : set('TID5');
  if (regs.host.hasRas) v |= set('TEA');
  if (!vmHas(regs, 'FEAT_RAS')) v |= set('TERR');
  return v;
}

/** CPTR_EL2: everything about FP traps until the guest's values are loaded. @linux __activate_cptr_traps */
function cptrOf(vm: VmRegs, e2h: boolean): { readonly open: bigint; readonly closed: bigint } {
  const sve = holds(vm, 'sve');
  const always = bitsOf('CPTR_EL2', e2h, 'TAM', 'TTA');
  if (e2h) {
    const closed = always | (vmHas(vm, 'FEAT_S1POE') ? bitsOf('CPTR_EL2', true, 'E0POE') : 0n);
    const open = closed | bitsOf('CPTR_EL2', true, 'FPEN') | (sve ? bitsOf('CPTR_EL2', true, 'ZEN') : 0n);
    return { open, closed };
  }
  // Here the bits trap, and TZ is one of those that are RES1 without SVE.
  const { TFP, TZ } = CONTROL_REGS.CPTR_EL2.e2h0!;
  const fp = fieldMask(TFP!.hi, TFP!.lo);
  const z = fieldMask(TZ!.hi, TZ!.lo);
  const closed = always | CONTROL_REGS.CPTR_EL2.e2h0Res1! | fp | z;
  return { open: closed & ~(sve ? fp | z : fp), closed };
}
const ecOf = (exit: PeExit): number => (exit.kind === 'el2' ? exit.record.ec : 0);

/** Everything else that decides what comes to KVM: does not change while the VM runs. */
function setTraps(vcpu: Vcpu, regs: VcpuRegs, pe: PeApi, e2h: boolean, hcr: bigint): void {
  const { vm } = vcpu;
  const enforcement = regs.vm.enforcement!;
  pe.set('HCR_EL2', hcr);
  pe.set('HCRX_EL2', enforcement.hcrx);
  pe.set('MDCR_EL2', mdcrOf(vcpu));
  pe.set('VPIDR_EL2', readVmIdReg(regs.vm, ID_REGS.MIDR_EL1.enc));
  pe.set('VMPIDR_EL2', regs.sys[sysRegSlot('MPIDR_EL1')]!);
  pe.set('ICC_SRE_EL1', BigInt(vcpu.vgic.sre)); // ICC_SRE_EL2.Enable stays clear: the guest's own accesses trap
  if (holds(regs.vm, 'sve')) pe.set('ZCR_EL2', BigInt(regs.sveMaxVl / 16 - 1));
  const counters = bitsOf('CNTHCTL_EL2', e2h, 'EL1PCTEN', 'EL1PTEN');
  pe.set('CNTHCTL_EL2', counters | (vm.kvm.hardware!.has('FEAT_ECV_POFF') ? bitsOf('CNTHCTL_EL2', e2h, 'ECV') : 0n));
  for (const [name, row] of Object.entries(CONTROL_REGS) as [ControlRegName, ControlReg][]) {
    if (!row.fgt || !vm.kvm.hardware!.has(row.feat as 'FEAT_FGT')) continue;
    const undef = enforcement.fgu.get(name.replace('FGWTR', 'FGRTR')) ?? 0n;
    let value = 0n;
    for (const f of Object.values(row.fields)) {
      const mask = fieldMask(f.hi, f.lo);
      if ((f.role === 'en') !== ((undef & mask) !== 0n)) value |= mask;
    }
    pe.set(name, value);
  }
}
