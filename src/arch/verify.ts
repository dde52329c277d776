// Do the tables hang together? What types cannot see is checked here: overlaps, order, references by name, pairs of
// registers that must agree. Pure functions over rows; each answers the list of what is wrong, in words that say where.
import { CONTROL_REGS, type Control, type ControlRegName, type FgtRead, type FgtWrite } from './control_regs.ts';
import { COMPOUND, isFeat } from './features.ts';
import { ID_REGS, type IdRegName } from './id_regs.ts';
import {
  CONDITIONS, type ControlBits, type ControlReg, encText, type Field, type Need, type Row, type TrapRef,
} from './schema.ts';
import { STATE_REGS } from './state_regs.ts';
import { type Operation, REGISTERS, type Register, SYSTEM_OPS } from './sysregs.ts';

// Traps of identification and control registers cannot be held against the controls where they stand (the tables would
// depend on themselves), so they are held against them here, still at compile time.
type TrapsIn<R> = R extends { readonly traps: readonly (infer T)[] } ? T : never;
type Flat<T> = T extends readonly (infer U)[] ? U : T;
type Direct<T> = T extends string ? T : T extends { readonly fgt: string } | { readonly cond: string } ? never : Flat<T[keyof T]>;
type AllTraps = TrapsIn<(typeof ID_REGS)[IdRegName]> | TrapsIn<(typeof CONTROL_REGS)[ControlRegName]>;
type UnknownControl = Exclude<Direct<AllTraps>, Control>;
type UnknownFgt = AllTraps extends infer T ? (T extends { readonly fgt: infer B; readonly on: infer D } ? Exclude<B, D extends 'w' ? FgtWrite : FgtRead> : never) : never;
/** Does not compile while a row names a control that does not exist. */
export const trapsAreControls: [UnknownControl | UnknownFgt] extends [never] ? true : UnknownControl | UnknownFgt = true;

type Fields = Readonly<Record<string, Field>>;

/** Fields of one register: inside it, high to low, without overlap, without touching fixed bits. */
export function checkFields(name: string, fields: Fields, fixed = 0n): readonly string[] {
  const wrong: string[] = [];
  let taken = fixed;
  let above = 64;
  for (const [key, { hi, lo }] of Object.entries(fields)) {
    if (lo < 0 || hi > 63 || hi < lo) {
      wrong.push(`${name}.${key}: ${hi}:${lo} is not inside a register`);
      continue;
    }
    const mask = ((1n << BigInt(hi - lo + 1)) - 1n) << BigInt(lo);
    if ((taken & mask) !== 0n) wrong.push(`${name}.${key}: ${hi}:${lo} overlaps what stands before it`);
    else if (hi >= above) wrong.push(`${name}.${key}: ${hi}:${lo} stands below a lower field`);
    taken |= mask;
    above = lo;
  }
  return wrong;
}

/** Values of one field: ordered fields have some, each fits, none twice. */
export function checkValues(path: string, field: Field): readonly string[] {
  const values = Object.entries(field.values);
  const wrong: string[] = [];
  if (values.length === 0 && field.kind !== 'number') wrong.push(`${path}: an ordered field without values`);
  const limit = 2 ** (field.hi - field.lo + 1);
  const seen = new Map<number, string>();
  for (const [name, v] of values) {
    if (v < 0 || v >= limit) wrong.push(`${path}: ${name} = ${v} does not fit`);
    if (seen.has(v)) wrong.push(`${path}: ${name} and ${seen.get(v)} are both ${v}`);
    seen.set(v, name);
  }
  return wrong;
}

/** Every feature has one place where it comes from. */
export function checkFeatureNames(tables: Readonly<Record<string, { readonly fields: Fields }>>, compound: Readonly<Record<string, unknown>>): readonly string[] {
  const from = new Map<string, string>(Object.keys(compound).map((f) => [f, 'features.ts']));
  return Object.entries(tables).flatMap(([reg, row]) =>
    Object.entries(row.fields).flatMap(([name, field]) =>
      Object.keys(field.values).flatMap((feat) => {
        if (!feat.startsWith('FEAT_')) return [];
        const before = from.get(feat);
        from.set(feat, `${reg}.${name}`);
        return before === undefined ? [] : [`${feat} comes from ${before} and from ${reg}.${name}`];
      }),
    ),
  );
}

/** Rows stand in encoding order. */
export function checkOrder(rows: Readonly<Record<string, { readonly enc: number }>>): readonly string[] {
  let before = -1;
  let name = '';
  return Object.entries(rows).flatMap(([key, { enc }]) => {
    const wrong = enc < before ? [`${key} (${encText(enc)}) stands below ${name} (${encText(before)})`] : [];
    before = enc;
    name = key;
    return wrong;
  });
}

/** No two at one encoding, but for a pair of which one is read and the other written. */
export function checkDuplicates(all: readonly { readonly name: string; readonly enc: number; readonly access?: string }[]): readonly string[] {
  const at = new Map<string, string>();
  return all.flatMap(({ name, enc, access = 'rw' }) =>
    (access === 'rw' ? ['ro', 'wo'] : [access]).flatMap((direction) => {
      const key = `${enc} ${direction}`;
      const other = at.get(key);
      at.set(key, name);
      return other === undefined || other === name ? [] : [`${name} and ${other} are both ${encText(enc)}`];
    }),
  );
}

export function checkNeed(where: string, need: Need): readonly string[] {
  if (need === 'always') return [];
  const feats = typeof need === 'string' ? [need] : 'any' in need ? need.any : need.all;
  return feats.filter((f) => !isFeat(f.replace(/^!/, ''))).map((f) => `${where}: ${f} is no feature`);
}

type Controls = Readonly<Record<string, ControlReg>>;

/** What a row's traps name is there, and fits the directions in which the register can be accessed. */
export function checkTraps(row: Pick<Register, 'name' | 'traps' | 'access' | 'writeFrom'> & { readonly index?: number }, controls: Controls): readonly string[] {
  const bitOf = (path: string) => {
    const [reg = '', bit = ''] = path.split('.');
    return controls[reg]?.fields[bit];
  };
  const control = (path: string): readonly string[] => {
    const bit = bitOf(path);
    if (bit === undefined) return [`${row.name}: ${path} is no control`];
    return bit.role === 'bits' ? [`${row.name}: ${path} does not trap`] : [];
  };
  const fine = (t: { readonly fgt: string; readonly on: 'r' | 'w' | 'rw' }): readonly string[] => {
    const bit = t.fgt.replace('<n>', String(row.index ?? '<n>'));
    const within = (kind: string): boolean => Object.values(controls).some((c) => c.fgt === kind && bit in c.fields);
    const wrong: string[] = [];
    if (t.on !== 'w' && !within('read')) wrong.push(`${row.name}: no read trap register has ${bit}`);
    if (t.on !== 'r' && !within('write')) wrong.push(`${row.name}: no write trap register has ${bit}`);
    if (t.on !== 'w' && row.access === 'wo') wrong.push(`${row.name}: is never read, but ${bit} traps reads`);
    if (t.on !== 'r' && row.access === 'ro') wrong.push(`${row.name}: is never written, but ${bit} traps writes`);
    if (t.on === 'r' && row.access === 'rw' && row.writeFrom !== 3 && within('write')) wrong.push(`${row.name}: ${bit} traps writes too`);
    return wrong;
  };
  return row.traps.flatMap((t: TrapRef) => {
    if (typeof t === 'string') return control(t);
    if ('cond' in t) return t.cond in CONDITIONS ? [] : [`${row.name}: ${t.cond} is no condition`];
    if ('fgt' in t) return fine(t);
    return [t.r ?? [], t.w ?? []].flat().flatMap(control);
  });
}

/** The read and write registers of a fine-grained pair put the same name at the same bit. */
export function checkFgtPairs(controls: Controls): readonly string[] {
  return Object.entries(controls).flatMap(([name, row]) => {
    const twin = row.fgt === 'read' ? controls[name.replace('RTR', 'WTR')] : undefined;
    if (twin === undefined || twin === row) return [];
    return Object.entries(twin.fields).flatMap(([bit, f]) => {
      const other = row.fields[bit];
      return other !== undefined && (other.lo !== f.lo || other.role !== f.role) ? [`${bit}: differs between ${name} and its write register`] : [];
    });
  });
}

/** Fine-grained bits that trap nothing in the tables. */
export function unusedFgtBits(controls: Controls, registers: Iterable<Register>, ops: Iterable<Operation>, notRegisters: readonly string[]): readonly string[] {
  const used = new Set<string>(notRegisters);
  for (const r of registers) for (const t of r.traps) if (typeof t === 'object' && 'fgt' in t) used.add(t.fgt.replace('<n>', String(r.index)));
  for (const o of ops) if (o.fgt !== undefined) used.add(o.fgt);
  return Object.entries(controls).flatMap(([name, row]) =>
    row.fgt === undefined ? [] : Object.keys(row.fields).filter((b) => !used.has(b)).map((b) => `${name}.${b} traps nothing`),
  );
}

/** Bits of the fine-grained registers that trap instructions, not accesses to a register or operation of the tables. */
export const FGT_OF_INSTRUCTIONS = ['ERET', 'SVC_EL0', 'SVC_EL1', 'PSBCSYNC', 'TSBCSYNC', 'nGCSSTR_EL1'] as const;

/** Names in other columns: the EL2 twin, the aliased register; places in the VNCR page. */
export function checkNames(registers: ReadonlyMap<string, Register>): readonly string[] {
  const places = new Map<number, string>();
  return [...registers.values()].flatMap((r) => {
    const wrong: string[] = [];
    for (const column of ['e2h', 'aliasOf'] as const) {
      const other = r[column];
      if (other !== undefined && !registers.has(other)) wrong.push(`${r.name}: ${column} ${other} is no register`);
    }
    if (r.vncr !== undefined) {
      const before = places.get(r.vncr);
      if (before !== undefined) wrong.push(`${r.name} and ${before} are both at VNCR offset ${r.vncr}`);
      if (r.vncr % 8 !== 0 || r.vncr >= 0x1000) wrong.push(`${r.name}: ${r.vncr} is no place in the VNCR page`);
      places.set(r.vncr, r.name);
    }
    return wrong;
  });
}

/** Everything, over the project's own tables. */
export function verify(): readonly string[] {
  const tables: Readonly<Record<string, Row & { readonly layouts?: Readonly<Record<string, Fields>> }>> = { ...ID_REGS, ...CONTROL_REGS, ...STATE_REGS };
  const controls: Controls = CONTROL_REGS;
  const perRow = Object.entries(tables).flatMap(([name, row]) => [
    ...checkFields(name, row.fields, row.res1 | row.raz),
    ...Object.entries(row.layouts ?? {}).flatMap(([feat, l]) => [...checkFields(`${name} with ${feat}`, l), ...checkNeed(name, feat as Need)]),
    ...Object.entries(row.fields).flatMap(([f, field]) => checkValues(`${name}.${f}`, field)),
    ...checkNeed(name, row.feat),
  ]);
  const perControl = Object.entries(controls).flatMap(([name, row]) => [
    ...[row.fields, row.e2h0 ?? {}].flatMap((layout: ControlBits) => Object.entries(layout).flatMap(([bit, b]) => checkNeed(`${name}.${bit}`, b.need))),
    ...checkFields(`${name} with E2H 0`, row.e2h0 ?? {}, row.e2h0Res1),
  ]);
  const registers = [...REGISTERS.values()];
  const operations = [...SYSTEM_OPS.values()];
  return [
    ...perRow,
    ...perControl,
    ...checkFeatureNames(ID_REGS, COMPOUND),
    ...checkOrder(ID_REGS),
    ...checkOrder(CONTROL_REGS),
    ...checkOrder(STATE_REGS),
    ...checkOrder(Object.fromEntries(operations.filter((o) => o.nxsOf === undefined).map((o) => [o.name, o]))),
    ...checkDuplicates(registers),
    ...checkDuplicates(operations),
    ...registers.flatMap((r) => checkTraps(r, controls)),
    ...checkFgtPairs(controls),
    ...unusedFgtBits(controls, registers, operations, FGT_OF_INSTRUCTIONS),
    ...operations.flatMap((o) => [...checkNeed(o.name, o.feat), ...checkTraps({ name: o.name, traps: o.traps, access: 'wo' }, controls)]),
    ...checkNames(REGISTERS),
  ];
}
