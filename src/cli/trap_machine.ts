// `hypatia trap`: a machine that executes nothing. KVM sets a PE up as for any guest; then the PE and KVM's triage are asked.

import { CONTROL_REGS, type ControlRegName } from '../arch/control_regs.ts';
import { type Feat, has } from '../arch/features.ts';
import { idRegRow } from '../arch/id_fields.ts';
import { ID_REGS, type IdRegName } from '../arch/id_regs.ts';
import type { ControlReg } from '../arch/schema.ts';
import { UsageError } from '../base/assert.ts';
import { fieldMask, insert } from '../base/bits.ts';
import type { Engine } from '../cpu/engine.ts';
import type { CpuModel } from '../cpu/models.ts';
import { Pe } from '../cpu/pe.ts';
import { createPeDirectory, createPeDomain } from '../cpu/pe_directory.ts';
import { PhysMem } from '../cpu/physmem.ts';
import type { AccessRules, Level } from '../cpu/sysreg_access.ts';
import type { KvmCompat } from '../kvm/compat.ts';
import { createKvm } from '../kvm/dev_kvm.ts';
import { featuresOf, type Situation, Triager } from '../kvm/emulate-nested.ts';
import type { Hardware } from '../kvm/hardware.ts';
import { type KvmMode, makeHost } from '../kvm/host.ts';
import { finalizeGicIdRegs, finalizeOffers, setVmIdReg } from '../kvm/id_regs.ts';
import type { OfferName } from '../kvm/offers.ts';
import type { VmRegs } from '../kvm/regs_state.ts';
import { createVcpuRegs, createVmRegs, vcpuInit } from '../kvm/reset.ts';
import { isStored, sysRegSlot, VM_ID_REG_ENCODINGS } from '../kvm/sys_reg_table.ts';
import { idRegIndex, readVmIdReg } from '../kvm/vm_features.ts';
import { System } from '../lib/kvm.ts';
import { createMachine } from '../lib/machine.ts';
import { Process } from '../lib/process.ts';
import { KVM_ARM_VCPU, type VcpuFeature } from '../uapi/index.ts';
import type { Setting } from './trap_subject.ts';

export interface TrapMachineOptions {
  readonly model: CpuModel;
  readonly mode: KvmMode;
  readonly nested: boolean;
  readonly features: readonly VcpuFeature[];
  readonly compat: KvmCompat | undefined;
  readonly offer: readonly OfferName[];
  readonly vm: readonly Setting[];
  readonly set: readonly Setting[];
  readonly el: Level;
}
export interface TrapMachine {
  readonly vm: VmRegs;
  /** What the CPU has, and what the VM has of it. */
  readonly cpuHas: (feat: Feat) => boolean;
  readonly vmHas: (feat: Feat) => boolean;
  /** The PE that the guest runs on, as KVM has set it up; undefined for a nested guest, which has the triage alone. */
  readonly pe: AccessRules | undefined;
  readonly triage: Triager;
}

/** A guest of which nothing else is known has FP on. */
const ASSUMED: readonly Setting[] = [
  { reg: 'CPACR_EL1', field: 'FPEN', value: 3 },
  { reg: 'CPACR_EL1', field: 'ZEN', value: 3 },
  { reg: 'CPACR_EL1', field: 'SMEN', value: 3 },
];
/** A guest hypervisor of which nothing else is known asks for nothing: enables are set, traps are clear. */
function quiet(name: ControlRegName): bigint {
  const row: ControlReg = CONTROL_REGS[name];
  let v = 0n;
  for (const f of Object.values(row.fields)) if (row.el === 2 && f.role === 'en') v |= fieldMask(f.hi, f.lo);
  if (name === 'HCR_EL2') v |= fieldMask(34, 34); // E2H
  if (name === 'MDCR_EL2') v |= 31n; // HPMN: all counters are the guest's
  if (name === 'CPTR_EL2') v |= ASSUMED.reduce((m, s) => m | maskOf('CPTR_EL2', s.field), 0n);
  return v;
}
function maskOf(reg: ControlRegName, field: string): bigint {
  const f = fieldOf(reg, field);
  return f ? fieldMask(f.hi, f.lo) : 0n;
}
function fieldOf(reg: ControlRegName, field: string): { readonly hi: number; readonly lo: number } | undefined {
  const row: ControlReg = CONTROL_REGS[reg];
  return row.fields[field] ?? row.e2h0?.[field];
}
const applied = (value: bigint, s: Setting): bigint => {
  const f = fieldOf(s.reg as ControlRegName, s.field)!;
  return insert(value, f.hi, f.lo, BigInt(s.value));
};

/** @throws UsageError where KVM does not accept it */
function lower(vm: VmRegs, s: Setting): void {
  const name = s.reg as IdRegName;
  const { hi, lo } = idRegRow(name).fields[s.field]!;
  const packed = ID_REGS[name].enc;
  const is = idRegIndex(packed) !== undefined && setVmIdReg(vm, packed, insert(readVmIdReg(vm, packed), hi, lo, BigInt(s.value)));
  if (is !== 0) throw new UsageError(`trap: --vm ${s.reg}.${s.field}=${s.value}: KVM does not accept it for this VM (it may be lowered, not raised; some fields are fixed)`);
} // biome-ignore format: a message
/** An engine for PEs that are asked and never run. */
const IDLE_ENGINE: Engine = {
  run: () => {
    throw new Error('nothing is executed here');
  },
  createTlb: () => ({ base: 0, flush: () => {}, flushTagged: () => {}, flushPage: () => {} }),
  invalidateCode: () => {},
};

/** @throws UsageError where the CPU cannot have such a VM */
export function trapMachine(o: TrapMachineOptions): TrapMachine {
  const readId = (packed: number): bigint => o.model.raw.get(packed) ?? 0n;
  const host = makeHost({ raw: o.model.raw, mode: o.mode });
  if (host.unavailable !== undefined) throw new UsageError(`trap: no KVM on ${o.model.name}: ${host.unavailable}`);
  if (o.nested && !host.hasNv)
    throw new UsageError(`trap: --nested: KVM has no nested virtualization on ${o.model.name}`);
  const features: readonly VcpuFeature[] = o.nested ? [...o.features, 'HAS_EL2'] : o.features;
  const vm = createVmRegs(host, { compat: o.compat, offer: o.offer });
  const vcpu = createVcpuRegs(vm, 0);
  const bits = features.reduce((m, f) => m | (1 << KVM_ARM_VCPU[f]), 0);
  if (vcpuInit(vcpu, 5, [bits, 0, 0, 0, 0, 0, 0]) !== 0)
    throw new UsageError(`trap: ${o.model.name} has no VMs with ${features.join(', ')}`);
  for (const s of o.vm) lower(vm, s);

  let pe: Pe | undefined;
  if (!o.nested) {
    const mem = new PhysMem(64);
    const machine = createMachine({ mem, readId });
    const directory = createPeDirectory();
    const hardware: Hardware = {
      ...machine.hardware,
      createDomain: createPeDomain,
      createPe: (w) => {
        pe = new Pe({
          mem,
          engine: IDLE_ENGINE,
          directory,
          has: machine.hardware.has,
          clock: machine.hardware.clock,
          ...w,
        });
        return pe;
      },
    };
    const kvm = createKvm({ host, mem, hardware, counter: machine.counter, compat: o.compat, offer: o.offer });
    const process = new Process(mem, 1, machine);
    const inKernel = new System(process, process.installFd(kvm.open())).createVm();
    const c = inKernel.createVcpu();
    c.init({ features });
    if (host.hasGicv3) inKernel.createVgicV3({ distributor: 0x800_0000n, redistributors: 0x80a_0000n });
    for (const { reg } of o.vm) c.setOneReg(reg, readVmIdReg(vm, ID_REGS[reg as IdRegName].enc));
    try {
      c.run();
    } catch {
      // It has come as far as it should: KVM has set the PE up.
    }
    if (!pe) throw new UsageError(`trap: KVM cannot run such a VM on ${o.model.name}`);
    // What the first run made of the ID registers.
    for (const packed of VM_ID_REG_ENCODINGS) vm.idRegs[idRegIndex(packed)!] = pe.options.readId(packed);
  } else {
    vm.irqchip = 'v3';
    finalizeGicIdRegs(vm);
    finalizeOffers(vm);
  }

  const state = new Map<ControlRegName, bigint>();
  const own = (name: ControlRegName): bigint => {
    const reset = isStored(name) && CONTROL_REGS[name].el < 2 ? vcpu.sys[sysRegSlot(name)]! : quiet(name);
    return [...ASSUMED, ...o.set].filter((s) => s.reg === name).reduce(applied, reset);
  };
  const situation: Situation = {
    vm,
    el: o.el,
    read: (name) => {
      const known = state.get(name) ?? own(name);
      state.set(name, known);
      return known;
    },
  };
  if (pe) {
    const all: readonly Setting[] = [...ASSUMED, ...ASSUMED.map((s) => ({ ...s, reg: 'CPTR_EL2' })), ...o.set];
    for (const s of all) {
      const name = s.reg as ControlRegName;
      if (fieldOf(name, s.field)) pe.set(name, applied(pe.get(name), s));
    }
    pe.sync();
  }
  return {
    vm,
    cpuHas: (f) => has(f, readId),
    vmHas: featuresOf(vm),
    pe: pe?.controls.rules,
    triage: new Triager(situation),
  };
}
