// The PMU of a guest: which counters count what, and what its registers show. Every access comes here by a trap; between
// two exits the counters that are enabled advance by the instructions that were executed, one a cycle.
// @linux arch/arm64/kvm/pmu-emul.c, sys_regs.c: access_pm*

import { encParts } from '../arch/schema.ts';
import { currentEl, putRegs } from './emulate.ts';
import { accessibleCounters, eventTypeMask, PMCR_KEPT, PMCR_LC, readCounter, readPmcr } from './pmu_regs.ts';
import { type StoredReg, sysRegSlot } from './sys_reg_table.ts';
import type { Vcpu } from './vcpu.ts';
import { hasIrqchip, injectIrq } from './vgic/vgic.ts';
import { holds } from './vm_features.ts';

const CYCLE = 31;
const PMCR = { E: 1n, P: 2n, C: 4n } as const;
const USERENR = { EN: 1n, SW: 2n, CR: 4n, ER: 8n, MASK: 0xfn } as const;
const EVENT = { SW_INCR: 0x00, INST_RETIRED: 0x08, CPU_CYCLES: 0x11, CHAIN: 0x1e } as const;
const COUNTED: readonly number[] = [EVENT.INST_RETIRED, EVENT.CPU_CYCLES];
const TYPER_EVENT = 0xffffn;
const FILTER_P = 1n << 31n;
const FILTER_U = 1n << 30n;

function get(vcpu: Vcpu, name: StoredReg): bigint {
  return vcpu.regs.sys[sysRegSlot(name)]!;
}
function set(vcpu: Vcpu, name: StoredReg, value: bigint): void {
  vcpu.regs.sys[sysRegSlot(name)] = BigInt.asUintN(64, value);
}
const counterName = (i: number): StoredReg => (i === CYCLE ? 'PMCCNTR_EL0' : (`PMEVCNTR${i}_EL0` as StoredReg));
const typerName = (i: number): StoredReg => (i === CYCLE ? 'PMCCFILTR_EL0' : (`PMEVTYPER${i}_EL0` as StoredReg));
const bitOf = (i: number): bigint => 1n << BigInt(i);
/** Bits in which a counter overflows. */
function width(vcpu: Vcpu, i: number): number {
  if (i !== CYCLE) return 32;
  return (readPmcr(vcpu.regs) & PMCR_LC) !== 0n ? 64 : 32;
}

/** Adds to one counter; an overflow is noted. */
function add(vcpu: Vcpu, i: number, n: bigint): void {
  const old = get(vcpu, counterName(i));
  const w = width(vcpu, i);
  const low = BigInt.asUintN(w, old) + n;
  set(vcpu, counterName(i), ((old >> BigInt(w)) << BigInt(w)) | BigInt.asUintN(w, low));
  if (low >> BigInt(w) !== 0n) set(vcpu, 'PMOVSSET_EL0', get(vcpu, 'PMOVSSET_EL0') | bitOf(i));
}
function isFiltered(vcpu: Vcpu, i: number, el: number): boolean {
  return (get(vcpu, typerName(i)) & (el === 0 ? FILTER_U : FILTER_P)) !== 0n;
}
function isAllowed(vcpu: Vcpu, event: number): boolean {
  return vcpu.vm.pmuFilter?.[event] !== 0;
}
/** The guest has executed `n` instructions. @linux kvm_pmu_sync_hwstate */
export function advancePmu(vcpu: Vcpu, n: number): void {
  if (n === 0 || !holds(vcpu.vm.regs, 'pmu')) return;
  const enabled = get(vcpu, 'PMCNTENSET_EL0');
  if ((get(vcpu, 'PMCR_EL0') & PMCR.E) === 0n || enabled === 0n) return;
  const el = currentEl(vcpu);
  const count = vcpu.vm.regs.pmuCounters;
  for (let i = 0; i < count; i++) {
    const event = Number(get(vcpu, typerName(i)) & TYPER_EVENT);
    if ((enabled & bitOf(i)) === 0n || !COUNTED.includes(event) || isFiltered(vcpu, i, el)) continue;
    if (isAllowed(vcpu, event)) add(vcpu, i, BigInt(n));
  }
  if ((enabled & bitOf(CYCLE)) !== 0n && !isFiltered(vcpu, CYCLE, el) && isAllowed(vcpu, EVENT.CPU_CYCLES))
    add(vcpu, CYCLE, BigInt(n));
  updateIrq(vcpu);
}
/** Before the first run: counters that the VM turned out not to have are nowhere enabled. @linux kvm_vcpu_reload_pmu */
export function reloadPmu(vcpu: Vcpu): void {
  if (!holds(vcpu.vm.regs, 'pmu')) return;
  const mask = accessibleCounters(vcpu.regs);
  for (const name of ['PMCNTENSET_EL0', 'PMINTENSET_EL1', 'PMOVSSET_EL0'] as const)
    set(vcpu, name, get(vcpu, name) & mask);
}
/** @linux kvm_pmu_update_state */
function updateIrq(vcpu: Vcpu): void {
  const both = get(vcpu, 'PMOVSSET_EL0') & get(vcpu, 'PMINTENSET_EL1') & get(vcpu, 'PMCNTENSET_EL0');
  const level = both !== 0n && (get(vcpu, 'PMCR_EL0') & PMCR.E) !== 0n;
  if (hasIrqchip(vcpu.vm)) injectIrq(vcpu.vm, vcpu, vcpu.pmu.irq, level, vcpu.pmu);
}

/** Nobody has this encoding, or not at this level, or not with this counter: UNDEFINED. */
export const UNDEFINED = 'undefined';
export type PmuAnswer = bigint | typeof UNDEFINED;

/**
 * An access to a PMU register at EL0 or EL1. @param value undefined: a read
 * @returns the value read, or 0n
 */
export function accessPmu(vcpu: Vcpu, enc: number, value: bigint | undefined): PmuAnswer {
  if (!holds(vcpu.vm.regs, 'pmu')) return UNDEFINED;
  putRegs(vcpu);
  const answer = registers(vcpu, enc, value);
  if (value !== undefined && answer !== UNDEFINED) updateIrq(vcpu);
  return answer;
}

function registers(vcpu: Vcpu, enc: number, value: bigint | undefined): PmuAnswer {
  const [, op1, CRn, CRm, op2] = encParts(enc);
  const priv = currentEl(vcpu) !== 0;
  const may = (flags: bigint): boolean => priv || (get(vcpu, 'PMUSERENR_EL0') & flags) !== 0n;
  if (CRn === 14) return family(vcpu, ((CRm & 3) << 3) | op2, (CRm & 12) === 12, value, may);
  if (op1 === 0) return priv ? interruptEnable(vcpu, op2, value) : UNDEFINED;
  switch (`${CRm}.${op2}`) {
    case '12.0':
      return may(USERENR.EN) ? pmcr(vcpu, value) : UNDEFINED;
    case '12.1':
    case '12.2':
      return may(USERENR.EN) ? setOrClear(vcpu, 'PMCNTENSET_EL0', op2 === 1, value) : UNDEFINED;
    case '12.3':
    case '14.3':
      return may(USERENR.EN) ? setOrClear(vcpu, 'PMOVSSET_EL0', CRm === 14, value) : UNDEFINED;
    case '12.4':
      return value !== undefined && may(USERENR.SW | USERENR.EN) ? softwareIncrement(vcpu, value) : UNDEFINED;
    case '12.5':
      if (!may(USERENR.ER | USERENR.EN)) return UNDEFINED;
      if (value !== undefined) set(vcpu, 'PMSELR_EL0', value);
      return get(vcpu, 'PMSELR_EL0') & 0x1fn;
    case '12.6':
    case '12.7':
      return value === undefined && may(USERENR.EN) ? eventIds(vcpu, op2 === 7) : UNDEFINED;
    case '13.0':
      return may(USERENR.CR | USERENR.EN) ? counter(vcpu, CYCLE, value, may) : UNDEFINED;
    case '13.1':
      return family(vcpu, Number(get(vcpu, 'PMSELR_EL0') & 0x1fn), true, value, may);
    case '13.2':
      return may(USERENR.ER | USERENR.EN)
        ? counter(vcpu, Number(get(vcpu, 'PMSELR_EL0') & 0x1fn), value, may)
        : UNDEFINED;
    case '14.0':
      if (value !== undefined && !priv) return UNDEFINED;
      if (value !== undefined) set(vcpu, 'PMUSERENR_EL0', value & USERENR.MASK);
      return get(vcpu, 'PMUSERENR_EL0') & USERENR.MASK;
    default:
      return UNDEFINED;
  }
}

type May = (flags: bigint) => boolean;
function isValidCounter(vcpu: Vcpu, i: number): boolean {
  return i === CYCLE || i < Number((readPmcr(vcpu.regs) >> 11n) & 0x1fn);
}
/** PMEVCNTR<n>, PMEVTYPER<n>, PMCCFILTR. */
function family(vcpu: Vcpu, i: number, isType: boolean, value: bigint | undefined, may: May): PmuAnswer {
  if (!isType) return may(USERENR.ER | USERENR.EN) ? counter(vcpu, i, value, may) : UNDEFINED;
  if (!may(USERENR.EN) || !isValidCounter(vcpu, i)) return UNDEFINED;
  if (value !== undefined) {
    const all = eventTypeMask(vcpu.vm.regs);
    set(vcpu, typerName(i), value & (i === CYCLE ? all & ~TYPER_EVENT : all));
  }
  return get(vcpu, typerName(i));
}
function counter(vcpu: Vcpu, i: number, value: bigint | undefined, may: May): PmuAnswer {
  if (!isValidCounter(vcpu, i)) return UNDEFINED;
  const name = counterName(i);
  if (value === undefined) return readCounter(vcpu.regs, name, get(vcpu, name));
  if (!may(USERENR.EN)) return UNDEFINED;
  set(vcpu, name, width(vcpu, i) === 64 || i === CYCLE ? value : value & 0xffff_ffffn);
  return 0n;
}
function pmcr(vcpu: Vcpu, value: bigint | undefined): bigint {
  const shown = readPmcr(vcpu.regs) & ~(PMCR.P | PMCR.C);
  if (value === undefined) return shown;
  const lc = vcpu.vm.kvm.host.hasEl0_32 ? 0n : PMCR_LC;
  set(vcpu, 'PMCR_EL0', (value & PMCR_KEPT & ~(PMCR.P | PMCR.C)) | lc);
  if ((value & PMCR.C) !== 0n) set(vcpu, 'PMCCNTR_EL0', 0n);
  if ((value & PMCR.P) !== 0n) for (let i = 0; i < vcpu.vm.regs.pmuCounters; i++) set(vcpu, counterName(i), 0n);
  return 0n;
}
function setOrClear(vcpu: Vcpu, name: StoredReg, sets: boolean, value: bigint | undefined): bigint {
  const mask = accessibleCounters(vcpu.regs);
  const old = get(vcpu, name);
  if (value !== undefined) set(vcpu, name, sets ? old | (value & mask) : old & ~(value & mask));
  return get(vcpu, name);
}
function interruptEnable(vcpu: Vcpu, op2: number, value: bigint | undefined): PmuAnswer {
  if (op2 === 6) return 0n; // PMMIR_EL1: nothing to say
  return setOrClear(vcpu, 'PMINTENSET_EL1', op2 === 1, value);
}
function softwareIncrement(vcpu: Vcpu, value: bigint): bigint {
  if ((get(vcpu, 'PMCR_EL0') & PMCR.E) === 0n) return 0n;
  const which = value & accessibleCounters(vcpu.regs) & get(vcpu, 'PMCNTENSET_EL0');
  for (let i = 0; i < vcpu.vm.regs.pmuCounters; i++)
    if ((which & bitOf(i)) !== 0n && Number(get(vcpu, typerName(i)) & TYPER_EVENT) === EVENT.SW_INCR) add(vcpu, i, 1n);
  return 0n;
}
/** Common events that are counted, 32 a half of a register: 0x0.. below, 0x4000.. above. @linux kvm_pmu_get_pmceid */
function eventIds(vcpu: Vcpu, second: boolean): bigint {
  const first = second ? 0x20 : 0;
  let out = 0n;
  for (const e of [EVENT.SW_INCR, EVENT.CHAIN, ...COUNTED])
    if (e >= first && e < first + 0x20 && isAllowed(vcpu, e)) out |= bitOf(e - first);
  return out;
}
