// What happens when a guest's instruction reads or writes a system register or executes a system instruction: the
// decision of sysreg_access.ts, then storage, an effect, a device, or the exception.

import { EC, ISS, issOfSysreg } from '../arch/esr.ts';
import { encParts } from '../arch/schema.ts';
import { type Operation, operationAt, type RegName, registerAt, SYSTEM_OPS } from '../arch/sysregs.ts';
import { type InlineSysreg, inlineSysregs } from '../isa/inline_sysregs.ts';
import { alignmentFault } from './access.ts';
import type { Access, Translation } from './engine.ts';
import { parOfStage2, translateAt } from './mmu/at.ts';
import { invalidate } from './mmu/tlbi.ts';
import { fscOfStage2, type Mode } from './mmu/translate.ts';
import type { Pe } from './pe.ts';
import { isPauthKey, operationVerdict, registerVerdict, updatePauth } from './pe_controls.ts';
import type { PeMaintenance } from './pe_ports.ts';
import { bitOf, slotOf } from './pe_regs.ts';
import { Spsr } from './pstate.ts';
import type { Verdict } from './sysreg_access.ts';
import { effectOf, handleOf } from './sysreg_effects.ts';

const UMA = bitOf('SCTLR_EL1', 'UMA');
/** op0 is 0: MSR (immediate). */
const isImmediate = (encoding: number): boolean => encoding >>> 14 === 0;
/** MSR (immediate): op1 << 3 | op2. */
const Imm = { UAO: 3, PAN: 4, SPSel: 5, ALLINT: 0o10, DAIFSet: 0o36, DAIFClr: 0o37 } as const;
type At = readonly [access: Access, mode: Mode | 'pan', how?: { readonly unchecked?: true; readonly both?: true }];
const AT: Readonly<Record<string, At>> = {
  AT_S1E1R: ['read', 'el1'],
  AT_S1E1W: ['write', 'el1'],
  AT_S1E0R: ['read', 'el0'],
  AT_S1E0W: ['write', 'el0'],
  AT_S1E1RP: ['read', 'pan'],
  AT_S1E1WP: ['write', 'pan'],
  AT_S1E1A: ['read', 'el1', { unchecked: true }],
};
/** Those of EL2. */
const AT_S12: Readonly<Record<string, At>> = {
  AT_S12E1R: ['read', 'el1', { both: true }],
  AT_S12E1W: ['write', 'el1', { both: true }],
  AT_S12E0R: ['read', 'el0', { both: true }],
  AT_S12E0W: ['write', 'el0', { both: true }],
};
/** TLBI of EL2's own regime. */
const OTHER_REGIME = /E2(IS|OS)?$/;
const VTCR_DS = bitOf('VTCR_EL2', 'DS');
const BLOCK = 64n;
/** Registers that nothing but translation looks at. */
const TRANSLATION: ReadonlySet<RegName> = new Set([
  'TTBR0_EL1',
  'TTBR1_EL1',
  'MAIR_EL1',
  'PIR_EL1',
  'PIRE0_EL1',
  'POR_EL1',
  'POR_EL0',
]);

export class PeSystem {
  private readonly pe: Pe;
  constructor(pe: Pe) {
    this.pe = pe;
  }

  /** Leaves the instruction with the exception that a decision names. */
  private refuse(v: Exclude<Verdict, 'ok'>): void {
    this.pe.cpu.exception =
      v === 'undef'
        ? { ec: EC.UNKNOWN.ec, iss: 0, far: 0n, ipa: 0n, toEl2: false }
        : { ec: v.ec, iss: v.iss, far: 0n, ipa: 0n, toEl2: v.to === 2 };
  }

  // ---- registers ------------------------------------------------------------------------------------------------------

  read(encoding: number): bigint | undefined {
    const { pe } = this;
    const v = registerVerdict(pe, encoding, true);
    if (v !== 'ok') {
      this.refuse(v);
      return undefined;
    }
    const how = remembered(READS, encoding, readingOf);
    switch (how.kind) {
      case 'storage':
        pe.openRegister(how.slot, how.open, true);
        return pe.regs.effective(how.slot);
      case 'nothing':
        return 0n;
      case 'effect':
        if (how.isSp0 && pe.pstate_.sp === 0) return this.undefined();
        return how.read(pe);
      case 'id':
        return pe.options.readId(encoding);
      case 'device': {
        const value = pe.options.device.read(encoding);
        pe.recheckInterrupts();
        return value === undefined ? this.undefined() : value;
      }
    }
  }
  write(encoding: number, value: bigint): boolean {
    const { pe } = this;
    const v = registerVerdict(pe, encoding, false);
    if (v !== 'ok') {
      this.refuse(v);
      return false;
    }
    const how = remembered(WRITES, encoding, writingOf);
    switch (how.kind) {
      case 'storage':
        pe.openRegister(how.slot, how.open, false);
        pe.regs.setRaw(how.slot, pe.regs.masked(how.slot, value));
        return true;
      case 'effect':
        if (how.isSp0 && pe.pstate_.sp === 0) {
          this.undefined();
          return false;
        }
        how.write(pe, value);
        return true;
      case 'device': {
        const accepted = pe.options.device.write(encoding, value);
        pe.recheckInterrupts();
        if (!accepted) this.undefined();
        return accepted;
      }
      case 'control': {
        const kept = pe.regs.masked(how.slot, value);
        if (pe.regs.raw(how.slot) === kept) return true;
        pe.regs.setRaw(how.slot, kept);
        how.changed(pe);
        return true;
      }
    }
  }
  private undefined(): undefined {
    this.refuse('undef');
    return undefined;
  }

  // ---- operations ---------------------------------------------------------------------------------------------------------

  operation(encoding: number, value: bigint, isRead: boolean): bigint | undefined {
    if (isImmediate(encoding)) return this.immediate(encoding);
    const v = operationVerdict(this.pe, encoding, isRead);
    if (v !== 'ok') {
      this.refuse(v);
      return undefined;
    }
    return this.execute(operationAt(encoding)!, value);
  }
  private execute(op: Operation, value: bigint): bigint | undefined {
    const { pe } = this;
    const { name } = op;
    if (op.tlbi) {
      this.invalidate(op, value);
      return 0n;
    }
    const at = AT[name];
    if (at) return this.translate(value, ...at);
    if (name === 'DC_ZVA') return this.zero(value);
    if (name.startsWith('IC_IALLU')) {
      pe.options.engine.invalidateCode();
      return 0n;
    }
    if (name.startsWith('DC_') && !name.endsWith('SW'))
      return this.touch(value, name === 'DC_IVAC' ? 'write' : 'read') === undefined ? undefined : 0n;
    if (name === 'IC_IVAU') {
      const frame = this.touch(value, 'read');
      if (frame === undefined) return undefined;
      pe.options.engine.invalidateCode(frame);
      return 0n;
    }
    // Maintenance by set and way, prediction restriction: there is nothing to maintain.
    if (name.startsWith('DC_') || name.endsWith('_RCTX')) return 0n;
    return this.undefined();
  }
  private invalidate(op: Operation, value: bigint): void {
    const { pe } = this;
    const { scope, share } = op.tlbi!;
    const targets: readonly PeMaintenance[] = share === '' ? [pe] : pe.options.domain.members;
    const ds = scope === 'iparange' ? (pe.regs.value('VTCR_EL2') & VTCR_DS) !== 0n : pe.mmu.regime.ds;
    invalidate(op, value, targets, ds);
  }
  /** @throws RangeError for what is not TLBI or AT of the EL1&0 regime */
  operateAtEl2(name: string, value: bigint): void {
    const op = SYSTEM_OPS.get(name);
    const at = AT[name] ?? AT_S12[name];
    if (op?.tlbi && !OTHER_REGIME.test(name)) this.invalidate(op, value);
    else if (at) this.translate(value, at[0], at[1], at[2], true);
    else throw new RangeError(`${name}: only TLBI and AT of the EL1&0 regime are executed for EL2`);
  }
  /** A cache operation by address. @returns the page, or undefined after the fault */
  private reach(va: bigint, access: Access): Extract<Translation, { ok: true }> | undefined {
    const { pe } = this;
    const t = pe.mmu.translate(pe.mode, va, access, 1, pe.cpu);
    if (t.ok) return t;
    pe.cpu.exception = { ec: t.ec, iss: t.iss, far: t.far, ipa: t.ipa ?? 0n, toEl2: t.ipa !== undefined };
    return undefined;
  }
  private touch(va: bigint, access: Access): number | undefined {
    return this.reach(va, access)?.frame;
  }
  private zero(value: bigint): bigint | undefined {
    const { pe } = this;
    const t = this.reach(value, 'write');
    if (t === undefined) return undefined;
    if (t.device) {
      pe.cpu.exception = alignmentFault(pe.cpu, value, true, t.alignedIpa);
      return undefined;
    }
    const { frame } = t;
    const start = frame * 4096 + Number(value & 0xfffn & ~(BLOCK - 1n));
    pe.options.mem.u8.fill(0, start, start + Number(BLOCK));
    return 0n;
  }
  private translate(
    va: bigint,
    access: Access,
    mode: Mode | 'pan',
    how: At[2] = {},
    isEl2 = false,
  ): bigint | undefined {
    const { pe } = this;
    const with_ = mode === 'pan' ? (pe.pstate_.has(Spsr.PAN) ? 'el1Pan' : 'el1') : mode;
    const r = translateAt(pe.mmu, va, access, with_, how);
    if ('par' in r || isEl2) {
      pe.regs.set('PAR_EL1', 'par' in r ? r.par : parOfStage2(pe.mmu.lastTableFault, true));
      return 0n;
    }
    const iss = fscOfStage2(pe.mmu.lastTableFault) | (1 << ISS.DABT.S1PTW) | (1 << ISS.DABT.CM) | (1 << ISS.DABT.WnR);
    pe.cpu.exception = { ec: EC.DABT_LOW.ec, iss, far: va, ipa: r.stage2.ipa, toEl2: true };
    return undefined;
  }

  // ---- MSR (immediate) -------------------------------------------------------------------------------------------------------

  private immediate(encoding: number): bigint | undefined {
    const { pe } = this;
    const [, op1, , value, op2] = encParts(encoding);
    const field = (op1 << 3) | op2;
    const el = pe.cpu.el;
    if (field === Imm.DAIFSet || field === Imm.DAIFClr) {
      if (el === 0 && !(pe.regs.value('SCTLR_EL1') & UMA)) {
        this.refuse({ to: 1, ec: EC.SYS64.ec, iss: issOfSysreg(encoding, 0, false) });
        return undefined;
      }
      const mask = BigInt(value) << 6n;
      pe.pstate_.bits = field === Imm.DAIFSet ? pe.pstate_.bits | mask : pe.pstate_.bits & ~mask;
      if (field === Imm.DAIFClr && (pe.debug.stepping || pe.pendingInterrupts() !== 0)) pe.recheckInterrupts();
      return 0n;
    }
    if (el === 0) return this.undefined();
    const set = (value & 1) !== 0;
    if (field === Imm.SPSel) pe.pstate_.setMode(1, set ? 1 : 0);
    else if (field === Imm.PAN && pe.has('FEAT_PAN')) {
      pe.pstate_.assign(Spsr.PAN, set);
      pe.applyTlb();
    } else if (field === Imm.UAO && pe.has('FEAT_UAO')) {
      pe.pstate_.assign(Spsr.UAO, set);
      pe.applyTlb();
    } else return this.undefined();
    return 0n;
  }
}

/** Registers of the interrupt controller's CPU interface. */
const isDevice = (name: string): boolean => name.startsWith('ICC_');

// ---- what an access does once it is allowed, by encoding ---------------------------------------------------------------------

type Reading =
  | { readonly kind: 'storage'; readonly slot: number; readonly open: number }
  | { readonly kind: 'effect'; readonly read: (pe: Pe) => bigint; readonly isSp0: boolean }
  | { readonly kind: 'nothing' | 'id' | 'device' };
type Writing =
  | { readonly kind: 'storage'; readonly slot: number; readonly open: number }
  | { readonly kind: 'control'; readonly slot: number; readonly changed: (pe: Pe) => void }
  | { readonly kind: 'effect'; readonly write: (pe: Pe, value: bigint) => void; readonly isSp0: boolean }
  | { readonly kind: 'device' };
const READS = new Map<number, Reading>();
const WRITES = new Map<number, Writing>();
function remembered<T>(known: Map<number, T>, encoding: number, make: (encoding: number) => T): T {
  let how = known.get(encoding);
  if (how === undefined) {
    how = make(encoding);
    known.set(encoding, how);
  }
  return how;
}
/** The row of a register that compiled code can access alone. */
const inlineAt = (encoding: number): InlineSysreg | undefined => inlineSysregs().find((r) => r.enc === encoding);
function readingOf(encoding: number): Reading {
  const row = registerAt(encoding, 'read');
  if (!row) return { kind: 'nothing' };
  const effect = effectOf(row.name);
  const read = effect?.guestRead ?? effect?.read;
  if (read) return { kind: 'effect', read, isSp0: row.name === 'SP_EL0' };
  if (row.table === 'id') return { kind: 'id' };
  if (isDevice(row.name)) return { kind: 'device' };
  return { kind: 'storage', slot: slotOf(row.name as RegName), open: inlineAt(encoding)?.open ?? 0 };
}
function writingOf(encoding: number): Writing {
  const name = registerAt(encoding, 'write')!.name as RegName;
  if (isDevice(name)) return { kind: 'device' };
  const write = effectOf(name)?.write;
  if (write) return { kind: 'effect', write, isSp0: name === 'SP_EL0' };
  const { slot, control } = handleOf(name);
  return control === undefined
    ? { kind: 'storage', slot, open: inlineAt(encoding)?.openWrite ?? 0 }
    : { kind: 'control', slot, changed: followOf(name, control) };
}
function followOf(name: RegName, control: 'debug' | 'all'): (pe: Pe) => void {
  if (TRANSLATION.has(name)) return (pe) => pe.syncRegime();
  if (isPauthKey(name)) return updatePauth;
  return (pe) => {
    if (control === 'debug') pe.syncDebug();
    else pe.sync();
    if (pe.debug.stepping) pe.recheckInterrupts();
  };
}
