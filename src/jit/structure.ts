// Shapes as blocks and loops of WebAssembly: which label control goes to for a block, and what is to be chosen at a place
// where several ways come together.

import type { Code, Label } from '../wasm/builder.ts';
import type { Shape } from './shape.ts';
import type { Loop } from './zones.ts';

/** How to get to a block. */
export interface Target {
  readonly label: Label;
  /** What to choose at the loop that begins there; 0: nothing. */
  readonly choice: number;
  readonly back: boolean;
}
/** Writes what is inside; every block ends with a branch. */
export interface ShapeWriter {
  writeBlock(id: number): void;
  /** @param turns writes the loop itself */
  writeLoop(shape: Loop, turns: () => void): void;
}

/** Choices up to this many are compared one by one. */
const FEW = 4;

export class Structure {
  /** The local that says which block control is to go to from where it comes together. */
  readonly choice: number;
  private readonly code: Code;
  private readonly writer: ShapeWriter;
  private readonly targets = new Map<number, Target>();
  private readonly numbers = new Map<number, number>();
  /** More numbers of blocks of the outermost sequence: the first, and the blocks of it and those after it. */
  private window:
    | { readonly first: number; readonly ids: readonly (number | undefined)[]; readonly none: Label }
    | undefined;

  constructor(code: Code, writer: ShapeWriter) {
    this.code = code;
    this.writer = writer;
    this.choice = code.local('i32');
  }
  /** What chooses a block. */
  number(id: number): number {
    const n = this.numbers.get(id) ?? this.numbers.size + (this.window?.ids.length ?? 0) + 1;
    this.numbers.set(id, n);
    return n;
  }
  /**
   * Gives blocks a row of numbers besides the ones they have.
   * @param ids blocks of the outermost sequence; @param none where the choice leads for those that are undefined
   * @returns the first number
   */
  row(ids: readonly (number | undefined)[], none: Label): number {
    const first = this.numbers.size + 1;
    this.window = { first, ids, none };
    return first;
  }
  isChosen(id: number): boolean {
    return this.numbers.has(id);
  }
  targetOf(id: number): Target {
    return this.targets.get(id)!;
  }

  /**
   * Writes shapes one after the other; every one of them ends with a branch.
   * @param heads of the loop that this is the body of: branches to them go back
   * @param straight where control goes without a choice; undefined: to the first shape, or where the choice says
   * @param choices where a choice can lead
   */
  sequence(
    shapes: readonly Shape[],
    heads: ReadonlySet<number>,
    straight: number | undefined,
    choices: readonly number[],
  ): void {
    const { code } = this;
    const chosen = choices.length > 0;
    const labels = shapes.map(() => undefined as Label | undefined);
    for (let i = shapes.length - 1; i >= (chosen ? 0 : 1); i--) labels[i] = code.block('block');
    const here = new Map<number, Label>();
    shapes.forEach((shape, i) => {
      const label = labels[i];
      if (!label) return;
      const ways = shape.kind === 'block' ? [shape.id] : [...shape.heads, ...shape.extras];
      for (const id of ways) {
        here.set(id, label);
        const choice = shape.kind === 'block' || shape.heads[0] === id ? 0 : this.number(id);
        if (!heads.has(id)) this.targets.set(id, { label, choice, back: false });
      }
    });
    if (chosen) this.choose(here, straight, choices);
    shapes.forEach((shape, i) => {
      if (labels[i]) code.end();
      if (shape.kind === 'block') this.writer.writeBlock(shape.id);
      else this.writer.writeLoop(shape, () => this.turns(shape));
    });
  }
  private choose(here: ReadonlyMap<number, Label>, straight: number | undefined, choices: readonly number[]): void {
    const { code, choice } = this;
    // The way of the code itself comes first: it is the most frequent one.
    if (straight !== undefined) code.get(choice).op('i32.eqz').brIf(here.get(straight)!);
    const otherwise = here.get(straight ?? choices[0]!)!;
    const row = straight === undefined ? this.window : undefined;
    if (choices.length <= FEW && !row) {
      for (const id of choices) code.get(choice).i32(this.number(id)).op('i32.eq').brIf(here.get(id)!);
      code.br(otherwise);
      return;
    }
    const most = Math.max(...choices.map((id) => this.number(id)));
    const table = Array.from({ length: most + 1 }, () => otherwise);
    for (const id of choices) table[this.number(id)] = here.get(id)!;
    row?.ids.forEach((id, i) => {
      table[row.first + i] = id === undefined ? row.none : here.get(id)!;
    });
    code.get(choice).brTable(table, otherwise);
  }
  private turns({ heads, extras, body }: Loop): void {
    const { code } = this;
    const label = code.block('loop');
    for (const id of heads) this.targets.set(id, { label, choice: id === heads[0] ? 0 : this.number(id), back: true });
    const choices = [...heads.slice(1), ...extras];
    this.sequence(body, new Set(heads), choices.length > 0 ? heads[0] : undefined, choices);
    code.end();
    code.unreachable();
  }
}
