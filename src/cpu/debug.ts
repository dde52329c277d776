// Self-hosted debug of one PE: software step, breakpoints, watchpoints, the OS lock. Says when a debug exception is due;
// the PE takes it. Breakpoints cost nothing away from their page: fetches from it are refused and executed one by one.
// @arm "Self-hosted debug": AArch64.SoftwareStepException, AArch64.BreakpointMatch, AArch64.WatchpointMatch

import { EC, ISS } from '../arch/esr.ts';
import type { RegName } from '../arch/sysregs.ts';
import type { ExceptionRecord, Translation } from './engine.ts';
import type { DebugWatch, Mmu } from './mmu/translate.ts';
import { bitOf, type PeRegs } from './pe_regs.ts';
import { type Pstate, Spsr } from './pstate.ts';
import type { CpuState } from './state.ts';

const MDSCR = { SS: bitOf('MDSCR_EL1', 'SS'), MDE: bitOf('MDSCR_EL1', 'MDE'), KDE: bitOf('MDSCR_EL1', 'KDE') };
const TDE = bitOf('MDCR_EL2', 'TDE');
const OSLK = 2n;
const FSC_DEBUG = 0x22;
const ADDRESS = 0x00ff_ffff_ffff_ffffn;
const PAGE = 0xfffn;
const MAX = 16;
const bits = (v: bigint, hi: number, lo: number): number =>
  Number((v >> BigInt(lo)) & ((1n << BigInt(hi - lo + 1)) - 1n));

interface Breakpoint {
  readonly address: bigint;
  readonly control: bigint;
}
interface Watchpoint {
  /** Watched bytes: from `start`, those with a bit in `select` (undefined: all up to `end`). */
  readonly start: bigint;
  readonly end: bigint;
  readonly select: number | undefined;
  readonly control: bigint;
}

/** Breakpoint types: address match, its linked form, linked context match. */
const BT = { address: 0, linkedAddress: 1, context: 2, linkedContext: 3 } as const;

export class DebugUnit implements DebugWatch {
  private readonly regs: PeRegs;
  private readonly pstate: Pstate;
  private readonly cpu: CpuState;
  private readonly mmu: Mmu;
  private breakpoints: readonly Breakpoint[] = [];
  private watchpoints: readonly Watchpoint[] = [];
  /** What was last told to the TLBs. */
  private signature = '';
  private stepEnabled = false;
  private monitor = false;
  private kernel = false;
  private locked = false;
  private toEl2 = false;
  /** The page whose instructions may be fetched although it has breakpoints. */
  private open: bigint | undefined;
  /** The instruction stepped last was a Load-Exclusive; undefined: none was. */
  private lastWasExclusive: boolean | undefined;

  constructor(regs: PeRegs, pstate: Pstate, cpu: CpuState, mmu: Mmu) {
    this.regs = regs;
    this.pstate = pstate;
    this.cpu = cpu;
    this.mmu = mmu;
  }

  /** Reads the debug registers anew. */
  update(): void {
    const { regs } = this;
    const mdscr = regs.value('MDSCR_EL1');
    this.stepEnabled = (mdscr & MDSCR.SS) !== 0n;
    this.monitor = (mdscr & MDSCR.MDE) !== 0n;
    this.kernel = (mdscr & MDSCR.KDE) !== 0n;
    this.locked = (regs.get('OSLSR_EL1') & OSLK) !== 0n;
    this.toEl2 = (regs.value('MDCR_EL2') & TDE) !== 0n;
    const breakpoints: Breakpoint[] = [];
    const watchpoints: Watchpoint[] = [];
    if (this.monitor) {
      for (let n = 0; n < MAX; n++) {
        const bcr = regs.get(`DBGBCR${n}_EL1` as RegName);
        const bt = bits(bcr, 23, 20);
        if (bcr & 1n && bt <= BT.context)
          breakpoints.push({ address: regs.get(`DBGBVR${n}_EL1` as RegName), control: bcr });
        const wcr = regs.get(`DBGWCR${n}_EL1` as RegName);
        if (wcr & 1n) {
          const w = watchpointOf(regs.get(`DBGWVR${n}_EL1` as RegName), wcr);
          if (w) watchpoints.push(w);
        }
      }
    }
    this.breakpoints = breakpoints;
    this.watchpoints = watchpoints;
    const places = [
      ...breakpoints.map((b) => (b.address & ~PAGE) | BigInt(bits(b.control, 23, 20) === BT.context ? 1 : 0)),
      ...watchpoints.flatMap((w) => [w.start, w.end]),
    ];
    const signature = places.join();
    if (signature === this.signature) return;
    this.signature = signature;
    this.mmu.debug = places.length > 0 ? this : undefined;
    this.mmu.flushAll();
  }

  /** Debug exceptions are enabled at a level. @arm AArch64.GenerateDebugExceptions */
  private enabledAt(el: number): boolean {
    if (this.locked) return false;
    return this.toEl2 || el === 0 || (this.kernel && !this.pstate.has(Spsr.D));
  }
  private matchesLevel(control: bigint, el0: boolean): boolean {
    return (bits(control, 2, 1) & (el0 ? 2 : 1)) !== 0;
  }
  private linkedMatches(control: bigint): boolean {
    const n = bits(control, 19, 16);
    const bcr = this.regs.get(`DBGBCR${n}_EL1` as RegName);
    if (!(bcr & 1n) || bits(bcr, 23, 20) !== BT.linkedContext) return false;
    return this.contextMatches(this.regs.get(`DBGBVR${n}_EL1` as RegName));
  }
  private contextMatches(value: bigint): boolean {
    return BigInt.asUintN(32, value) === BigInt.asUintN(32, this.regs.get('CONTEXTIDR_EL1'));
  }
  private classOf(low: 'BREAKPT_LOW' | 'SOFTSTP_LOW' | 'WATCHPT_LOW'): number {
    return EC[low].ec + (this.cpu.el === 0 || this.toEl2 ? 0 : 1);
  }

  // ---- software step ----------------------------------------------------------------------------------------------------

  /** The PE steps at a level: after each instruction with PSTATE.SS = 1 comes an exception. */
  stepsAt(el: number): boolean {
    return this.stepEnabled && this.enabledAt(el);
  }
  get stepping(): boolean {
    return this.stepsAt(this.cpu.el);
  }
  /** The step exception that is pending now. */
  pendingStep(): ExceptionRecord | undefined {
    if (!this.stepEnabled || !this.stepping || this.pstate.has(Spsr.SS)) return undefined;
    const valid = this.lastWasExclusive === undefined ? 0 : 1 << ISS.SOFTSTP.ISV;
    const ex = this.lastWasExclusive ? 1 << ISS.SOFTSTP.EX : 0;
    this.lastWasExclusive = undefined;
    return { ec: this.classOf('SOFTSTP_LOW'), iss: valid | ex | FSC_DEBUG, far: 0n, ipa: 0n, toEl2: this.toEl2 };
  }
  /** An instruction was executed while stepping. */
  stepped(word: number): void {
    this.pstate.assign(Spsr.SS, false);
    this.lastWasExclusive = (word & 0x3f400000) === 0x08400000 && !(word & 0x00800000);
  }

  // ---- breakpoints --------------------------------------------------------------------------------------------------------

  stopsFetch(va: bigint): boolean {
    const page = va & ADDRESS & ~PAGE;
    if (page === this.open) return false;
    return this.breakpoints.some(
      (b) => bits(b.control, 23, 20) === BT.context || (b.address & ADDRESS & ~PAGE) === page,
    );
  }
  get onBreakpointPage(): boolean {
    return this.open !== undefined;
  }
  enterBreakpointPage(pc: bigint): void {
    this.open = pc & ADDRESS & ~PAGE;
  }
  leaveBreakpointPage(): void {
    const page = this.open!;
    this.open = undefined;
    this.mmu.flushVa(page);
  }
  breakpointAt(pc: bigint): ExceptionRecord | undefined {
    if (!this.enabledAt(this.cpu.el)) return undefined;
    const hit = this.breakpoints.some((b) => {
      if (!this.matchesLevel(b.control, this.cpu.el === 0)) return false;
      const type = bits(b.control, 23, 20);
      if (type === BT.context) return this.contextMatches(b.address);
      if (((b.address ^ pc) & ADDRESS & ~3n) !== 0n) return false;
      return type === BT.address || this.linkedMatches(b.control);
    });
    if (!hit) return undefined;
    return { ec: this.classOf('BREAKPT_LOW'), iss: FSC_DEBUG, far: 0n, ipa: 0n, toEl2: this.toEl2 };
  }

  // ---- watchpoints --------------------------------------------------------------------------------------------------------

  watchesPage(va: bigint): boolean {
    const page = va & ADDRESS & ~PAGE;
    return this.watchpoints.some((w) => w.start <= (page | PAGE) && w.end > page);
  }
  hit(va: bigint, size: number, access: 'read' | 'write', el0: boolean): Translation | undefined {
    if (!this.enabledAt(this.cpu.el)) return undefined;
    const first = va & ADDRESS;
    const w = this.watchpoints.find(
      (p) =>
        (bits(p.control, 4, 3) & (access === 'read' ? 1 : 2)) !== 0 &&
        this.matchesLevel(p.control, el0) &&
        touches(p, first, size) &&
        (!(p.control & (1n << 20n)) || this.linkedMatches(p.control)),
    );
    if (!w) return undefined;
    const iss = FSC_DEBUG | (access === 'write' ? 1 << ISS.WATCHPT.WnR : 0);
    return { ok: false, ec: this.classOf('WATCHPT_LOW'), iss, far: va };
  }
}

function watchpointOf(address: bigint, control: bigint): Watchpoint | undefined {
  const mask = bits(control, 28, 24);
  if (mask >= 3) {
    const size = 1n << BigInt(mask);
    const start = address & ADDRESS & ~(size - 1n);
    return { start, end: start + size, select: undefined, control };
  }
  const bas = bits(control, 12, 5);
  const half = (address & 4n) !== 0n;
  const select = half ? bas & 15 : bas;
  if (select === 0) return undefined;
  const start = address & ADDRESS & ~3n & ~(half ? 0n : 7n);
  return { start, end: start + (half ? 4n : 8n), select, control };
}
function touches(w: Watchpoint, first: bigint, size: number): boolean {
  if (first >= w.end || first + BigInt(size) <= w.start) return false;
  if (w.select === undefined) return true;
  for (let i = 0; i < size; i++) {
    const at = first + BigInt(i) - w.start;
    if (at >= 0n && at < 8n && (w.select >> Number(at)) & 1) return true;
  }
  return false;
}
