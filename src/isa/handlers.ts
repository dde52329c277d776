// From rows and fields to code: the tree of choices of each row, grown as instructions are met or enumerated as a whole.
// A leaf is one specialisation, called a handler. Knows no engine and no features.

import { type FieldValues, type ParsedRow, parseRow } from '../arch/a64/encoding.ts';
import type { Row } from '../arch/a64/schema.ts';
import { type Choice, pathText, Recorder, type Recording, type Semantic } from './record.ts';
import type { Group } from './semantics.ts';

export interface Handler {
  /** Row name and choices: the same text for the same code in every run of the program. */
  readonly key: string;
  readonly code: Recording;
}
interface Fork {
  readonly choice: Choice;
  readonly children: Map<number, Fork | Handler>;
}

export class RowEntry {
  readonly name: string;
  readonly row: Row;
  readonly parsed: ParsedRow;
  /** undefined: known but not implemented. */
  readonly semantic: Semantic | undefined;
  readonly group: Group;
  private readonly recorder: Recorder;
  private tree: Fork | Handler | undefined;

  constructor(name: string, group: Group, recorder: Recorder) {
    this.name = name;
    this.row = group.rows[name]!;
    this.parsed = parseRow(this.row);
    this.semantic = this.row.todo ? undefined : group.semantics(name);
    this.group = group;
    this.recorder = recorder;
  }

  /** The handler of an instruction with these fields. @throws if the row has no semantics */
  handler(fields: FieldValues): Handler {
    let at = this.tree;
    while (at && 'choice' in at) at = at.children.get(at.choice.of(fields));
    return at ?? this.grow((c) => c.of(fields));
  }

  /** All handlers, or those whose choices have values that `wanted` names (undefined: any value will do). */
  *enumerate(wanted: (c: Choice) => readonly number[] | undefined = () => undefined): Generator<Handler> {
    // Depth first: the last open choice of the previous path moves to its next value.
    let open: { readonly values: readonly number[]; at: number }[] = [];
    do {
      const path = open;
      const known: Record<string, number> = {};
      let depth = 0;
      let dead = false;
      const handler = this.grow((c) => {
        if (depth === path.length) {
          const only = wanted(c) ?? c.values;
          // Values that lie in a hole of the encoding are never met, and semantics need not know what to do with them.
          const possible = c.values.filter((v) => !this.parsed.hole({ ...known, [c.label]: v }));
          path.push({ values: possible.filter((v) => only.includes(v)), at: 0 });
        }
        const step = path[depth++]!;
        dead ||= step.values.length === 0;
        const value = step.values[step.at] ?? c.values[0]!;
        known[c.label] = value;
        return value;
      });
      if (!dead) yield handler;
      open = path.slice(0, depth);
      while (open.length > 0 && ++open[open.length - 1]!.at >= open[open.length - 1]!.values.length) open.pop();
    } while (open.length > 0);
  }

  private grow(choose: (c: Choice) => number): Handler {
    const code = this.recorder.record(this.parsed, this.semantic!, this.group, choose);
    const text = pathText(code.path);
    const made: Handler = { key: text === '' ? this.name : `${this.name} ${text}`, code };
    return this.insert(made);
  }
  /** Puts a handler into the tree. @returns it, or the one that was there before. */
  private insert(made: Handler): Handler {
    const { path } = made.code;
    this.tree ??= path.length === 0 ? made : { choice: path[0]![0], children: new Map() };
    if (path.length === 0) return this.tree as Handler;
    let at: Fork | Handler = this.tree;
    for (let i = 0; ; i++) {
      const fork = at as Fork;
      const value = path[i]![1];
      const next = fork.children.get(value);
      if (next && i === path.length - 1) return next as Handler;
      at = next ?? (i === path.length - 1 ? made : { choice: path[i + 1]![0], children: new Map() });
      if (!next) fork.children.set(value, at);
      if (at === made) return made;
    }
  }
}

/** All rows of some groups, one recorder for all. */
export function collectRows(groups: readonly Group[]): RowEntry[] {
  const recorder = new Recorder();
  return groups.flatMap((g) => Object.keys(g.rows).map((name) => new RowEntry(name, g, recorder)));
}

/** The handler of everything that is no instruction. */
export const UNDEFINED: Handler = {
  key: 'UNDEFINED',
  code: new Recorder().record(
    { mask: 0, value: 0, fields: [], hole: () => false },
    (o) => o.undefined(),
    { fp: false, fpmr: false, sve: false },
    () => 0,
  ),
};
