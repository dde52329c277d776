// `hypatia fp8`: one instruction of 8-bit floating point (or of its neighbours) on given vectors, executed by the reference
// evaluator, with everything that goes in and comes out decoded.

import { parseArgs } from 'node:util';
import { encode, fieldsOf, matches } from '../arch/a64/encoding.ts';
import type { Row } from '../arch/a64/schema.ts';
import { SIMD_FP } from '../arch/a64/simd_fp.ts';
import { SIMD_FP8 } from '../arch/a64/simd_fp8.ts';
import { SIMD_PERMUTE } from '../arch/a64/simd_permute.ts';
import { register } from '../arch/sysregs.ts';
import { assembleLine, disassemble } from '../asm/a64.ts';
import { Mismatch } from '../asm/form.ts';
import { UsageError } from '../base/assert.ts';
import { didYouMean } from '../base/nearest.ts';
import { bindFp, type HelperContext, SCALAR_HELPERS, VECTOR_HELPERS } from '../cpu/helpers.ts';
import { resetPauth } from '../cpu/pauth.ts';
import { fpTypes } from '../ir/fp_ops.ts';
import { A64 } from '../isa/a64.ts';
import { collectRows, type RowEntry } from '../isa/handlers.ts';
import type { VectorHelperName } from '../isa/helpers.ts';
import { runEntry, testState } from '../isa/testing.ts';
import {
  exactText,
  FP8_FORMATS,
  parseElement,
  tableOf,
  tableText,
  type Value,
  valueFrom,
  valueText,
} from './fp8_numbers.ts';
import { type Elements, type Fpmr, type Operands, type Shape, shapeOf, why } from './fp8_shapes.ts';
import { say } from './message.ts';

export const FP8_HELP = `hypatia fp8 [--json] "INSTRUCTION" [vN=ELEMENT,...]... [fpmr=...] [fpcr=...]
hypatia fp8 --table E5M2|E4M3 [--json]
  Executes one instruction on given vectors and decodes operands, result and flags, with the reason of each element.
  INSTRUCTION      any of FEAT_FP8, FP8FMA, FP8DOT2, FP8DOT4, F8F16MM, F8F32MM, FAMINMAX and LUT:
                   "fdot v0.4s, v1.16b, v2.16b", "f1cvtl v0.8h, v1.8b", "fscale v0.4s, v1.4s, v2.4s", ...
  vN=ELEMENT,...   elements from the lowest on, in the format that FPMR and the instruction give: 1.5, -0, inf, nan, max,
                   0x3c (bit pattern), 1.5*16 (sixteen times). The rest of the vector, and vectors not given, are zero
  fpmr=...         a number, or fields: F8S1=E4M3,F8S2=E5M2,F8D=E4M3,OSM=1,OSC=1,LSCALE=2,LSCALE2=0,NSCALE=-3
  fpcr=...         a number, or bits by name: AH,FZ,RMode=3
`;

/** The rows that may be executed here. */
const ROWS: Readonly<Record<string, Row>> = {
  ...SIMD_FP8,
  ...Object.fromEntries(
    Object.entries<Row>({ ...SIMD_FP, ...SIMD_PERMUTE }).filter(([n]) => /^(FAMAX|FAMIN|FSCALE|LUTI[24])_/.test(n)),
  ),
};
const MNEMONICS = (): string[] => [
  ...Object.keys(ROWS).map((n) => n.toLowerCase().replace(/_.*/, '')),
  ...['f1cvtl2', 'f2cvtl2', 'bf1cvtl2', 'bf2cvtl2', 'fcvtn2'],
];
const VECTOR = /^v\d{1,2}$/;

// ---- what was written ---------------------------------------------------------------------------------------------------

interface Instruction {
  readonly text: string;
  readonly word: number;
  readonly entry: RowEntry;
  readonly fields: Readonly<Record<string, number>>;
}
function instructionOf(text: string): Instruction {
  const mnemonic = /^\s*(\S+)/.exec(text)?.[1]?.toLowerCase() ?? '';
  const known = MNEMONICS();
  let word: number;
  try {
    word = assembleLine(text);
  } catch (e) {
    if (!(e instanceof Mismatch)) throw e;
    const hint = known.includes(mnemonic) ? '' : didYouMean(mnemonic, known);
    throw new UsageError(`fp8: '${text}': ${e.message}${hint}`);
  }
  const found = collectRows(A64).filter((r) => r.name in ROWS && r.row === ROWS[r.name] && matches(r.parsed, word));
  const entry = found[0];
  if (!entry) {
    const names = [...new Set(known)].sort().join(', ');
    throw new UsageError(
      `fp8: '${mnemonic}' is not an instruction of this workbench${didYouMean(mnemonic, known)}\n  there are ${names}`,
    );
  }
  return {
    text: disassemble(word),
    word: encode(entry.parsed, fieldsOf(entry.parsed, word)),
    entry,
    fields: fieldsOf(entry.parsed, word),
  };
}

/** A system register as a number or by its fields: `LSCALE=2,OSM=1`; a bit alone is 1. */
function parseRegister(name: 'FPMR' | 'FPCR', text: string): bigint {
  if (/^(0x[0-9a-f_]+|\d+)$/i.test(text)) {
    const v = BigInt(text.replaceAll('_', ''));
    if (v >> 64n) throw new UsageError(`fp8: ${name.toLowerCase()}=${text}: more than 64 bits`);
    return v;
  }
  const fields = register(name).fields!;
  let value = 0n;
  for (const part of text.split(',').filter((p) => p.trim() !== '')) {
    const [key, given = '1'] = part.split('=').map((s) => s.trim()) as [string, string | undefined];
    const found = Object.keys(fields).find((f) => f.toLowerCase() === key.toLowerCase());
    if (found === undefined) {
      const names = Object.keys(fields);
      throw new UsageError(`fp8: ${name} has no field '${key}'${didYouMean(key, names)} (fields: ${names.join(', ')})`);
    }
    const { hi, lo, values } = fields[found]!;
    const width = hi - lo + 1;
    const named = Object.entries(values).find(([n]) => n.toLowerCase() === given.toLowerCase());
    const number = named ? BigInt(named[1]) : /^-?(0x[0-9a-f]+|\d+)$/i.test(given) ? toBigInt(given) : undefined;
    const least = found === 'NSCALE' ? -(1n << BigInt(width - 1)) : 0n;
    const most = (1n << BigInt(width)) - 1n;
    if (number === undefined || number < least || number > most) {
      const choices = Object.keys(values).length > 0 ? `${Object.keys(values).join(', ')} or ` : '';
      throw new UsageError(`fp8: ${name}.${found}=${given}: give ${choices}a number from ${least} to ${most}`);
    }
    value |= BigInt.asUintN(width, number) << BigInt(lo);
  }
  return value;
}
const toBigInt = (t: string): bigint => (t.startsWith('-') ? -BigInt(t.slice(1)) : BigInt(t));

function fieldValues(name: 'FPMR' | 'FPCR' | 'FPSR', value: bigint): Record<string, number> {
  return Object.fromEntries(
    Object.entries(register(name).fields!).map(([n, f]) => [
      n,
      Number((value >> BigInt(f.lo)) & ((1n << BigInt(f.hi - f.lo + 1)) - 1n)),
    ]),
  );
}

/** Which elements each register of the instruction has. */
function registersOf(i: Instruction, shape: Shape): Map<number, readonly [role: string, Elements][]> {
  const out = new Map<number, [string, Elements][]>();
  const put = (n: number, role: string, e: Elements | undefined): void => {
    if (e) out.set(n, [...(out.get(n) ?? []), [role, e]]);
  };
  const wide = (e: Elements | undefined): Elements | undefined => e && { ...e, count: 128 / e.width };
  for (let k = 0; k < shape.tables; k++) put((i.fields['Rn']! + k) % 32, k === 0 ? 'Rn' : `Rn+${k}`, shape.Rn);
  put(i.fields['Rm'] ?? -1, 'Rm', wide(shape.Rm));
  if (shape.readsRd) put(i.fields['Rd']!, 'Rd', shape.Rd);
  return out;
}

function parseVector(name: string, text: string, e: Elements, notes: string[]): bigint {
  if (/^0x[0-9a-f]{17,32}$/i.test(text)) return BigInt(text);
  const items = text.split(',').flatMap((item) => {
    const m = /^(.*?)\*(\d+)$/.exec(item.trim());
    return m ? Array.from({ length: Number(m[2]) }, () => m[1]!) : [item];
  });
  const room = 128 / e.width;
  if (items.length > room)
    throw new UsageError(`fp8: ${name}: ${items.length} elements, but the vector has room for ${room}`);
  const seen = new Set<string>();
  const inexact = (what: string): void => {
    if (!seen.has(what)) notes.push(`${name}: ${what}`);
    seen.add(what);
  };
  return items.reduce((v, item, at) => {
    try {
      return v | (parseElement(item, e.format, e.width, inexact) << BigInt(at * e.width));
    } catch (error) {
      if (error instanceof UsageError) throw new UsageError(`fp8: ${name}[${at}]: ${error.message}`);
      throw error;
    }
  }, 0n);
}

// ---- execution ----------------------------------------------------------------------------------------------------------

interface Machine {
  readonly fpmr: bigint;
  readonly fpcr: bigint;
  readonly v: readonly bigint[];
}
/** @returns the destination, and FPSR */
function execute(i: Instruction, { fpmr, fpcr, v }: Machine): { result: bigint; fpsr: number } {
  const state = testState({ v: [...v], slots: { FPMR: fpmr, FPCR: fpcr } });
  const cx: HelperContext & { fpsr: number } = { fpcr: Number(fpcr), fpsr: 0, fpmr, rpres: true, pauth: resetPauth() };
  const outcome = runEntry(i.entry, i.word, state, {
    helper: (name, args) =>
      (SCALAR_HELPERS[name as keyof typeof SCALAR_HELPERS] as (...a: unknown[]) => number | bigint)(cx, ...args),
    helperV: (name, param, args) => VECTOR_HELPERS[name as VectorHelperName](cx, param, ...args),
    fp: (attr, args) => bindFp(attr, fpTypes(attr).result)(cx, ...(args as (number | bigint)[])),
  });
  if (outcome.kind !== 'next') throw new UsageError(`fp8: '${i.text}' ends with ${outcome.kind}`);
  return { result: state.v[i.fields['Rd']!]!, fpsr: cx.fpsr | Number(state.slots['FPSR'] ?? 0n) };
}

const split = (v: bigint, { width, count }: Elements): bigint[] =>
  Array.from({ length: count }, (_, i) => BigInt.asUintN(width, v >> BigInt(i * width)));
const decoded = (v: bigint, e: Elements): Value[] => split(v, e).map((bits) => valueFrom(e.format, bits, e.width));

// ---- what is shown ------------------------------------------------------------------------------------------------------

const hex = (v: bigint | number, digits: number): string => `0x${v.toString(16).padStart(digits, '0')}`;

interface Shown {
  readonly register: string;
  readonly role: string;
  readonly elements: Elements;
  readonly values: readonly Value[];
  readonly why?: readonly string[];
}
function shownText({ register, role, elements: e, values, why: reasons }: Shown): string {
  const lines = [`${register}  ${role}, ${e.count} x ${e.format}${e.format.length < 5 ? '' : ` (${e.width} bits)`}`];
  // The exact value only where the decimal is not plain enough.
  const exact = (v: Value): string => (v.exact && !Number.isInteger(Number(valueText(v))) ? exactText(v.exact) : '');
  const cells = values.map((v) => [hex(v.bits, e.width / 4), valueText(v), exact(v)]);
  const widths = [0, 1, 2].map((c) => Math.max(...cells.map((x) => x[c]!.length)));
  const text = values.map((_, i) => {
    const [bits, value, precise] = cells[i]!.map((t, c) => t.padEnd(widths[c]!)) as [string, string, string];
    return `${bits}  ${value}  ${precise}${widths[2] ? '  ' : ''}${reasons?.[i] ?? ''}`.trimEnd();
  });
  for (let i = 0; i < text.length; ) {
    let end = i + 1;
    while (end < text.length && text[end] === text[i]) end++;
    lines.push(`  [${end - i > 1 ? `${i}..${end - 1}` : i}]`.padEnd(11) + text[i]!);
    i = end;
  }
  return lines.join('\n');
}
const shownJson = ({ register, role, elements: e, values, why: reasons }: Shown) => ({
  register,
  role,
  format: e.format,
  bits: e.width,
  elements: values.map((v, i) => ({
    bits: hex(v.bits, e.width / 4),
    class: v.class,
    value: valueText(v),
    ...(v.exact ? { exact: exactText(v.exact) } : {}),
    ...(reasons?.[i] ? { why: reasons[i] } : {}),
  })),
});
function fpmrText(fields: Fpmr): string {
  const order = ['F8S1', 'F8S2', 'F8D', 'OSM', 'OSC', 'LSCALE', 'LSCALE2', 'NSCALE'];
  const text = (n: string): string => {
    if (n.startsWith('F8')) return FP8_FORMATS[fields[n]!] ?? String(fields[n]);
    return String(n === 'NSCALE' ? (fields[n]! ^ 128) - 128 : fields[n]);
  };
  return order.map((n) => `${n}=${text(n)}`).join(' ');
}

/** @returns what the command prints. @throws UsageError */
export function evaluate(text: string, assignments: readonly string[], json: boolean): string {
  const i = instructionOf(text);
  const given = new Map<string, string>();
  for (const a of assignments) {
    const m = /^\s*(\w+)\s*=(.*)$/s.exec(a);
    if (!m) throw new UsageError(`fp8: '${a}': give vN=ELEMENT,..., fpmr=... or fpcr=...`);
    const key = m[1]!.toLowerCase();
    if (given.has(key)) throw new UsageError(`fp8: ${key} is given twice`);
    given.set(key, m[2]!.trim());
  }
  const fpmr = parseRegister('FPMR', given.get('fpmr') ?? '0');
  const fpcr = parseRegister('FPCR', given.get('fpcr') ?? '0');
  const fields = fieldValues('FPMR', fpmr);
  const shape = shapeOf(i.entry.name, i.fields, fields);
  const registers = registersOf(i, shape);
  const used = [...registers.keys()].map((n) => `v${n}`);
  const notes: string[] = [];
  const v = Array.from({ length: 32 }, () => 0n);
  for (const [key, value] of given) {
    if (key === 'fpmr' || key === 'fpcr') continue;
    const n = VECTOR.test(key) ? Number(key.slice(1)) : -1;
    const roles = registers.get(n);
    if (!roles) {
      const where = `'${i.text}' reads ${used.join(', ')}, fpmr and fpcr`;
      throw new UsageError(`fp8: ${key}=: ${where}${n < 0 ? didYouMean(key, [...used, 'fpmr', 'fpcr']) : ''}`);
    }
    v[n] = parseVector(key, value, roles[0]![1], notes);
  }
  const { result, fpsr } = execute(i, { fpmr, fpcr, v });
  const at = (field: string): bigint => v[i.fields[field] ?? 0]!;
  const wide = (e: Elements): Elements => ({ ...e, count: 128 / e.width });
  const o: Operands = {
    Rd: decoded(at('Rd'), wide(shape.Rd)),
    Rn: decoded(at('Rn'), wide(shape.Rn)),
    Rm: shape.Rm ? decoded(at('Rm'), wide(shape.Rm)) : [],
  };
  const values = decoded(result, shape.Rd);
  const reasons = values.map((result, lane) =>
    why({ name: i.entry.name, f: i.fields, fpmr: fields, shape, o, lane, result }),
  );
  const shown: Shown[] = [...registers].flatMap(([n, roles]) =>
    roles.map(([role, elements]) => ({ register: `v${n}`, role, elements, values: decoded(v[n]!, elements) })),
  );
  const output: Shown = { register: `v${i.fields['Rd']}`, role: 'result', elements: shape.Rd, values, why: reasons };
  const flags = Object.entries(fieldValues('FPSR', BigInt(fpsr))).flatMap(([n, x]) => (x ? [n] : []));
  const row = ROWS[i.entry.name]!;
  if (json) {
    const report = {
      instruction: i.text,
      word: hex(i.word, 8),
      feature: row.feat,
      fpmr: { value: hex(fpmr, 16), fields },
      fpcr: hex(fpcr, 8),
      operands: shown.map(shownJson),
      result: { ...shownJson(output), vector: hex(result, 32) },
      fpsr: { value: hex(fpsr, 8), flags },
      notes,
    };
    return `${JSON.stringify(report, null, 2)}\n`;
  }
  return `${[
    `${i.text}    ${hex(i.word, 8)}  ${row.feat}`,
    ...(row.feat?.includes('F8') || row.feat?.includes('FP8') || fpmr !== 0n
      ? [`FPMR ${hex(fpmr, 16)}  ${fpmrText(fields)}`]
      : []),
    ...(fpcr === 0n ? [] : [`FPCR ${hex(fpcr, 8)}`]),
    ...notes.map((n) => `note: ${n}`),
    '',
    ...shown.map(shownText),
    shownText(output),
    `FPSR ${hex(fpsr, 8)}${flags.length > 0 ? `  ${flags.join(' ')}` : ''}`,
  ].join('\n')}\n`;
}

/** @returns the exit code. @throws UsageError */
export function fp8Command(args: readonly string[]): number {
  const options = { json: { type: 'boolean', default: false }, table: { type: 'string' } } as const;
  let parsed: ReturnType<typeof parse>;
  const parse = () => parseArgs({ args: [...args], options, strict: true, allowPositionals: true });
  try {
    parsed = parse();
  } catch (e) {
    const what = e instanceof Error ? e.message.split('. ')[0]! : String(e);
    throw new UsageError(`fp8: ${what.charAt(0).toLowerCase()}${what.slice(1)} (see hypatia fp8 --help)`);
  }
  const { values, positionals } = parsed;
  if (values.table !== undefined) {
    const format = FP8_FORMATS.find((f) => f === values.table!.toUpperCase());
    if (!format) throw new UsageError(`fp8: --table ${values.table}: give ${FP8_FORMATS.join(' or ')}`);
    if (positionals.length > 0) throw new UsageError(`fp8: --table takes no instruction ('${positionals[0]}')`);
    const table = tableOf(format);
    const rows = table.values.map((v) => ({
      bits: hex(v.bits, 2),
      class: v.class,
      value: valueText(v),
      ...(v.exact ? { exact: exactText(v.exact) } : {}),
    }));
    say(values.json ? `${JSON.stringify({ format, values: rows }, null, 1)}\n` : tableText(table));
    return 0;
  }
  const [text, ...assignments] = positionals;
  if (text === undefined)
    throw new UsageError('fp8: give an instruction, e.g. "fdot v0.4s, v1.16b, v2.16b" (see hypatia fp8 --help)');
  say(evaluate(text, assignments, values.json));
  return 0;
}
