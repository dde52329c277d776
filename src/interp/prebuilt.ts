// The interpreter as the build has generated it: a module with the main loop, and behind it in the same file the modules of
// all other handlers. Only what a program needs of it is read.

import { UsageError } from '../base/assert.ts';
import { customSize, type Section, sectionNamed } from '../wasm/sections.ts';

/** The custom sections that end the file: keys of the handlers in the main module, and one for each of the others. */
export const KEYS = 'keys';
export const ASIDE = 'aside';
/** Bytes that are read at first: a little more than the main module has. */
const HEAD = 27 << 13;

/** @returns bytes of a file from one place to before another, or fewer where it ends */
export type ReadBytes = (from: number, to: number) => Uint8Array;

const known = new WeakMap<Uint8Array, Prebuilt>();

export class Prebuilt {
  /** Without the keys of its handlers, which few programs ask for. */
  readonly main: Uint8Array;
  private readonly read: ReadBytes;
  private readonly keySection: Section;

  /** @param file what generateInterpreter made. @throws UsageError */
  constructor(file: Uint8Array | ReadBytes) {
    this.read = typeof file === 'function' ? file : (from, to) => file.subarray(from, to);
    let size = HEAD;
    let head = this.read(0, size);
    let section = sectionNamed(head, KEYS);
    while (!section) {
      if (head.length < size) throw notOne();
      size *= 2;
      head = this.read(0, size);
      section = sectionNamed(head, KEYS);
    }
    this.main = head.subarray(0, section.from);
    this.keySection = section;
  }
  /** The same for the same bytes. */
  static of(file: Uint8Array): Prebuilt {
    let made = known.get(file);
    if (!made) {
      made = new Prebuilt(file);
      known.set(file, made);
    }
    return made;
  }
  /** What the section of keys contains. */
  keys(): Uint8Array {
    const { contents, to } = this.keySection;
    return this.read(contents, to);
  }
  /** @param lengths of all modules */
  aside(lengths: readonly number[], index: number): Uint8Array {
    let at = this.keySection.to;
    for (const [i, length] of lengths.entries()) {
      at += customSize(ASIDE, length);
      if (i === index) return this.read(at - length, at);
    }
    throw notOne();
  }
}

export function notOne(): UsageError {
  return new UsageError('the file of the prebuilt interpreter is not one: build the project again');
}
