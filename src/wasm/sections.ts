// The sections of a module; reads where they are, and what kind of memory it imports.

import { InternalError } from '../base/assert.ts';

export const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  export: 7,
  element: 9,
  code: 10,
} as const;
export const KIND = { func: 0, table: 1, memory: 2, global: 3 } as const;
/** Of an imported memory, with a maximum: such as threads may share, or not. */
export const LIMITS = { own: 1, shared: 3 } as const;

/** Before the first section. */
const HEADER = 8;

export interface Section {
  readonly id: number;
  /** The name of a custom section. */
  readonly name: string | undefined;
  /** All of it, and its contents, after the name. */
  readonly from: number;
  readonly contents: number;
  readonly to: number;
}

function unsignedAt(bytes: Uint8Array, at: number): readonly [value: number, next: number] {
  let value = 0;
  for (let i = at, shift = 0; i < bytes.length; shift += 7) {
    const byte = bytes[i++]!;
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return [value, i];
  }
  return [value, bytes.length];
}
/** Bytes of a custom section with a short name. */
export function customSize(name: string, contents: number): number {
  const length = 1 + name.length + contents;
  let bytes = 2;
  for (let rest = length >>> 7; rest > 0; rest >>>= 7) bytes++;
  return bytes + length;
}
/** Sections in their order. The last one may end after the bytes. */
export function* sectionsOf(bytes: Uint8Array): Generator<Section> {
  for (let from = HEADER; from < bytes.length; ) {
    const id = bytes[from]!;
    const [length, start] = unsignedAt(bytes, from + 1);
    const to = start + length;
    if (id === SECTION.custom) {
      const [characters, text] = unsignedAt(bytes, start);
      const contents = text + characters;
      yield { id, name: String.fromCharCode(...bytes.subarray(text, contents)), from, contents, to };
    } else yield { id, name: undefined, from, contents: start, to };
    from = to;
  }
}

/** The module, importing a memory that is shared, or one that is not. Its first import is that memory. */
export function withMemory(module: Uint8Array, shared: boolean): Uint8Array {
  for (const { id, contents } of sectionsOf(module)) {
    if (id !== SECTION.import) continue;
    let [, at] = unsignedAt(module, contents);
    for (let name = 0; name < 2; name++) {
      const [length, next] = unsignedAt(module, at);
      at = next + length;
    }
    const limits = shared ? LIMITS.shared : LIMITS.own;
    if (module[at] !== KIND.memory) break;
    if (module[at + 1] === limits) return module;
    const changed = module.slice();
    changed[at + 1] = limits;
    return changed;
  }
  throw new InternalError('the first import of a module is no memory');
}
