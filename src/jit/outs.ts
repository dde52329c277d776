// Where control leaves a region: the flags are put together there in the form of the CPU state, at a place of its own for each
// kind that they can be known to be of.

import type { Code, Label } from '../wasm/builder.ts';
import { type Flags, KINDS, Kind } from './flags.ts';

export class Outs {
  private readonly code: Code;
  private readonly flags: Flags;
  private readonly kinds: readonly Kind[];
  private readonly out: Label;
  private readonly any: Label;
  private readonly labels = new Map<number, Label>();

  /** Opens blocks: code that leaves comes next. @param possible kinds of flags in the region, one bit each */
  constructor(code: Code, flags: Flags, possible: number) {
    this.code = code;
    this.flags = flags;
    this.kinds = KINDS.filter((kind) => kind !== Kind.Mem && possible & (1 << kind));
    this.out = code.block('block');
    this.any = this.kinds.length > 0 ? code.block('block') : this.out;
    this.labels.set(1 << Kind.Mem, this.out);
    if (this.kinds.length === 1) return;
    for (const kind of this.kinds) this.labels.set(1 << kind, code.block('block'));
  }
  /** To leave by with flags of these kinds. */
  label(possible: number): Label {
    return this.labels.get(possible) ?? this.any;
  }
  /** Control does not come here by itself. */
  end(): void {
    const { code, flags } = this;
    if (this.kinds.length > 1) {
      for (const kind of [...this.kinds].reverse()) {
        code.end();
        flags.possible = 1 << kind;
        flags.spill();
        code.br(this.out);
      }
    }
    if (this.kinds.length > 0) {
      code.end();
      flags.possible = this.kinds.reduce((all, kind) => all | (1 << kind), 1 << Kind.Mem);
      flags.spill();
    }
    code.end();
  }
}
