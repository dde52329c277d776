// Random conversations with /dev/kvm (tools/oracle/abi-scenarios.mjs) that were held with a real KVM on several hosts
// (golden/real-kvm/abi; tools/oracle/record-abi.mjs holds them anew): ours must give every answer that was given there.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hostSpecFromJson, type KvmMode, makeHost } from '../src/kvm/host.ts';
import * as uapi from '../src/uapi/index.ts';
import { runScript } from './abi_script.ts';

interface Scenario {
  readonly kind: string;
  readonly lines: readonly string[];
}
interface Generator {
  readonly ANSWERS: string;
  scenarios(u: typeof uapi, what: { seed: number; count: number; kinds: readonly string[] }): readonly Scenario[];
  answersOf(lines: readonly string[]): number;
}
const tools = join(import.meta.dirname, '../tools/oracle/abi-scenarios.mjs');
const { ANSWERS, answersOf, scenarios } = (await import(tools)) as Generator;
const golden = join(import.meta.dirname, '../golden/real-kvm');

/** The requests up to the first one that is answered differently, readable. */
function firstDifference({ lines }: Scenario, real: readonly string[], ours: readonly string[]): string[] {
  const out: string[] = [];
  let answer = 0;
  for (const line of lines) {
    const has = answersOf([line]) === 1;
    const [r, o] = [real[answer], ours[answer]];
    const request = line.startsWith('I ')
      ? uapi.describeIoctl(Number.parseInt(line.split(' ')[2]!, 16))?.name
      : undefined;
    out.push(`${line}${request ? ` (${request})` : ''}${has ? ` => ${r}` : ''}${has && r !== o ? `, ours ${o}` : ''}`);
    if (has && r !== o) return out.slice(-12);
    if (has) answer++;
  }
  return []; // biome-ignore format: one line of a report
}

for (const file of readdirSync(join(golden, 'abi')).filter((f) => f.endsWith('.txt'))) {
  const name = file.replace(/\.txt$/, '');
  test(`the rules of /dev/kvm on ${name}`, () => {
    const [head, ...recorded] = readFileSync(join(golden, 'abi', file), 'utf8')
      .trimEnd()
      .split('\n');
    const what = JSON.parse(head!) as { kernel: string; seed: number; count: number; kinds: readonly string[] };
    const path = ['hosts', 'extra'].map((d) => join(golden, d, `${name}.json`)).find((f) => existsSync(f))!;
    const mode = name.slice(name.lastIndexOf('-') + 1) as KvmMode;
    const host = makeHost(hostSpecFromJson(JSON.parse(readFileSync(path, 'utf8')), mode, name));
    const all = scenarios(uapi, what);
    expect(recorded.length).toBe(all.length);
    const ours = runScript(all.flatMap((s) => s.lines), host); // biome-ignore format: one call
    for (const [i, scenario] of all.entries()) {
      const n = answersOf(scenario.lines);
      const real = recorded[i]!.split(ANSWERS);
      expect(real.length, 'the scenarios have changed: record them anew').toBe(n);
      expect.soft(firstDifference(scenario, real, ours.splice(0, n)), `${scenario.kind} ${i}`).toEqual([]);
    }
    expect(ours).toEqual([]);
  });
}
