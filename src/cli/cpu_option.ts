// `--cpu`: from a name or a file to ID registers, for KVM to show and for programs to trust.

import { readFileSync } from 'node:fs';
import type { Feat } from '../arch/features.ts';
import { UsageError } from '../base/assert.ts';
import { parseModelFile } from '../cpu/model_file.ts';
import { lowerToExecutable } from '../cpu/model_lower.ts';
import { builtinModel, type CpuModel, isModelName, MODEL_NAMES, type ModelName } from '../cpu/models.ts';
import { keepAtEnd, readKept } from './kept.ts';

export interface ChosenCpu {
  /** What KVM's host hardware says. */
  readonly shown: CpuModel;
  /** What the engine executes: HWCAPs and everything that programs decide by. */
  readonly executed: CpuModel;
  /** One line for each field that was lowered. */
  readonly warnings: readonly string[];
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
  if (isModelName(option) && !unchecked) {
    const model = loweredModel(option, canExecute);
    // A built-in model that wants more than can be executed is nobody's mistake.
    return { shown: model, executed: model, warnings: [], description: undefined };
  }
  const { model, description } = readModel(option);
  const lowered = lowerToExecutable(model, canExecute);
  if (unchecked) return { shown: model, executed: lowered.model, warnings: [], description };
  return { shown: lowered.model, executed: lowered.model, warnings: lowered.warnings, description };
}

/** A built-in model, as far as it can be executed: the same for every run of a build. */
function loweredModel(name: ModelName, canExecute: (feat: Feat) => boolean): CpuModel {
  const file = `cpu-${name}`;
  const known = keptModel(file);
  if (known) return { name, title: known.title, raw: new Map(known.raw.map(([enc, value]) => [enc, BigInt(value)])) };
  const { model } = lowerToExecutable(builtinModel(name), canExecute);
  keepAtEnd(file, () => {
    const all: KeptModel = { title: model.title, raw: [...model.raw].map(([enc, value]) => [enc, String(value)]) };
    return new TextEncoder().encode(JSON.stringify(all));
  });
  return model;
}
interface KeptModel {
  readonly title: string;
  readonly raw: readonly (readonly [enc: number, value: string])[];
}
function keptModel(file: string): KeptModel | undefined {
  const bytes = readKept(file);
  try {
    return bytes && (JSON.parse(new TextDecoder().decode(bytes)) as KeptModel);
  } catch {
    return undefined; // it is written anew
  }
}
