// The interpreter as the build has generated it: a module with the main loop, and behind it in the same file the modules of
// all other handlers. Only what a program needs of it is read.

import { UsageError } from '../base/assert.ts';
import { customSize, isNamed, sectionAfter } from '../wasm/sections.ts';

/** The custom sections that end the file: one for each module. */
export const ASIDE = 'aside';
/** Bytes that are read at first: the main module is not much smaller. */
const HEAD = 1 << 18;

/** @returns bytes of a file from one place to before another, or fewer where it ends */
export type ReadBytes = (from: number, to: number) => Uint8Array;

const known = new WeakMap<Uint8Array, Prebuilt>();

export class Prebuilt {
  readonly main: Uint8Array;
  private readonly read: ReadBytes;

  /** @param file what generateInterpreter made. @throws UsageError */
  constructor(file: Uint8Array | ReadBytes) {
    this.read = typeof file === 'function' ? file : (from, to) => file.subarray(from, to);
    let main: Uint8Array | undefined;
    for (let size = HEAD; !main; size *= 2) {
      const head = this.read(0, size);
      let section = sectionAfter(head);
      while (section && !isNamed(head, section, ASIDE)) section = sectionAfter(head, section);
      if (section) main = head.subarray(0, section.from);
      if (!main && head.length < size) throw notOne();
    }
    this.main = main;
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
  /** @param lengths of all modules */
  aside(lengths: readonly number[], index: number): Uint8Array {
    let at = this.main.length;
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
