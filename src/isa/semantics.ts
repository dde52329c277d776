// Binds semantics functions to encoding rows, by type: a missing row, an extra row and a misspelt field do not compile.

import type { FieldsOf, Row } from '../arch/a64/schema.ts';
import type { Fields, Ops } from './ops.ts';
import type { Routine, SveMachine } from './sve_machine.ts';

type Sem<R> = (o: Ops<FieldsOf<R>>, f: Fields<FieldsOf<R>>) => void;
type Implemented<T> = { [K in keyof T]: T[K] extends { readonly todo: true } ? never : K }[keyof T];

/** Semantics of a whole table. Rows marked `todo` have none. */
export type SemanticsOf<T> = { readonly [K in Implemented<T>]: Sem<T[K]> };

export interface Group {
  readonly rows: Readonly<Record<string, Row>>;
  /** What a row does; undefined if it is marked `todo`. */
  readonly semantics: (row: string) => ((o: Ops, f: Readonly<Record<string, never>>) => void) | undefined;
  /** Every instruction of the group first checks that FP and SIMD are enabled. */
  readonly fp: boolean;
  /** Before that, it checks that FPMR may be used. */
  readonly fpmr: boolean;
  /** Every instruction first checks that SVE (and with it FP and SIMD) is enabled. */
  readonly sve: boolean;
  /** Rows whose semantics are a routine: sve_machine.ts. */
  readonly routines?: Readonly<Record<string, Routine>>;
}

export function semantics<const T extends Readonly<Record<string, Row>>>(
  rows: T,
  impl: SemanticsOf<T>,
  options: { readonly fp?: boolean; readonly fpmr?: boolean; readonly sve?: boolean } = {},
): Group {
  const { fp = false, fpmr = false, sve = false } = options;
  const made = impl as unknown as Readonly<Record<string, ReturnType<Group['semantics']>>>;
  return { rows, semantics: (row) => made[row], fp, fpmr, sve };
}

type RoutineOf<R> = (f: FieldsOf<R>, m: SveMachine) => () => unknown;
/** As semantics(), for rows whose semantics are routines: SVE. A missing row, an extra row and a misspelt field do not compile. */
export function routines<const T extends Readonly<Record<string, Row>>>(
  rows: T,
  impl: { readonly [K in Implemented<T>]: RoutineOf<T[K]> },
  options: { readonly fpmr?: boolean } = {},
): Group {
  const made = impl as unknown as Readonly<Record<string, Routine>>;
  const semantics = (row: string) => (row in made ? (o: Ops) => o.routine(row) : undefined);
  return { rows, semantics, fp: false, fpmr: options.fpmr ?? false, sve: true, routines: made };
}
