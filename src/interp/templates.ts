// Finished records by instruction word: programs repeat themselves (returns, moves between the same registers), and a
// record that has neither a branch target nor operands aside is the same wherever its word stands.

import type { PhysMem } from '../cpu/physmem.ts';

const WORDS = 4;
const LIMIT = 1 << 15;

export class Templates {
  private readonly mem: PhysMem;
  private readonly at = new Map<number, number>();
  private records = new Uint32Array(1024 * WORDS);

  constructor(mem: PhysMem) {
    this.mem = mem;
  }
  /** Writes the record of a word to `ip`. @returns false if it is not known */
  copyTo(word: number, ip: number): boolean {
    const at = this.at.get(word);
    if (at === undefined) return false;
    const { u32 } = this.mem;
    const to = ip >>> 2;
    // The word with the handler last: others may be on their way here.
    for (let i = WORDS - 1; i >= 0; i--) u32[to + i] = this.records[at + i]!;
    return true;
  }
  /** Remembers the record at `ip` for its word. */
  keep(word: number, ip: number): void {
    if (this.at.size === LIMIT) this.at.clear();
    const at = this.at.size * WORDS;
    if (at === this.records.length) {
      const more = new Uint32Array(2 * at);
      more.set(this.records);
      this.records = more;
    }
    this.records.set(this.mem.u32.subarray(ip >>> 2, (ip >>> 2) + WORDS), at);
    this.at.set(word, at);
  }
}
