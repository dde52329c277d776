// Stage 1 of the EL1&0 regime as the manual tells it, one step after the other, bigint throughout, straight from the
// registers. Shares nothing with src/cpu/mmu: tests hold that to this. @arm D8 "The AArch64 Virtual Memory System Architecture"

export interface PlainRegs {
  readonly sctlr: bigint;
  readonly tcr: bigint;
  readonly tcr2: bigint;
  readonly ttbr0: bigint;
  readonly ttbr1: bigint;
  readonly mair: bigint;
  readonly pir: bigint;
  readonly pire0: bigint;
  readonly por1: bigint;
  readonly por0: bigint;
}
/** Descriptors by address. A Map is one. */
export interface PlainMemory {
  get(address: bigint): bigint | undefined;
}
export interface PlainAccess {
  readonly va: bigint;
  readonly kind: 'read' | 'write' | 'execute';
  readonly el0: boolean;
  /** PSTATE.PAN */
  readonly pan: boolean;
}
export type PlainAnswer =
  | { readonly fault: string; readonly overlay?: boolean; readonly dirtyBit?: boolean }
  | {
      readonly pa: bigint;
      readonly attr: bigint;
      readonly sh: bigint;
      readonly guarded: boolean;
      readonly level: bigint;
      /** Bytes that one TLB entry may cover. */
      readonly size: bigint;
      /** Of an access with these privileges; a clean page counts as writable here. */
      readonly r: boolean;
      readonly w: boolean;
      readonly x: boolean;
      /** The write would first have to make the page dirty. */
      readonly clean: boolean;
      /** The descriptor after the access, and where it is. */
      readonly at: bigint;
      readonly descriptor: bigint;
    };

const bit = (v: bigint, n: number): boolean => ((v >> BigInt(n)) & 1n) === 1n;
const bits = (v: bigint, hi: number, lo: number): bigint => (v >> BigInt(lo)) & ((1n << BigInt(hi - lo + 1)) - 1n);

/** What a value of PIR says: r, w, x, whether overlays apply, whether WXN takes x away. */
const INDIRECT = ['', 'r', 'x', 'rx', '', 'rw', 'rwx!', 'rwx', 'r-', 'r-', 'rx-', '-', 'rw-', '-', 'rwx-', '-'];

/** @param memory descriptors by address; absent: 0. All of Armv9's extensions but D128, AIE, HAFT and RME are there. */
export function plainWalk(regs: PlainRegs, memory: PlainMemory, a: PlainAccess): PlainAnswer {
  const { tcr, tcr2, sctlr } = regs;
  const high = bit(a.va, 55);
  const translation0 = { fault: 'translation 0' };

  // Which half, and what is set up for it.
  const tsz = high ? bits(tcr, 21, 16) : bits(tcr, 5, 0);
  const tg = high
    ? ([12n, 14n, 12n, 16n] as const)[Number(bits(tcr, 31, 30))]!
    : ([12n, 16n, 14n, 12n] as const)[Number(bits(tcr, 15, 14))]!;
  const ds = bit(tcr, 59) && tg !== 16n;
  const tbi = bit(tcr, high ? 38 : 37) && !(a.kind === 'execute' && bit(tcr, high ? 52 : 51));
  // 7 means as much as 6 where addresses have 52 bits.
  const ips = bits(tcr, 34, 32) > 6n ? 6n : bits(tcr, 34, 32);
  const paBits = [32n, 36n, 40n, 42n, 44n, 48n, 52n][Number(ips)]!;
  const ttbr = high ? regs.ttbr1 : regs.ttbr0;

  // The address.
  const smallest = tg === 16n || ds ? 12n : 16n;
  const largest = tg === 16n ? 47n : 48n;
  if (tsz < smallest || tsz > largest) return translation0;
  const vaBits = 64n - tsz;
  const sign = high ? 1n : 0n;
  for (let n = Number(vaBits); n < 64; n++) {
    if (n >= 56 && tbi) continue;
    if (bits(a.va, n, n) !== sign) return translation0;
  }
  if (bit(tcr, high ? 23 : 7)) return translation0; // EPD
  if (a.el0 && bit(tcr, high ? 56 : 55)) return translation0; // E0PD

  // The tables.
  const stride = tg - 3n;
  let level = 3n;
  while (tg + (4n - level) * stride < vaBits) level--;
  const wideBase = ds || (tg === 16n && ips === 6n);
  const firstBits = vaBits - (tg + (3n - level) * stride);
  let align = firstBits + 3n;
  if (wideBase && align < 6n) align = 6n;
  if (!wideBase && align < 5n) align = 5n;
  let base = bits(ttbr, 47, 1) << 1n;
  if (wideBase) base = (base & ~0x3cn) | (bits(ttbr, 5, 2) << 48n);
  let table = (base >> align) << align;
  if (table >> paBits !== 0n) return { fault: 'size 0' };
  let [apTable, uxnTable, pxnTable] = [0n, false, false];
  const pie = bit(tcr2, 1);
  const hierarchical = !pie && !bit(tcr, high ? 42 : 41);
  for (let first = true; ; level++, first = false) {
    const shift = tg + (3n - level) * stride;
    const index = first ? (a.va & ((1n << vaBits) - 1n)) >> shift : (a.va >> shift) & ((1n << stride) - 1n);
    const at = table + 8n * index;
    const d = memory.get(at) ?? 0n;
    const L = `${level}`;
    if (!bit(d, 0)) return { fault: `translation ${L}` };
    const isLeaf = level === 3n || !bit(d, 1);
    if (level === 3n && !bit(d, 1)) return { fault: `translation ${L}` };
    let oa: bigint;
    if (ds) oa = (bits(d, 9, 8) << 50n) | (bits(d, 49, 12) << 12n);
    else if (tg === 16n && ips === 6n) oa = (bits(d, 15, 12) << 48n) | (bits(d, 47, 16) << 16n);
    else oa = bits(d, 47, 12) << 12n;
    if (!isLeaf) {
      table = (oa >> tg) << tg;
      if (table >> paBits !== 0n) return { fault: `size ${L}` };
      if (hierarchical) {
        apTable |= bits(d, 62, 61);
        uxnTable ||= bit(d, 60);
        pxnTable ||= bit(d, 59);
      }
      continue;
    }
    const blocks: Readonly<Record<string, readonly bigint[]>> = {
      12: ds ? [0n, 1n, 2n] : [1n, 2n],
      14: ds ? [1n, 2n] : [2n],
      16: [1n, 2n],
    };
    if (level < 3n && !blocks[`${tg}`]!.includes(level)) return { fault: `translation ${L}` };
    const out = (oa >> shift) << shift;
    if (out >> paBits !== 0n) return { fault: `size ${L}` };
    const [ha, hd] = [bit(tcr, 39), bit(tcr, 39) && bit(tcr, 40)];
    if (!bit(d, 10) && !ha) return { fault: `access ${L}` };

    // Who may do what.
    const wxn = bit(sctlr, 19);
    const dbm = bit(d, 51);
    const ap2 = bit(d, 7);
    let [ur, uw, ux, pr, pw, px] = [false, false, false, false, false, false];
    let [uOverlay, pOverlay] = [bit(tcr2, 2), bit(tcr2, 3)];
    let [uWxn, pWxn] = [wxn, wxn];
    if (pie) {
      const pi = 4n * ((bit(d, 54) ? 8n : 0n) + (bit(d, 53) ? 4n : 0n) + (dbm ? 2n : 0n) + (bit(d, 6) ? 1n : 0n));
      const p = INDIRECT[Number((regs.pir >> pi) & 15n)]!;
      const u = INDIRECT[Number((regs.pire0 >> pi) & 15n)]!;
      [pr, pw, px] = [p.includes('r'), p.includes('w'), p.includes('x')];
      [ur, uw, ux] = [u.includes('r'), u.includes('w'), u.includes('x')];
      if (p.includes('-')) pOverlay = false;
      if (u.includes('-')) uOverlay = false;
      [pWxn, uWxn] = [p.includes('!'), u.includes('!')];
      if (px && uw) [ur, uw, ux, pr, pw, px] = [false, false, false, false, false, false];
    } else {
      const readOnly = (ap2 && !(hd && dbm)) || bit(apTable, 1);
      const user = bit(d, 6) && !bit(apTable, 0);
      [pr, pw] = [true, !readOnly];
      [ur, uw] = [user, user && !readOnly];
      ux = !bit(d, 54) && !uxnTable;
      px = !bit(d, 53) && !pxnTable && !uw;
    }
    const userAccess = ur || uw || (bit(sctlr, 57) && ux);
    let [r, w, x] = a.el0 ? [ur, uw, ux] : [pr, pw, px];
    const before = { read: r, write: w, execute: x };
    const removesX = a.el0 ? uWxn : pWxn;
    if (a.el0 ? uOverlay : pOverlay) {
      const o = ((a.el0 ? regs.por0 : regs.por1) >> (4n * bits(d, 62, 60))) & 15n;
      const [or, ox] = [o < 8n && bit(o, 0), o < 8n && bit(o, 1)];
      let ow = o < 8n && bit(o, 2);
      if (pie && removesX && ox) ow = false;
      [r, w, x] = [r && or, w && ow, x && ox];
    }
    const overlaid = { read: r, write: w, execute: x };
    if (removesX && w) x = false;
    if (!a.el0 && a.pan && userAccess) [r, w] = [false, false];
    const may = { read: r, write: w, execute: x };
    if (!may[a.kind])
      return { fault: `permission ${L}`, overlay: before[a.kind] && !overlaid[a.kind], dirtyBit: false };
    const clean = ap2 && (pie || (hd && dbm));
    if (a.kind === 'write' && clean && !hd) return { fault: `permission ${L}`, overlay: false, dirtyBit: true };

    const joined = tg === 12n ? 16n : tg === 16n ? 32n : level === 3n ? 128n : 32n;
    const dirtied = a.kind === 'write' && clean ? d & ~0x80n : d;
    return {
      pa: out + (a.va & ((1n << shift) - 1n)),
      attr: (regs.mair >> (8n * bits(d, 4, 2))) & 0xffn,
      sh: ds ? (high ? bits(tcr, 29, 28) : bits(tcr, 13, 12)) : bits(d, 9, 8),
      guarded: bit(d, 50),
      level,
      size: (1n << shift) * (bit(d, 52) ? joined : 1n),
      r,
      w,
      x,
      clean,
      at,
      descriptor: dirtied | 0x400n,
    };
  }
}
