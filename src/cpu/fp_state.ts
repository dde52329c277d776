// The FP state of a context: what it consists of, in the order in which it is restored, and how it moves between a PE and
// memory. Everybody who switches FP state (host threads, vCPUs, the hypervisor) does so by this list. Knows no owner.

import type { Feat } from '../arch/features.ts';
import { FP_FEATS } from '../arch/fp_feats.ts';
import type { Need } from '../arch/schema.ts';
import { meets } from './needs.ts';
import { type CpuState, Slot, V_STRIDE } from './state.ts';

export type FpRegName = 'FPCR' | 'FPSR' | 'FPMR' | 'SVCR';

/** One piece of the FP state: the vectors (V, or Z with P and FFR as far as they are in use), or a system register. */
export type FpItem =
  | { readonly name: 'vectors' }
  | { readonly name: FpRegName; readonly feat: Need; readonly slot: number };

/**
 * The vectors and the system registers that go with them, in restore order: restoring SVCR, of which there is no storage yet,
 * changes PSTATE.SM, which clears the vectors, FPSR and FPMR. It would come first; FPMR comes last.
 * @arm SetPSTATE_SM
 */
export const FP_STATE: readonly FpItem[] = [
  { name: 'vectors' },
  { name: 'FPCR', feat: FP_FEATS.FPCR, slot: Slot.FPCR },
  { name: 'FPSR', feat: FP_FEATS.FPSR, slot: Slot.FPSR },
  { name: 'FPMR', feat: FP_FEATS.FPMR, slot: Slot.FPMR },
];

/** The part of the FP state that exists where these features do. */
export function fpStateOf(has: (feat: Feat) => boolean): readonly FpItem[] {
  return FP_STATE.filter((i) => i.name === 'vectors' || meets(i.feat, has));
}

/** Memory that FP state is saved to. */
export interface FpBlock {
  /** V0 begins at word `at`, the next register `stride` words later. */
  readonly words: Uint32Array;
  readonly at: number;
  readonly stride: number;
  /** Bytes of Z that are in use. 0: V is all there is, the rest is zero. */
  live: number;
  /** Z, P and FFR, in the layout of CpuState from V on; asked for only where they are in use. */
  sve(): Uint8Array;
  get(name: FpRegName): bigint;
  set(name: FpRegName, value: bigint): void;
}

const V_WORDS = 4;
const STRIDE = V_STRIDE / 4;
const vectorsOf = (cpu: CpuState): number => (cpu.base + Slot.V) >>> 2;

function copyVectors(from: Uint32Array, at: number, step: number, to: Uint32Array, into: number, stride: number): void {
  for (let n = 0, i = at, o = into; n < 32; n++, i += step, o += stride) {
    to[o] = from[i]!;
    to[o + 1] = from[i + 1]!;
    to[o + 2] = from[i + 2]!;
    to[o + 3] = from[i + 3]!;
  }
}

const SVE_BYTES = Slot.END - Slot.V;
const sveOf = (cpu: CpuState): Uint8Array => cpu.mem.u8.subarray(cpu.base + Slot.V, cpu.base + Slot.END);

function saveVectors(cpu: CpuState, to: FpBlock): void {
  const live = cpu.sveLive;
  if (live > 0 || to.live > 0) to.sve().set(sveOf(cpu));
  to.live = live;
  copyVectors(cpu.mem.u32, vectorsOf(cpu), STRIDE, to.words, to.at, to.stride);
}
function loadVectors(cpu: CpuState, from: FpBlock): void {
  cpu.discardSve();
  if (from.live > 0) {
    cpu.touchSve(from.live);
    sveOf(cpu).set(from.sve());
  } else copyVectors(from.words, from.at, from.stride, cpu.mem.u32, vectorsOf(cpu), STRIDE);
}

/** Saves the items of `view`; what is not in it stays as it was in memory. */
export function saveFp(cpu: CpuState, to: FpBlock, view: readonly FpItem[]): void {
  for (const item of view) {
    if (item.name === 'vectors') saveVectors(cpu, to);
    else to.set(item.name, cpu.get(item.slot));
  }
}
/** Loads the items of `view`, in its order; what is not in it stays as it is in the registers. */
export function loadFp(cpu: CpuState, from: FpBlock, view: readonly FpItem[]): void {
  for (const item of view) {
    if (item.name === 'vectors') loadVectors(cpu, from);
    else cpu.set(item.slot, from.get(item.name));
  }
}

export const newSveArea = (): Uint8Array => new Uint8Array(SVE_BYTES);

/** A block of its own, for whoever needs a place. */
export class FpArea implements FpBlock {
  readonly words = new Uint32Array(32 * V_WORDS);
  readonly at = 0;
  readonly stride = V_WORDS;
  live = 0;
  private area: Uint8Array | undefined;
  private readonly control = new Map<FpRegName, bigint>();

  sve(): Uint8Array {
    this.area ??= newSveArea();
    return this.area;
  }
  get(name: FpRegName): bigint {
    return this.control.get(name) ?? 0n;
  }
  set(name: FpRegName, value: bigint): void {
    this.control.set(name, value);
  }
}

/**
 * The FP registers of one physical CPU. There is one set of them, and what it contains is what was loaded last, whoever
 * reads it. In the model each execution state has room for such a set, and the file is in the one that used it last: a
 * state that executes with FP enabled gets the contents as they are, its own or not.
 */
export class FpFile {
  private at: CpuState | undefined;

  /** The state whose slots are the registers now. */
  get holder(): CpuState | undefined {
    return this.at;
  }
  /** `cpu` executes with the registers as they are. */
  expose(cpu: CpuState): void {
    const from = this.at;
    this.at = cpu;
    if (from && from !== cpu) move(from, cpu, FP_STATE);
  }
  save(to: FpBlock, view: readonly FpItem[]): void {
    if (this.at) saveFp(this.at, to, view);
  }
  /** Loads what is in `view`, for `cpu`, which executes next. The rest stays what it was. */
  load(cpu: CpuState, from: FpBlock, view: readonly FpItem[]): void {
    const before = this.at;
    this.at = cpu;
    if (before && before !== cpu && view.length < FP_STATE.length)
      move(
        before,
        cpu,
        FP_STATE.filter((i) => !view.includes(i)),
      );
    loadFp(cpu, from, view);
  }
}

function move(from: CpuState, to: CpuState, items: readonly FpItem[]): void {
  const { u8 } = from.mem;
  for (const item of items) {
    if (item.name !== 'vectors') {
      to.set(item.slot, from.get(item.slot));
      continue;
    }
    to.discardSve();
    to.touchSve(from.sveLive);
    u8.copyWithin(to.base + Slot.V, from.base + Slot.V, from.base + Slot.END);
  }
}
