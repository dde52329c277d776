// What may be done with a page of stage 1? From the attributes of its descriptor (direct or indirect permissions,
// overlays, WXN, PAN) to read, write and execute for one kind of access. Knows no tables.
// @arm AArch64.S1DirectBasePermissions, AArch64.S1IndirectBasePermissions, AArch64.S1ComputePermissions

import type { Regime } from './regime.ts';

/** Attributes of a leaf and, where they count, of the tables above it. */
export interface Leaf {
  /** AP[2:1] */
  ap: number;
  uxn: boolean;
  pxn: boolean;
  /** DBM: what AP[2] says is not about writing but about being dirty. */
  dbm: boolean;
  /** Index into PIR_EL1 and PIRE0_EL1. */
  pi: number;
  /** Index into POR_EL1 and POR_EL0. */
  po: number;
  /** APTable[1:0] of all tables, and their UXNTable and PXNTable. */
  apTable: number;
  uxnTable: boolean;
  pxnTable: boolean;
}

/** Bits of a permission set. */
export const Perm = { R: 1, W: 2, X: 4 } as const;

/** Indirect permissions: what each value of Perm<n> grants; 8 and up: no overlay applies. */
const INDIRECT = [
  0, Perm.R, Perm.X, Perm.R | Perm.X, 0, Perm.R | Perm.W, Perm.R | Perm.W | Perm.X, Perm.R | Perm.W | Perm.X,
  Perm.R, Perm.R, Perm.R | Perm.X, 0, Perm.R | Perm.W, 0, Perm.R | Perm.W | Perm.X, 0,
]; // biome-ignore format: a table
const INDIRECT_WXN = 6;
const NO_OVERLAY = 8;

export interface Granted {
  /** Perm bits for the access asked about, without PAN. */
  readonly perms: number;
  /** The same before overlays, and with nothing but overlays applied: what they took away is reported. */
  readonly base: number;
  readonly overlaid: number;
  /** Any access of EL0 that PSTATE.PAN protects from EL1. */
  readonly userAccess: boolean;
}

/** @param el0 the access is unprivileged */
export function permissionsOf(r: Regime, leaf: Leaf, el0: boolean): Granted {
  let priv: number;
  let user: number;
  let privWxn = r.wxn;
  let userWxn = r.wxn;
  let privOverlay = r.privOverlay;
  let userOverlay = r.userOverlay;
  if (r.pie) {
    const p = r.pie.priv[leaf.pi]!;
    const u = r.pie.user[leaf.pi]!;
    priv = INDIRECT[p]!;
    user = INDIRECT[u]!;
    privWxn = p === INDIRECT_WXN;
    userWxn = u === INDIRECT_WXN;
    if (p & NO_OVERLAY) privOverlay = undefined;
    if (u & NO_OVERLAY) userOverlay = undefined;
    if (priv & Perm.X && user & Perm.W) {
      priv = 0;
      user = 0;
    }
  } else {
    const readOnly = ((leaf.ap & 2) !== 0 && !(r.hardwareDirty && leaf.dbm)) || (leaf.apTable & 2) !== 0;
    const userMay = (leaf.ap & 1) !== 0 && (leaf.apTable & 1) === 0;
    priv = Perm.R | (readOnly ? 0 : Perm.W);
    user = userMay ? priv : 0;
    if (!leaf.uxn && !leaf.uxnTable) user |= Perm.X;
    if (!leaf.pxn && !leaf.pxnTable && !(user & Perm.W)) priv |= Perm.X;
  }
  const base = el0 ? user : priv;
  const overlay = el0 ? userOverlay : privOverlay;
  const wxn = el0 ? userWxn : privWxn;
  let perms = base;
  if (overlay !== undefined) {
    const o = overlay[leaf.po]!;
    perms &= o > 7 ? 0 : overlayPerms(o, r.pie !== undefined && wxn);
  }
  const overlaid = perms;
  if (wxn && perms & Perm.W) perms &= ~Perm.X;
  const userAccess = (user & (Perm.R | Perm.W)) !== 0 || (r.epan && (user & Perm.X) !== 0);
  return { perms, base, overlaid, userAccess };
}
/** POR_ELx: bit 0 read, bit 1 execute, bit 2 write. */
function overlayPerms(o: number, wxn: boolean): number {
  const x = (o & 2) !== 0;
  return (o & 1 ? Perm.R : 0) | (x ? Perm.X : 0) | (o & 4 && !(wxn && x) ? Perm.W : 0);
}
