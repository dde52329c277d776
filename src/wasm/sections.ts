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
  /** All of it; the name of a custom section; its contents. */
  readonly from: number;
  readonly name: number;
  readonly contents: number;
  readonly to: number;
}

/** Reads numbers, one after the other. */
class Reader {
  private readonly bytes: Uint8Array;
  /** Of what has not been read. */
  at: number;
  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes;
    this.at = at;
  }
  unsigned(): number {
    const { bytes } = this;
    let value = 0;
    for (let shift = 0; this.at < bytes.length; shift += 7) {
      const byte = bytes[this.at++]!;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return value >>> 0;
  }
}
/** Bytes of a custom section with a short name. */
export function customSize(name: string, contents: number): number {
  const length = 1 + name.length + contents;
  let bytes = 2;
  for (let rest = length >>> 7; rest > 0; rest >>>= 7) bytes++;
  return bytes + length;
}
/** The first section, or the one after another. It may end after the bytes. @returns undefined if there are no more */
export function sectionAfter(bytes: Uint8Array, before?: Section): Section | undefined {
  const from = before ? before.to : HEADER;
  if (from >= bytes.length) return undefined;
  const id = bytes[from]!;
  const reader = new Reader(bytes, from + 1);
  const length = reader.unsigned();
  const to = reader.at + length;
  const characters = id === SECTION.custom ? reader.unsigned() : 0;
  return { id, from, name: reader.at, contents: reader.at + characters, to };
}
/** The first custom section of a name. */
export function sectionNamed(bytes: Uint8Array, name: string): Section | undefined {
  let section = sectionAfter(bytes);
  while (section && !isNamed(bytes, section, name)) section = sectionAfter(bytes, section);
  return section;
}
function isNamed(bytes: Uint8Array, { name, contents }: Section, wanted: string): boolean {
  if (contents - name !== wanted.length) return false;
  for (let i = 0; i < wanted.length; i++) if (bytes[name + i] !== wanted.charCodeAt(i)) return false;
  return true;
}

/** The module, importing a memory that is shared, or one that is not. Its first import is that memory. */
export function withMemory(module: Uint8Array, shared: boolean): Uint8Array {
  let section = sectionAfter(module);
  while (section && section.id !== SECTION.import) section = sectionAfter(module, section);
  const reader = new Reader(module, section?.contents ?? module.length);
  reader.unsigned();
  for (let name = 0; name < 2; name++) {
    const length = reader.unsigned();
    reader.at += length;
  }
  const { at } = reader;
  const limits = shared ? LIMITS.shared : LIMITS.own;
  if (module[at] !== KIND.memory) throw new InternalError('the first import of a module is no memory');
  if (module[at + 1] === limits) return module;
  const changed = module.slice();
  changed[at + 1] = limits;
  return changed;
}
