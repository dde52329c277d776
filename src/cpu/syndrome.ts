// What does the syndrome of a data abort say about the instruction that caused it? ISV with size, register and
// extension for loads and stores of one general register without write-back: what a hypervisor emulates devices with.
// Reads instruction words by the encodings' fixed bits, nothing else.
// @arm AArch64.LSInstructionSyndrome

const ISV = 1 << 24;
const AR = 1 << 14;

/** A load or store of one register: size 0..3 (bytes 1, 2, 4, 8). */
export interface SingleAccess {
  readonly size: number;
  readonly signed: boolean;
  readonly rt: number;
  /** The register is 64 bits wide. */
  readonly wide: boolean;
  /** Acquire or release. */
  readonly ordered: boolean;
}

const bits = (word: number, hi: number, lo: number): number => (word >>> lo) & (2 ** (hi - lo + 1) - 1);

/** @returns undefined for everything that is reported without ISV. */
export function singleAccess(word: number): SingleAccess | undefined {
  const rt = bits(word, 4, 0);
  const size = bits(word, 31, 30);
  // Load register (literal): opc 00, 01 and LDRSW.
  if (bits(word, 29, 24) === 0b011000) {
    if (size === 3) return undefined;
    return { size: size === 1 ? 3 : 2, signed: size === 2, rt, wide: size !== 0, ordered: false };
  }
  // Load/store ordered: LDAR, LDLAR, STLR, STLLR and their byte and halfword forms.
  if (bits(word, 29, 24) === 0b001000 && bits(word, 23, 23) === 1 && bits(word, 21, 21) === 0) {
    return { size, signed: false, rt, wide: size === 3, ordered: true };
  }
  // LDAPUR, STLUR: size 011001 opc 0 imm9 00.
  if (bits(word, 29, 24) === 0b011001 && bits(word, 21, 21) === 0 && bits(word, 11, 10) === 0) {
    return byOpc(size, bits(word, 23, 22), rt, true);
  }
  if (bits(word, 29, 27) !== 0b111 || bits(word, 26, 26) !== 0) return undefined;
  const opc = bits(word, 23, 22);
  if (bits(word, 25, 24) === 1) return byOpc(size, opc, rt, false); // unsigned offset
  if (bits(word, 25, 24) !== 0) return undefined;
  const kind = bits(word, 11, 10);
  if (bits(word, 21, 21) === 0) return kind === 0 || kind === 2 ? byOpc(size, opc, rt, false) : undefined;
  if (kind === 2) return byOpc(size, opc, rt, false); // register offset
  // LDAPR stands among the atomics.
  const ldapr = kind === 0 && bits(word, 15, 12) === 0b1100 && bits(word, 23, 22) === 0b10;
  return ldapr ? { size, signed: false, rt, wide: size === 3, ordered: true } : undefined;
}
function byOpc(size: number, opc: number, rt: number, ordered: boolean): SingleAccess | undefined {
  const signed = opc >= 2;
  if (signed && (size === 3 || (size === 2 && opc === 3))) return undefined; // prefetch, unallocated
  return { size, signed, rt, wide: signed ? opc === 2 : size === 3, ordered };
}

/** ISS bits 24:14 for a stage 2 data abort of an instruction; 0 where ISV is 0. */
export function instructionSyndrome(word: number): number {
  const a = singleAccess(word);
  if (!a) return 0;
  const sse = a.signed ? 1 << 21 : 0;
  return ISV | (a.size << 22) | sse | (a.rt << 16) | (a.wide ? 1 << 15 : 0) | (a.ordered ? AR : 0);
}

/** SYS with CRn 7 other than DC ZVA and its tag twins: an abort of it is one of cache maintenance (CM). */
export function isCacheMaintenance(word: number): boolean {
  if ((word & 0xfff80000) >>> 0 !== 0xd5080000 || bits(word, 15, 12) !== 7) return false;
  const zeroes = bits(word, 18, 16) === 3 && bits(word, 11, 8) === 4;
  return !zeroes;
}

/** Rt of an MRS, MSR (register), SYS or SYSL. */
export const rtOf = (word: number): number => bits(word, 4, 0);
