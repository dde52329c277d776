// What system register or operation is at an encoding, and where is the one of a given name? All tables in one place:
// families expanded (DBGBVR<n>_EL1 -> DBGBVR0_EL1 ...), _EL12 and _EL02 aliases derived. Mechanism; the facts are in
// id_regs.ts, control_regs.ts, state_regs.ts and sys_ops.ts.
import { CONTROL_REGS, type ControlRegName } from './control_regs.ts';
import { ID_REGS, type IdRegName } from './id_regs.ts';
import { enc, encParts, type Row, type SysOp } from './schema.ts';
import { STATE_REGS, type StateRegKey } from './state_regs.ts';
import { SYS_OPS } from './sys_ops.ts';

type Expanded<K extends string> = K extends `${infer Head}<n>${infer Tail}` ? `${Head}${number}${Tail}` : K;
type Twin<K extends string> = K extends `${infer Head}_EL1` ? `${Head}_EL12` : K extends `${infer Head}_EL0` ? `${Head}_EL02` : never;
type Aliases<T> = { [K in keyof T & string]: T[K] extends { readonly el12: true } ? Twin<K> : never }[keyof T & string];
/** Name of any system register; members of a family with their number. */
export type RegName = IdRegName | ControlRegName | Expanded<StateRegKey> | Aliases<typeof STATE_REGS> | Aliases<typeof CONTROL_REGS>;

/** A register as it is met: one member of a family, or an alias. */
export interface Register extends Row {
  readonly name: string;
  /** Its row's key: the name, or the family's with <n>. */
  readonly key: string;
  readonly table: 'id' | 'control' | 'state';
  /** The member's number within a family. */
  readonly index?: number;
  /** For _EL12, _EL02 and the aliases of FEAT_SRMASK: the register that is reached. */
  readonly aliasOf?: string;
}
export interface Operation extends SysOp {
  readonly name: string;
  /** For the nXS twin of a TLBI, which needs FEAT_XS as well: the other one. HCRX_EL2.FGTnXS exempts it from fine-grained traps. */
  readonly nxsOf?: string;
}

function expand(): readonly Register[] {
  const out: Register[] = [];
  for (const [table, rows] of [['id', ID_REGS], ['control', CONTROL_REGS], ['state', STATE_REGS]] as const) {
    for (const [key, row] of Object.entries<Row & { readonly members?: { readonly first: number; readonly last: number; readonly at: (n: number) => readonly number[] } }>(rows)) {
      if (row.members === undefined) {
        const named = { ...row, name: key, key, table };
        out.push(row.alias === undefined ? named : { ...named, aliasOf: row.alias });
        continue;
      }
      const { first, last, at } = row.members;
      for (let n = first; n <= last; n++) {
        const [op0, op1, CRn, CRm, op2] = at(n) as [number, number, number, number, number];
        const member = { ...row, name: key.replace('<n>', String(n)), key, table, index: n, enc: enc(op0, op1, CRn, CRm, op2) };
        out.push(row.vncr === undefined ? member : { ...member, vncr: row.vncr + 8 * n });
      }
    }
  }
  return out.flatMap((r) => (r.el12 ? [r, aliasOf(r)] : [r]));
}

/** SCTLR_EL12, CNTP_CTL_EL02: the same CRn, CRm and op2 with op1 = 5. */
function aliasOf(r: Register): Register {
  const [op0, , CRn, CRm, op2] = encParts(r.enc);
  const { vncr: _vncr, e2h: _e2h, el12: _el12, ...row } = r;
  const name = r.name.replace(/_EL([01])$/, '_EL$12');
  return { ...row, name, enc: enc(op0, 5, CRn, CRm, op2), aliasOf: r.name, el: 2, feat: 'FEAT_VHE', traps: r.aliasTraps ?? [] };
}

const all = expand();
/** Every register by name, in table order. */
export const REGISTERS: ReadonlyMap<string, Register> = new Map(all.map((r) => [r.name, r]));
// DBGDTRRX_EL0 and DBGDTRTX_EL0 share an encoding: one is read, the other written.
const readAt = new Map<number, Register>(all.filter((r) => r.access !== 'wo').map((r) => [r.enc, r]));
const writeAt = new Map<number, Register>(all.filter((r) => r.access !== 'ro').map((r) => [r.enc, r]));

/** The register that a read (write) of a packed encoding reaches; a register of the other direction where there is no other. */
export function registerAt(packed: number, direction: 'read' | 'write' = 'read'): Register | undefined {
  return direction === 'read' ? (readAt.get(packed) ?? writeAt.get(packed)) : (writeAt.get(packed) ?? readAt.get(packed));
}
/** The register of a name that is known at compile time. */
export function register(name: RegName): Register {
  return REGISTERS.get(name)!;
}
/** Packed encoding of a register known at compile time. */
export function encOf(name: RegName): number {
  return REGISTERS.get(name)!.enc;
}

/** AT, TLBI, DC, IC and the other operations of the SYS space, by name. */
export const SYSTEM_OPS: ReadonlyMap<string, Operation> = new Map(
  Object.entries<SysOp>(SYS_OPS).flatMap(([name, op]) => (op.tlbi ? [operation(name, op), nxs(name, op)] : [operation(name, op)])),
);
function operation(name: string, op: SysOp): [string, Operation] {
  return [name, { ...op, name }];
}
/** The twin of a TLBI that does not wait for accesses with the XS attribute: CRn 9. */
function nxs(name: string, op: SysOp): [string, Operation] {
  return [`${name}NXS`, { ...op, name: `${name}NXS`, enc: op.enc + enc(0, 0, 1, 0, 0), nxsOf: name }];
}
const opAt = new Map<number, Operation>([...SYSTEM_OPS.values()].map((op) => [op.enc, op]));
export function operationAt(packed: number): Operation | undefined {
  return opAt.get(packed);
}

/** 'SCTLR_EL1', or Arm's generic name (S3_0_C15_C2_0) where there is none. */
export function regNameAt(packed: number, direction: 'read' | 'write' = 'read'): string {
  const [op0, op1, CRn, CRm, op2] = encParts(packed);
  return registerAt(packed, direction)?.name ?? `S${op0}_${op1}_C${CRn}_C${CRm}_${op2}`;
}
