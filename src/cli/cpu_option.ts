// `--cpu`: from a name or a file to ID registers, for KVM to show and for programs to trust.

import { readFileSync } from 'node:fs';
import { FEATURES, type Feat, has, isFeat } from '../arch/features.ts';
import { UsageError } from '../base/assert.ts';
import { lazy } from '../base/lazy.ts';
import type { LandingPads } from '../cpu/bti.ts';
import { landingPads } from '../cpu/landing_pads.ts';
import { parseModelFile } from '../cpu/model_file.ts';
import { lowerToExecutable } from '../cpu/model_lower.ts';
import { builtinModel, type CpuModel, DEFAULT_MODEL, isModelName, MODEL_NAMES, type ModelName } from '../cpu/models.ts';
import { makeHost } from '../kvm/host.ts';
import { hwcapWords } from '../linux/hwcap.ts';
import type { CpuFacts } from '../linux/index.ts';
import { nameOf } from './engine.ts';
import { keepAtEnd, readKeptText } from './kept.ts';

/** What follows from the registers of a model, for programs, for the engine and for the host of KVM. */
export interface ModelFacts extends CpuFacts {
  /** Another one for other features. */
  readonly machine: string;
  readonly pads: LandingPads;
  readonly vectorQuads: readonly number[];
  readonly unavailable: string | undefined;
  /** A register's value; 0 for one that the model does not have. */
  read(enc: number): bigint;
}
export interface ChosenCpu {
  /** What KVM's host hardware says. */
  readonly shown: CpuModel;
  /** What the engine executes: HWCAPs and everything that programs decide by. */
  readonly executed: CpuModel;
  /** One line for each field that was lowered. */
  readonly warnings: readonly string[];
  /** What follows, where it is kept from an earlier run. */
  readonly facts?: ModelFacts;
  /** The model file, parsed as JSON: it may say more about the host than its registers. */
  readonly description: unknown;
}

export function listModels(): string {
  const width = Math.max(...MODEL_NAMES.map((n) => n.length));
  return MODEL_NAMES.map((n) => `  ${n.padEnd(width)}  ${builtinModel(n).title}\n`).join('');
}

function readModel(option: string): { readonly model: CpuModel; readonly description?: unknown } {
  if (isModelName(option)) return { model: builtinModel(option) };
  if (!/[./]/.test(option)) {
    throw new UsageError(`--cpu ${option}: no such model; there are ${MODEL_NAMES.join(', ')}, or give a FILE.json`);
  }
  let text: string;
  try {
    text = readFileSync(option, 'utf8');
  } catch (e) {
    const code = (e as { code?: string }).code ?? String(e);
    throw new UsageError(`--cpu ${option}: cannot be read (${code})`);
  }
  return { model: parseModelFile(text, option), description: JSON.parse(text) };
}

/**
 * @param canExecute features that the engine has
 * @param unchecked KVM is shown the model as it is
 * @throws UsageError
 */
export function chooseCpu(option: string, unchecked: boolean, canExecute: (feat: Feat) => boolean): ChosenCpu {
  const known = unchecked ? undefined : keptModel(option);
  if (known) return known;
  if (isModelName(option) && !unchecked) return loweredModel(option, canExecute);
  const { model, description } = readModel(option);
  const lowered = lowerToExecutable(model, canExecute);
  if (unchecked) return { shown: model, executed: lowered.model, warnings: [], description };
  return { shown: lowered.model, executed: lowered.model, warnings: lowered.warnings, description };
}

/** What is kept of a built-in model, as far as it can be executed: the same for every run of a build. */
interface KeptModel {
  readonly title: string;
  /** Registers by encoding, and the value of each: few programs ask for one. */
  readonly encs: readonly number[];
  readonly values: readonly string[];
  readonly features: readonly string[];
  readonly hwcaps: readonly [string, string, string];
  readonly machine: string;
  readonly pads: LandingPads;
  readonly vectorQuads: readonly number[];
  readonly unavailable?: string;
}
const fileOf = (name: string): string => `cpu-${name}`;

function loweredModel(name: ModelName, canExecute: (feat: Feat) => boolean): ChosenCpu {
  const { model } = lowerToExecutable(builtinModel(name), canExecute);
  keepAtEnd(fileOf(name), () => {
    const { title, raw } = model;
    const read = (enc: number): bigint => raw.get(enc) ?? 0n;
    const [hwcap, hwcap2, hwcap3] = hwcapWords(read);
    const { vectorQuads, unavailable } = makeHost({ raw, mode: 'vhe' });
    const all: KeptModel = {
      title,
      encs: [...raw.keys()],
      values: [...raw.values()].map(String),
      features: FEATURES.filter((feat) => has(feat, read)),
      hwcaps: [String(hwcap), String(hwcap2), String(hwcap3)],
      machine: nameOf(model),
      pads: landingPads((feat) => isFeat(feat) && has(feat, read)),
      vectorQuads,
      ...(unavailable !== undefined && { unavailable }),
    };
    return new TextEncoder().encode(JSON.stringify(all));
  });
  return chosen(model);
}
/** A built-in model that wants more than can be executed is nobody's mistake. */
function chosen(model: CpuModel, facts?: ModelFacts): ChosenCpu {
  return { shown: model, executed: model, warnings: [], description: undefined, ...(facts && { facts }) };
}
function keptModel(name: string): ChosenCpu | undefined {
  const text = name === DEFAULT_MODEL || /^[\w.-]+$/.test(name) ? readKeptText(fileOf(name)) : undefined;
  try {
    if (!text) return undefined;
    const kept = JSON.parse(text) as KeptModel;
    const { title, encs, values, features, hwcaps, machine, pads, vectorQuads, unavailable } = kept;
    const registers = lazy(() => new Map(encs.map((enc, i) => [enc, BigInt(values[i]!)])));
    const model = {
      name,
      title,
      get raw() {
        return registers();
      },
    };
    const [hwcap, hwcap2, hwcap3] = hwcaps;
    return chosen(model, {
      has: (feat) => features.includes(feat),
      hwcaps: [BigInt(hwcap), BigInt(hwcap2), BigInt(hwcap3)],
      machine,
      pads,
      vectorQuads,
      unavailable,
      read: (enc) => BigInt(values[encs.indexOf(enc)] ?? 0),
    });
  } catch {
    return undefined; // it is written anew
  }
}
