// SVE as a program of Linux sees it: which vector lengths there are, which one a thread has, and what prctl says of it. The
// length itself lies in the thread's CPU state. @linux arch/arm64/kernel/fpsimd.c

import { Errno } from '../base/hostfile.ts';
import type { Thread } from './thread.ts';

/** All lengths that SVE can have, in units of 128 bits. */
export const ALL_QUADS: readonly number[] = Array.from({ length: 16 }, (_, i) => i + 1);
/** Bytes: what programs start with, where the CPU has it. @linux vl_info[].default */
const DEFAULT_LENGTH = 64;
const QUAD = 16;
/** What prctl takes: far more than there can be. @linux SVE_VL_MAX */
const LARGEST = 512 * QUAD;
const LENGTH_MASK = 0xffff;
/** @linux PR_SVE_VL_INHERIT, PR_SVE_SET_VL_ONEXEC */
const INHERIT = 1 << 17;
const ONEXEC = 1 << 18;

/** The lengths of a CPU; none without SVE. */
export class VectorLengths {
  private readonly lengths: readonly number[];
  constructor(quads: readonly number[]) {
    this.lengths = quads.map((q) => q * QUAD);
  }
  get exists(): boolean {
    return this.lengths.length > 0;
  }
  /** Bytes; 0 without SVE. */
  get largest(): number {
    return this.lengths.at(-1) ?? 0;
  }
  /** The largest that is no longer, or the smallest. @linux find_supported_vector_length */
  atMost(bytes: number): number {
    return this.lengths.findLast((l) => l <= bytes) ?? this.lengths[0] ?? QUAD;
  }
  get defaultLength(): number {
    return this.atMost(DEFAULT_LENGTH);
  }
}

/** What a thread has chosen for the programs it will execute. */
export interface VectorLengthChoice {
  /** Bytes at the next execve; 0: the default. */
  onExec: number;
  /** The choice survives execve. */
  inherit: boolean;
}

const status = (t: Thread, length: number): number => length | (t.vectorLength.inherit ? INHERIT : 0);

/** PR_SVE_GET_VL. @returns length and flags, or -EINVAL without SVE */
export function getVectorLength(t: Thread): number {
  return t.machine.sve.exists ? status(t, t.state.vl) : -Errno.EINVAL;
}
/** PR_SVE_SET_VL: takes the largest length that is no longer. @returns as above */
export function setVectorLength(t: Thread, argument: number): number {
  const { sve } = t.machine;
  const wanted = argument & LENGTH_MASK;
  const flags = argument & ~LENGTH_MASK;
  if (!sve.exists || flags & ~(INHERIT | ONEXEC)) return -Errno.EINVAL;
  if (wanted === 0 || wanted % QUAD !== 0 || wanted > LARGEST) return -Errno.EINVAL;
  const length = sve.atMost(wanted);
  const choice = t.vectorLength;
  choice.onExec = flags === 0 ? 0 : length;
  if (!(flags & ONEXEC) && length !== t.state.vl) {
    t.state.discardSve();
    t.state.vl = length;
  }
  choice.inherit = (flags & INHERIT) !== 0;
  return status(t, flags & ONEXEC ? length : t.state.vl);
}
/** A new program begins. @linux fpsimd_flush_thread_vl */
export function vectorLengthAtExec(t: Thread): void {
  const { sve } = t.machine;
  const choice = t.vectorLength;
  t.state.discardSve();
  t.state.vl = sve.atMost(choice.onExec || sve.defaultLength);
  if (!choice.inherit) choice.onExec = 0;
}
