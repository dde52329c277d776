// What follows from a PE's control registers and is wanted often: the translation regime, whether FP is enabled at each
// level, which accesses need not ask, the keys of pointer authentication. Computed anew when a control changes.

import { encOf, operationAt, type RegName, registerAt, SYSTEM_OPS } from '../arch/sysregs.ts';
import { SysOpen } from '../isa/inline_sysregs.ts';
import { PointerCheck } from '../isa/pointer_check.ts';
import { regimeOf } from './mmu/regime.ts';
import { type PauthState, resetPauth } from './pauth.ts';
import type { PeContext } from './pe_context.ts';
import { bitOf } from './pe_regs.ts';
import { SP_CHECKED } from './state.ts';
import { AccessRules, type Verdict, type View } from './sysreg_access.ts';

/** What changes with the trap controls of CPTR_EL2, which a hypervisor that switches FP state lazily moves often. */
export interface CptrControls {
  /** By EL. */
  readonly fpOn: [boolean, boolean];
  /** The exception class that SVE instructions raise, or 0. */
  readonly sveTrap: [number, number];
  /** Whether those of FP and of SVE instructions go to EL2. */
  readonly fpToEl2: [boolean, boolean];
  readonly sveToEl2: [boolean, boolean];
  readonly sysOpen: [number, number];
  /** Decisions made since a control changed. */
  readonly verdicts: Map<number, Verdict>;
}
export interface PeControls {
  readonly rules: AccessRules;
  /** Those of the present CPTR_EL2, and of earlier values since another control changed. */
  cptr: CptrControls;
  readonly byCptr: Map<bigint, CptrControls>;
  /** By EL. */
  /** The EnFPM controls alone: 8-bit floating point is UNDEFINED where they refuse. */
  readonly fpmrOn: [boolean, boolean];
  /** The vector length in bytes. */
  vl: number;
  readonly spMask: [number, number];
  /** Bits of PointerCheck, without those of unprivileged accesses. */
  readonly pointerChecks: [number, number];
  readonly pauth: PauthState;
  /** HCR_EL2, reserved bits applied. */
  hcr: bigint;
  /** Its low half. */
  hcrLow: number;
  /** HFGITR_EL2 (or HCR_EL2.NV) traps these. */
  trapsSvc: [boolean, boolean];
  trapsEret: boolean;
}

const SRE = 1n;
const SRE_ENABLE = 8n;

/** How the PE reads the tables: its real EL2 registers, the features that the guest has. */
function viewOf(pe: PeContext): View {
  const { regs } = pe;
  return {
    has: pe.has,
    hardware: pe.options.has,
    control: (name) => regs.value(name),
    get iccSre() {
      return (regs.get('ICC_SRE_EL1') & SRE) !== 0n;
    },
    get iccSreEnable() {
      return (regs.get('ICC_SRE_EL2') & SRE_ENABLE) !== 0n;
    },
  };
}

const newCptrControls = (): CptrControls => ({
  fpOn: [false, false],
  sveTrap: [0, 0],
  fpToEl2: [false, false],
  sveToEl2: [false, false],
  sysOpen: [0, 0],
  verdicts: new Map(),
});

export function newPeControls(pe: PeContext): PeControls {
  return {
    rules: new AccessRules(viewOf(pe)),
    cptr: newCptrControls(),
    byCptr: new Map(),
    fpmrOn: [false, false],
    vl: 16,
    spMask: [0, 0],
    pointerChecks: [0, 0],
    pauth: resetPauth(),
    hcr: 0n,
    hcrLow: 0,
    trapsSvc: [false, false],
    trapsEret: false,
  };
}

/** The decision about a register, remembered. */
export function registerVerdict(pe: PeContext, encoding: number, isRead: boolean): Verdict {
  const el = pe.cpu.el as 0 | 1;
  const key = (encoding << 3) | (isRead ? 4 : 0) | el;
  const { verdicts } = pe.controls.cptr;
  let v = verdicts.get(key);
  if (v === undefined) {
    v = pe.controls.rules.register(registerAt(encoding, isRead ? 'read' : 'write'), encoding, isRead, el);
    verdicts.set(key, v);
  }
  return v;
}
/** The decision about an operation of the SYS space, remembered. */
export function operationVerdict(pe: PeContext, encoding: number, isRead: boolean): Verdict {
  const el = pe.cpu.el as 0 | 1;
  const key = (encoding << 3) | (isRead ? 4 : 0) | 2 | el;
  const { verdicts } = pe.controls.cptr;
  let v = verdicts.get(key);
  if (v === undefined) {
    v = pe.controls.rules.operation(operationAt(encoding), encoding, isRead, el);
    verdicts.set(key, v);
  }
  return v;
}

const SCTLR = { SA: bitOf('SCTLR_EL1', 'SA'), SA0: bitOf('SCTLR_EL1', 'SA0'), EnFPM: bitOf('SCTLR_EL1', 'EnFPM') };
const SCTLR2 = { EnPACM: bitOf('SCTLR2_EL1', 'EnPACM'), EnPACM0: bitOf('SCTLR2_EL1', 'EnPACM0') };
const CPT = [
  { add: bitOf('SCTLR2_EL1', 'CPTA0'), multiply: bitOf('SCTLR2_EL1', 'CPTM0') },
  { add: bitOf('SCTLR2_EL1', 'CPTA'), multiply: bitOf('SCTLR2_EL1', 'CPTM') },
] as const;
const HCRX_SCTLR2En = bitOf('HCRX_EL2', 'SCTLR2En');
const HCRX_PACMEn = bitOf('HCRX_EL2', 'PACMEn');
const HCRX_EnFPM = bitOf('HCRX_EL2', 'EnFPM');
const HCR_NV = bitOf('HCR_EL2', 'NV');
const ZCR_LEN = 15n;
/** Registers and operations that the engine carries out alone while their bit in SYS_OPEN is set. */
const INLINE = (['TPIDR_EL0', 'TPIDRRO_EL0'] as const).map((n) => encOf(n));
const FPMR = encOf('FPMR');
const CACHE = ['DC_CVAC', 'DC_CVAU', 'DC_CVAP', 'DC_CVADP', 'DC_CIVAC', 'IC_IVAU'].map((n) => SYSTEM_OPS.get(n)!);
const DC_ZVA = SYSTEM_OPS.get('DC_ZVA')!;

/** After a change of something that only translation looks at. */
export function updateRegime(pe: PeContext): void {
  const { stage2, has } = pe.options;
  pe.mmu.setRegime(regimeOf(pe.regs, pe.has), stage2.follow?.(pe.regs, has));
}

/** HCR_EL2 changed, in what is only looked at. */
export function noteHcr({ controls, regs }: PeContext): void {
  controls.hcr = regs.value('HCR_EL2');
  controls.hcrLow = Number(BigInt.asUintN(32, controls.hcr));
}
export function updateControls(pe: PeContext): void {
  const { controls, regs } = pe;
  const { rules } = controls;
  updateRegime(pe);
  controls.byCptr.clear();
  noteHcr(pe);
  controls.trapsSvc = [rules.instruction('SVC_EL0'), rules.instruction('SVC_EL1')];
  controls.trapsEret = rules.instruction('ERET') || (controls.hcr & HCR_NV) !== 0n;
  const sctlr = regs.value('SCTLR_EL1');
  const hcrx = regs.value('HCRX_EL2');
  const guestFpmr = (hcrx & HCRX_EnFPM) !== 0n;
  // Ignored without SCTLR2En. @arm EffectiveCPTA, EffectiveCPTM
  const sctlr2 = hcrx & HCRX_SCTLR2En ? regs.value('SCTLR2_EL1') : 0n;
  for (const el of [0, 1] as const) {
    controls.fpmrOn[el] = guestFpmr && (el === 1 || (sctlr & SCTLR.EnFPM) !== 0n);
    const { add, multiply } = CPT[el];
    const multiplies = sctlr2 & multiply ? PointerCheck.Multiply : 0;
    controls.pointerChecks[el] = sctlr2 & add ? PointerCheck.Add | multiplies : 0;
    controls.spMask[el] = sctlr & (el === 0 ? SCTLR.SA0 : SCTLR.SA) ? SP_CHECKED : 0;
  }
  controls.vl = vectorLength(pe);
  updateCptr(pe);
  updatePauth(pe);
  pe.debug.update();
}

/** CPTR_EL2 changed, and nothing else. */
export function updateCptr(pe: PeContext): void {
  const { controls, regs } = pe;
  const cptr = regs.get('CPTR_EL2');
  controls.cptr = controls.byCptr.get(cptr) ?? cptrControls(pe);
  controls.byCptr.set(cptr, controls.cptr);
}
function cptrControls(pe: PeContext): CptrControls {
  const { rules } = pe.controls;
  const { regs } = pe;
  const sctlr2 = regs.value('SCTLR2_EL1');
  const pacmEn = (regs.value('HCRX_EL2') & HCRX_PACMEn) !== 0n;
  const made = newCptrControls();
  for (const el of [0, 1] as const) {
    const sve = rules.sve(el);
    made.sveTrap[el] = typeof sve === 'object' ? sve.ec : 0;
    const fp = rules.fp(el);
    made.fpToEl2[el] = typeof fp === 'object' && fp.to === 2;
    made.sveToEl2[el] = typeof sve === 'object' && sve.to === 2;
    made.fpOn[el] = pe.options.has('FEAT_FP') && fp === undefined;
    const register = (enc: number, isRead: boolean): boolean =>
      rules.register(registerAt(enc, isRead ? 'read' : 'write'), enc, isRead, el) === 'ok';
    let open = 0;
    if (INLINE.every((e) => register(e, true)) && register(INLINE[0]!, false)) open |= SysOpen.Registers;
    if (register(FPMR, true) && register(FPMR, false)) open |= SysOpen.Fpmr;
    // Where stage 2 has memory types, DC ZVA has to look at them.
    const typed = pe.options.stage2.follow !== undefined;
    if (!typed && rules.operation(DC_ZVA, DC_ZVA.enc, false, el) === 'ok') open |= SysOpen.DcZva;
    const cacheOpen = CACHE.every((op) => rules.operation(op, op.enc, false, el) === 'ok');
    if (cacheOpen) open |= SysOpen.Cache;
    if (pacmEn && sctlr2 & (el === 0 ? SCTLR2.EnPACM0 : SCTLR2.EnPACM)) open |= SysOpen.Pacm;
    made.sysOpen[el] = open;
  }
  return made;
}
const ALL_QUADS: readonly number[] = Array.from({ length: 16 }, (_, i) => i + 1);
/** The largest supported length that no level forbids, at EL1 and EL0. @arm CurrentNSVL */
function vectorLength(pe: PeContext): number {
  const quads = pe.options.vectorQuads ?? ALL_QUADS;
  const limit = (name: 'ZCR_EL1' | 'ZCR_EL2'): number => Number(pe.regs.value(name) & ZCR_LEN) + 1;
  const wanted = Math.min(limit('ZCR_EL1'), limit('ZCR_EL2'));
  return 16 * Math.max(1, ...quads.filter((q) => q <= wanted));
}

// ---- pointer authentication -----------------------------------------------------------------------------------------------------

const KEYS = ['APIA', 'APIB', 'APDA', 'APDB', 'APGA'] as const;
const ENABLE = ['EnIA', 'EnIB', 'EnDA', 'EnDB'] as const;
const keyName = (key: (typeof KEYS)[number], half: 'LO' | 'HI'): RegName => `${key}KEY${half}_EL1`;

/** What the CPU is decides about algorithms. */
export function configurePauth(pe: PeContext): void {
  const { has } = pe.options;
  const { pauth } = pe.controls;
  pauth.algorithm = has('FEAT_PACQARMA5') ? 'qarma5' : has('FEAT_PACQARMA3') ? 'qarma3' : 'impdef';
  pauth.epac = has('FEAT_EPAC');
  pauth.pauth2 = has('FEAT_PAuth2');
  pauth.fpac = has('FEAT_FPAC');
  pauth.fpacCombine = has('FEAT_FPACCOMBINE');
}
const KEY_NAMES: ReadonlySet<string> = new Set(KEYS.flatMap((k) => [keyName(k, 'LO'), keyName(k, 'HI')]));
/** One of the key registers. */
export function isPauthKey(name: string): boolean {
  return KEY_NAMES.has(name);
}
export function updatePauth(pe: PeContext): void {
  const { regs, mmu } = pe;
  const { pauth } = pe.controls;
  const sctlr = regs.value('SCTLR_EL1');
  pauth.enabled = 0;
  ENABLE.forEach((bit, i) => {
    if (sctlr & bitOf('SCTLR_EL1', bit)) pauth.enabled |= 1 << i;
  });
  KEYS.forEach((key, k) => {
    (['LO', 'HI'] as const).forEach((half, h) => {
      const v = regs.get(keyName(key, half));
      pauth.keys[k * 4 + h * 2] = Number(BigInt.asIntN(32, v));
      pauth.keys[k * 4 + h * 2 + 1] = Number(BigInt.asIntN(32, v >> 32n));
    });
  });
  const { lower, upper } = mmu.regime;
  const bottom = (bits: number): number => Math.min(Math.max(bits, 33), 55);
  pauth.bottom = [bottom(lower.inputBits || 48), bottom(upper.inputBits || 48)];
  pauth.tbiData = (lower.tbiData ? 1 : 0) | (upper.tbiData ? 2 : 0);
  pauth.tbiInstruction = (lower.tbiInstruction ? 1 : 0) | (upper.tbiInstruction ? 2 : 0);
}
