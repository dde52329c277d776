// How is a CPU model read from a file? The JSON of the recordings of real hosts: `rawIdRegisters`, from "op0,op1,CRn,CRm,op2"
// to the value in hexadecimal; other keys are not looked at. Says which key is wrong and what was expected; refuses to guess.
import { enc } from '../arch/schema.ts';
import { UsageError } from '../base/assert.ts';
import { hex } from '../base/bits.ts';
import type { CpuModel } from './models.ts';

const KEY = /^(\d+),(\d+),(\d+),(\d+),(\d+)$/;
const LIMITS = [3, 7, 15, 15, 7] as const;
const PFR0 = enc(3, 0, 0, 4, 0);
const NEEDED = [
  ['3,0,0,0,0', 'MIDR_EL1'],
  ['3,0,0,4,0', 'ID_AA64PFR0_EL1'],
  ['3,0,0,7,0', 'ID_AA64MMFR0_EL1'],
] as const;

/**
 * Reads a model from the text of a JSON file.
 * @param origin file name, for messages
 * @throws UsageError naming the key and what was expected
 */
export function parseModelFile(text: string, origin: string): CpuModel {
  const fail = (what: string): never => {
    throw new UsageError(`${origin}: ${what}`);
  };
  const document = parseJson(text, fail);
  if (!isObject(document)) return fail(`expected an object with the key "rawIdRegisters", found ${kindOf(document)}`);
  const registers = document['rawIdRegisters'];
  if (registers === undefined)
    return fail(
      'the key "rawIdRegisters" is missing: expected an object like {"3,0,0,4,0": "0x1100000011110112", ...}',
    );
  if (!isObject(registers)) return fail(`"rawIdRegisters": expected an object, found ${kindOf(registers)}`);
  const raw = new Map<number, bigint>();
  for (const [key, value] of Object.entries(registers)) raw.set(parseKey(key, fail), parseValue(key, value, fail));
  for (const [key, name] of NEEDED)
    if (!Object.hasOwn(registers, key))
      fail(`"rawIdRegisters" lacks "${key}" (${name}), without which there is no CPU`);
  const el1 = ((raw.get(PFR0) ?? 0n) >> 4n) & 15n;
  if (el1 !== 1n && el1 !== 2n)
    fail(`"3,0,0,4,0": ID_AA64PFR0_EL1.EL1 is ${el1}, expected 1 (AArch64) or 2 (AArch64 and AArch32)`);
  const title = typeof document['name'] === 'string' ? document['name'] : origin;
  return { name: origin, title, raw };
}

type Fail = (what: string) => never;

function parseJson(text: string, fail: Fail): unknown {
  try {
    return JSON.parse(text);
  } catch (e) {
    return fail(`not JSON: ${e instanceof Error ? e.message : String(e)}`);
  }
}

function parseKey(key: string, fail: Fail): number {
  const m = KEY.exec(key);
  const parts = m?.slice(1).map(Number);
  if (!parts || parts.some((n, i) => n > LIMITS[i]!))
    return fail(`"rawIdRegisters": key "${key}": expected "op0,op1,CRn,CRm,op2" in decimal, as in "3,0,0,4,0"`);
  const [op0, op1, CRn, CRm, op2] = parts as [number, number, number, number, number];
  return enc(op0, op1, CRn, CRm, op2);
}

function parseValue(key: string, value: unknown, fail: Fail): bigint {
  if (typeof value === 'string' && /^0x[0-9a-f]{1,16}$/i.test(value)) return BigInt(value);
  const found = typeof value === 'string' ? `"${value}"` : kindOf(value);
  return fail(
    `"rawIdRegisters": "${key}": expected a string of up to 16 hexadecimal digits, as in "0x1100000011110112", found ${found}`,
  );
}

function isObject(x: unknown): x is Readonly<Record<string, unknown>> {
  return typeof x === 'object' && x !== null && !Array.isArray(x);
}
function kindOf(x: unknown): string {
  return x === null
    ? 'null'
    : Array.isArray(x)
      ? 'a list'
      : typeof x === 'object'
        ? 'an object'
        : `${typeof x} ${String(x)}`;
}

/** A model as the text of such a file. */
export function formatModelFile(model: CpuModel): string {
  const rows = [...model.raw].map(
    ([e, v]) =>
      `    "${[(e >> 14) & 3, (e >> 11) & 7, (e >> 7) & 15, (e >> 3) & 15, e & 7].join(',')}": "${hex(v, 16)}"`,
  );
  return `{\n  "name": ${JSON.stringify(model.name)},\n  "rawIdRegisters": {\n${rows.join(',\n')}\n  }\n}\n`;
}
