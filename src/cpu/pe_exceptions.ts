// Where exceptions and interrupts of a guest go: to EL1, which takes them inside the run, or to whoever owns EL2.

import { EC, ISS } from '../arch/esr.ts';
import type { ExceptionRecord } from './engine.ts';
import { ERET_WORD, eretTarget, esrValue, exceptionReturn, takeToEl1, type Vector } from './exception.ts';
import { EC_BREAKPOINT_PAGE } from './mmu/translate.ts';
import { HCR, PeContext } from './pe_context.ts';
import { noteHcr } from './pe_controls.ts';
import type { PeExit } from './pe_ports.ts';
import { bitOf, slotOf } from './pe_regs.ts';
import { SpsrLow } from './pstate.ts';
import { instructionSyndrome, isCacheMaintenance, rtOf } from './syndrome.ts';

const EL2 = {
  ESR: slotOf('ESR_EL2'), ELR: slotOf('ELR_EL2'), SPSR: slotOf('SPSR_EL2'), FAR: slotOf('FAR_EL2'), HPFAR: slotOf('HPFAR_EL2'),
}; // biome-ignore format: a table
const ELR_EL1 = slotOf('ELR_EL1');
const TDE = bitOf('MDCR_EL2', 'TDE');
const SCTLR_N = { TWI: bitOf('SCTLR_EL1', 'nTWI'), TWE: bitOf('SCTLR_EL1', 'nTWE') };
const HCRX_MCE2 = bitOf('HCRX_EL2', 'MCE2');
const ISS_MASK = 0x1ff_ffffn;
const ISS_COND = (1 << ISS.WFX.CV) | (14 << ISS.WFX.COND[1]);
const FSC_MASK = 0x3f;
const isSea = (iss: number): boolean =>
  (iss & FSC_MASK) >= 0x10 && (iss & FSC_MASK) <= 0x17 && (iss & FSC_MASK) !== 0x11;
/** SVE has a quarter of the encodings of its own (op0 of the top level). */
const isSve = (word: number): boolean => ((word >>> 25) & 15) === 2;
const WFE_WORD = 0xd503205f;
export const record = (ec: number, iss = 0, toEl2 = false): ExceptionRecord => ({ ec, iss, far: 0n, ipa: 0n, toEl2 });

export abstract class PeExceptions extends PeContext {
  // ---- exceptions -------------------------------------------------------------------------------------------------------------

  protected toEl1(vector: Vector, r: ExceptionRecord | undefined): void {
    takeToEl1(this.site, vector, r);
    if (!this.stale) this.applyLevel();
  }
  protected toEl2(r: ExceptionRecord): PeExit {
    const { regs, cpu } = this;
    regs.setRaw(EL2.ESR, esrValue(r));
    regs.setRaw(EL2.ELR, cpu.pc);
    regs.setRaw(EL2.SPSR, this.pstate);
    regs.setRaw(EL2.FAR, r.far);
    if (r.ipa !== 0n || r.toEl2) regs.setRaw(EL2.HPFAR, (r.ipa >> 12n) << 4n);
    return { kind: 'el2', record: { ...r, toEl2: true } };
  }
  /** Takes a synchronous exception where its record says. */
  protected raise(r: ExceptionRecord): PeExit | undefined {
    if (r.toEl2) return this.toEl2(r);
    this.toEl1('sync', r);
    return undefined;
  }
  protected back(): void {
    this.cpu.pc = BigInt.asUintN(64, this.cpu.pc - 4n);
  }
  protected hcr(bit: bigint): boolean {
    return (this.controls.hcr & bit) !== 0n;
  }

  /** Routes what an instruction raised. */
  protected exception(r: ExceptionRecord): PeExit | undefined {
    const { cpu, controls } = this;
    const el = cpu.el as 0 | 1;
    switch (r.ec) {
      case EC_BREAKPOINT_PAGE: {
        const hit = this.debug.breakpointAt(cpu.pc);
        if (hit) return this.raise(hit);
        this.debug.enterBreakpointPage(cpu.pc);
        return undefined;
      }
      case EC.SVE.ec:
      case EC.FP_ASIMD.ec: {
        // An SVE instruction that finds FP disabled may have met the control of another level first. What raises SVE's
        // class and is no SVE instruction is an access to a register, decided already.
        const sve = isSve(this.wordAt(cpu.pc));
        const { fpToEl2, sveToEl2 } = controls.cptr;
        const toEl2 = sve ? sveToEl2[el]! : r.ec === EC.SVE.ec ? r.toEl2 : fpToEl2[el]!;
        return this.raise(record(r.ec, r.iss, toEl2));
      }
      case EC.SVC64.ec:
        if (this.debug.stepping) this.debug.stepped(0);
        r.toEl2 = controls.trapsSvc[el];
        return this.raise(r);
      case EC.HVC64.ec:
        if (!this.hcr(HCR.HCD)) return this.toEl2(r);
        this.back();
        return this.raise(record(EC.UNKNOWN.ec));
      case EC.SMC64.ec:
        this.back();
        // Without EL3 there is nobody else to call.
        return this.hcr(HCR.TSC) ? this.toEl2(r) : this.raise(record(EC.UNKNOWN.ec));
      case EC.SYS64.ec:
        r.iss |= rtOf(this.wordHere()) << ISS.SYS64.Rt[1];
        return this.raise(r);
      case EC.MOPS.ec:
        return this.raise({ ...r, toEl2: (this.regs.value('HCRX_EL2') & HCRX_MCE2) !== 0n });
      case EC.IABT_LOW.ec:
      case EC.IABT_CUR.ec:
      case EC.DABT_LOW.ec:
      case EC.DABT_CUR.ec:
        return this.abort(r);
      case EC.BRK64.ec:
      case EC.BREAKPT_LOW.ec:
      case EC.BREAKPT_CUR.ec:
      case EC.WATCHPT_LOW.ec:
      case EC.WATCHPT_CUR.ec:
        return this.raise({ ...r, toEl2: (this.regs.value('MDCR_EL2') & TDE) !== 0n });
      default:
        return this.raise(r);
    }
  }
  protected abort(r: ExceptionRecord): PeExit | undefined {
    const isData = r.ec >= EC.DABT_LOW.ec;
    let { iss } = r;
    if (isData) {
      const word = this.wordAt(this.cpu.pc);
      if (isCacheMaintenance(word)) iss |= (1 << ISS.DABT.CM) | (1 << ISS.DABT.WnR);
      else if (r.toEl2 && !(iss & (1 << ISS.DABT.S1PTW)) && !isSea(iss)) iss |= instructionSyndrome(word);
    }
    if (!r.toEl2 && isSea(iss) && this.hcr(HCR.TEA)) {
      return this.toEl2({ ...r, ec: isData ? EC.DABT_LOW.ec : EC.IABT_LOW.ec, iss });
    }
    return this.raise({ ...r, iss });
  }

  protected eret(): PeExit | undefined {
    const { cpu, controls, regs } = this;
    const word = this.wordHere();
    if (controls.trapsEret) {
      const iss = word === ERET_WORD ? 0 : 2 | ((word >>> 10) & 1);
      return this.toEl2(record(EC.ERET.ec, iss));
    }
    let low = regs.half(ELR_EL1, 0);
    let high = regs.half(ELR_EL1, 1);
    if (word !== ERET_WORD) {
      const target = eretTarget(regs.raw(ELR_EL1), word, cpu.sp, controls.pauth);
      if (typeof target !== 'bigint') return this.raise(record(EC.FPAC.ec, target.iss));
      low = Number(BigInt.asUintN(32, target));
      high = Number(target >> 32n);
    }
    cpu.count(1);
    exceptionReturn(this.site, low, high, this.debug.stepping);
    this.applyLevel();
    return undefined;
  }

  // ---- interrupts and waiting ---------------------------------------------------------------------------------------------------

  protected takeInterrupt(): void {
    const open = this.pendingInterrupts() & ~this.pstate_.low;
    if (open === 0) return;
    if (open & SpsrLow.A) {
      const syndrome = this.has('FEAT_RAS') ? Number(this.regs.get('VSESR_EL2') & ISS_MASK) : 0;
      this.regs.set('HCR_EL2', this.regs.get('HCR_EL2') & ~HCR.VSE);
      noteHcr(this);
      this.toEl1('serror', record(EC.SERROR.ec, syndrome));
    } else if (open & SpsrLow.F) this.toEl1('fiq', undefined);
    else if (open & SpsrLow.I) this.toEl1('irq', undefined);
  }

  protected idle(): PeExit | undefined {
    const { cpu, regs, timers } = this;
    const word = this.wordAt(cpu.pc - 4n);
    const timed = (word & 0xffffff00) >>> 0 === 0xd5031000;
    const isEvent = timed ? ((word >>> 5) & 1) === 0 : word === WFE_WORD;
    if (this.pendingInterrupts() !== 0) return undefined;
    const until = timed ? cpu.idleDeadline : undefined;
    if (until !== undefined && timers.counter('CNTV') >= until) return undefined;
    const ti = (timed ? 2 : 0) | (isEvent ? 1 : 0);
    const iss = ISS_COND | ti | (timed ? ((word & 31) << ISS.WFX.RN[1]) | (1 << ISS.WFX.RV) : 0);
    const open = regs.value('SCTLR_EL1') & (isEvent ? SCTLR_N.TWE : SCTLR_N.TWI);
    if (cpu.el === 0 && !open) {
      this.back();
      return this.raise(record(EC.WFX.ec, iss));
    }
    if (this.hcr(isEvent ? HCR.TWE : HCR.TWI)) {
      this.back();
      return this.toEl2(record(EC.WFX.ec, iss));
    }
    let wake = timers.nextEvent();
    for (const at of [
      until === undefined ? undefined : timers.atVirtual(until),
      isEvent ? timers.eventStream() : undefined,
    ]) {
      if (at !== undefined && (wake === undefined || at < wake)) wake = at;
    }
    return { kind: 'idle', wake };
  }
}
