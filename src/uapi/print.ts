// Structures in words, in strace's shape: {slot=0, flags=KVM_MEM_READONLY, guest_phys_addr=0x1000, ...}. Names of
// registers come from the caller, because they are Arm's and not the ABI's.

import { hex } from '../base/bits.ts';
import { NAMED } from './constants.ts';
import { decode, type FieldLayout, type Meaning, type Struct } from './schema.ts';

export interface PrintOptions {
  /** The name of a register id of KVM_GET_ONE_REG. */
  readonly regName?: (id: bigint) => string | undefined;
}

function flagNames(table: string, value: bigint): string {
  if (value === 0n) return '0';
  const names: string[] = [];
  let left = value;
  for (const [name, bit] of Object.entries(NAMED[table] ?? {})) {
    const b = BigInt(bit);
    if (b !== 0n && (left & b) === b) {
      names.push(`${table}_${name}`);
      left &= ~b;
    }
  }
  if (left !== 0n) names.push(hex(left));
  return names.join('|');
}
function enumName(table: string, value: bigint): string {
  const hit = Object.entries(NAMED[table] ?? {}).find(([, v]) => BigInt(v) === value);
  return hit ? `${table}_${hit[0]}` : hex(value);
}

/** One value by its meaning. */
export function formatValue(meaning: Meaning, value: bigint, options: PrintOptions = {}): string {
  if (meaning.startsWith('flags:')) return flagNames(meaning.slice(6), value);
  if (meaning.startsWith('enum:')) return enumName(meaning.slice(5), value);
  if (meaning === 'reg') {
    const name = options.regName?.(value);
    return name === undefined ? hex(value) : `${hex(value)} /* ${name} */`;
  }
  if (meaning === 'fd') return String(BigInt.asIntN(32, value));
  if (meaning === 'ptr') return value === 0n ? 'NULL' : hex(value);
  return meaning === 'hex' || meaning === 'pad' ? hex(value) : String(value);
}

function formatField(f: FieldLayout, value: unknown, bytes: Uint8Array, base: number, options: PrintOptions): string | undefined {
  if (f.struct) return formatStruct(f.struct, bytes, options, base + f.offset);
  const values = f.count === undefined ? [value as number | bigint] : Array.from(value as Iterable<number | bigint>);
  if (f.meaning === 'pad' && values.every(v => BigInt(v) === 0n)) return undefined;
  const texts = values.map(v => formatValue(f.meaning, BigInt(v), options));
  if (f.count === undefined) return texts[0];
  while (texts.length > 1 && BigInt(values[texts.length - 1]!) === 0n) texts.pop(); // trailing zeros say nothing
  return `[${texts.join(', ')}${texts.length < values.length ? ', ...' : ''}]`;
}

/** A structure in `bytes` at `offset`, in strace's notation. Padding is shown only where it is not zero. */
export function formatStruct(s: Struct, bytes: Uint8Array, options: PrintOptions = {}, offset = 0): string {
  const values = decode(s, bytes, offset) as Record<string, unknown>;
  const parts: string[] = [];
  for (const f of s.layout) {
    const text = formatField(f, values[f.name], bytes, offset, options);
    if (text !== undefined) parts.push(`${f.name}=${text}`);
  }
  return `{${parts.join(', ')}}`;
}
