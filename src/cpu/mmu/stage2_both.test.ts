import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { guest } from '../../../test/pe_guest.ts';
import { plainCombine, plainStage2 } from '../../../test/plain_stage2.ts';
import { plainWalk } from '../../../test/plain_walk.ts';
import {
  buildTables,
  flag,
  GRANULES,
  Memory,
  mask,
  PAGE,
  registersOf,
  type Stage2Case,
  stage2Case,
  u64,
} from '../../../test/stage2_cases.ts';
import type { RegName } from '../../arch/sysregs.ts';
import type { Access } from '../engine.ts';
import { ArchStage2 } from './stage2.ts';

const CODES: Readonly<Record<string, bigint>> = {
  size: 0n,
  translation: 4n,
  access: 8n,
  permission: 12n,
  external: 20n,
};
const BELOW: Readonly<Record<string, bigint>> = { size: 0x29n, translation: 0x2bn, external: 0x13n };
function codeOf(text: string): bigint {
  const [kind, level] = text.split(' ') as [string, string];
  return level === '-1' ? BELOW[kind]! : CODES[kind]! + BigInt(level);
}
/** A refusal of stage 2 on the way through tables of stage 1. */
class Refused extends Error {
  readonly fault: string;
  readonly dirtyBit: boolean;
  readonly ipa: bigint;
  readonly write: boolean;
  constructor(fault: string, dirtyBit: boolean, ipa: bigint, write: boolean) {
    super(fault);
    [this.fault, this.dirtyBit, this.ipa, this.write] = [fault, dirtyBit, ipa, write];
  }
}

const twoStages = fc.record({
  second: stage2Case,
  tsz: fc.bigInt(16n, 39n),
  granule: fc.constantFrom(12, 14, 16),
  kinds: fc.array(fc.constantFrom('table', 'table', 'table', 'table', 'table', 'leaf', 'invalid'), {
    minLength: 5,
    maxLength: 5,
  }),
  attributes: fc.array(u64, { minLength: 5, maxLength: 5 }),
  ha: fc.boolean(),
  hd: fc.boolean(),
  mair: fc.array(fc.constantFrom(0n, 4n, 8n, 0xcn, 0x44n, 0xffn, 0xbbn, 0x4fn, 0xf5n), { minLength: 8, maxLength: 8 }),
  va: u64,
  el0: fc.boolean(),
  kind: fc.constantFrom<Access>('read', 'write', 'execute'),
  plainKinds: fc.nat(5),
});
/** Tables of stage 2 that lead somewhere, with permissions that are seldom missing. */
const leading = (c: Stage2Case): Stage2Case => ({
  ...c,
  kinds: c.kinds.map((k, i) => (i < 2 || k === 'wild' ? 'table' : k)),
  generous: c.attributes[4]! % 3n !== 0n,
  ps: 5n + (c.ps % 2n),
  tsz: 16n + (c.tsz % 20n),
  sl: undefined,
});
/** Without faults. */
const easily = (c: Stage2Case): Stage2Case => ({
  ...c,
  kinds: c.kinds.map(() => 'table'),
  generous: true,
  attributes: c.attributes.map((a) => a | (7n << 61n)),
});

describe('both stages', () => {
  it('agree with the two walkers, one through the other', () => {
    const seen = new Map<string, number>();
    const saw = (what: string): void => void seen.set(what, (seen.get(what) ?? 0) + 1);
    let memory: Memory | undefined;
    const { pe } = guest('nop', {
      absent: ['FEAT_S2POE'],
      stage2: (mem) => {
        const own = new Memory(mem, 128);
        memory = own;
        return new ArchStage2(mem, { frame: (page) => own.frame(page) });
      },
    });
    const m = memory!;
    const machine = { paBits: 52n, xnx: true };
    fc.assert(
      fc.property(twoStages, (t) => {
        m.clear();
        const c = t.plainKinds === 0 ? t.second : leading(t.second);
        const { regs, level, base, size } = registersOf(c);
        const ipaBits = size > 52n ? 52n : size;
        // Stage 2, for any address: descriptors that are there already stay.
        let table = base + 0x10_0000n;
        const built = new Map<string, bigint>();
        const build = (ipa: bigint, easy: boolean): void => {
          const granule = BigInt(c.granule);
          const stride = granule - 3n;
          let at = base;
          for (let l = level, i = 0; l <= 3n; l++, i++) {
            const shift = granule + (3n - l) * stride;
            const name = `${l} ${ipa >> shift}`;
            const inside = built.get(name);
            if (inside === undefined) {
              table += 0x10_0000n;
              const from = { ...c, kinds: [...c.kinds.slice(i), ...c.kinds], attributes: [...c.attributes.slice(i), ...c.attributes] }; // biome-ignore format: a record
              const rest = easy ? easily(from) : from;
              // One level only: the rest is built when the loop comes there.
              const one = new Map(m.words);
              buildTables(rest, i === 0 ? ipa : ipa & mask(shift + stride), l, at, m, () => table);
              const index = i === 0 ? ipa >> shift : (ipa >> shift) & mask(stride);
              for (const key of m.words.keys()) if (!one.has(key) && key !== at + 8n * index) m.words.delete(key);
              built.set(name, table);
            }
            const index = i === 0 ? ipa >> shift : (ipa >> shift) & mask(stride);
            const d = m.words.get(at + 8n * index);
            if (d === undefined || (d & 3n) !== 3n) return;
            at = built.get(name)!;
          }
        };
        const unchecked = (ipa: bigint, easy: boolean): bigint | undefined => {
          try {
            build(ipa & mask(ipaBits), easy);
            const open = { ...regs, hcr: 1n, vtcr: regs.vtcr | (1n << 21n) };
            const a = plainStage2(open, m, { ipa, kind: 'read', el0: false, walk: false }, machine);
            return 'pa' in a ? a.pa : undefined;
          } catch {
            return undefined;
          }
        };
        // Stage 1 over it.
        const granule = BigInt(t.granule);
        const stride = granule - 3n;
        const vaBits = 64n - t.tsz;
        const va = t.va & mask(vaBits);
        const ipas = mask(ipaBits < 40n ? ipaBits : 40n);
        const s1Table = (i: number): bigint => (((0x1_2340_0000n * BigInt(i + 1)) & ipas) >> 16n) << 16n;
        let l = 3n;
        while (granule + (4n - l) * stride < vaBits) l--;
        for (let i = 0; l <= 3n; l++, i++) {
          const shift = granule + (3n - l) * stride;
          const at = s1Table(i) + 8n * ((va >> shift) & mask(stride));
          const pa = unchecked(at, t.plainKinds > 1);
          const kind = l === 3n && t.kinds[i] === 'table' ? 'leaf' : t.kinds[i]!;
          if (pa !== undefined && kind !== 'invalid') {
            const attributes = t.attributes[i]! & 0x0078_0000_0000_0ffcn;
            const output = t.attributes[i]! & ipas & ~mask(shift);
            m.words.set(
              pa,
              kind === 'table' ? s1Table(i + 1) | 3n : attributes | 0x400n | output | (l === 3n ? 3n : 1n),
            );
            if (kind === 'leaf') unchecked(output | (va & mask(shift)), false);
          }
          if (kind !== 'table') break;
        }
        const mair = t.mair.reduce<bigint>((all, byte, i) => all | (byte << BigInt(8 * i)), 0n);
        const tg0 = GRANULES[t.granule as 12];
        const tcr = t.tsz | (1n << 12n) | (tg0 << 14n) | (5n << 32n) | flag(39, t.ha) | flag(40, t.hd);

        // What the two walkers make of it.
        const plain = new Map(m.words);
        const plainMemory = {
          get: (at: bigint): bigint | undefined => {
            if (at / PAGE === m.hole) throw new Error('no memory');
            return plain.get(at);
          },
        };
        const through = (ipa: bigint, kind: Access, walk: boolean): ReturnType<typeof plainStage2> & object => {
          const a = plainStage2(regs, plainMemory, { ipa, kind, el0: t.el0, walk }, machine);
          if ('after' in a) plain.set(a.at, a.after);
          return a;
        };
        const tableAt = (ipa: bigint, kind: 'read' | 'write'): bigint => {
          const a = through(ipa, kind, true);
          if ('fault' in a) throw new Refused(a.fault, a.dirtyBit === true, ipa, kind === 'write');
          return a.pa;
        };
        const s1Regs = { sctlr: 1n, tcr, tcr2: 0n, ttbr0: s1Table(0), ttbr1: 0n, mair, pir: 0n, pire0: 0n, por1: 0n, por0: 0n }; // biome-ignore format: a record
        const LOW = t.kind === 'execute' ? 0x20 : 0x24;
        const SAME = t.el0 ? LOW : LOW + 1;
        const wnr = t.kind === 'write' ? 0x40n : 0n;
        // PAR_EL1 of AT S12E1R and its like: a fault's status, whether stage 2's and on a table; or an address.
        const FAULT = 0x801n;
        const [OF2, ON_TABLE, DIRTY] = [0x200n, 0x100n, 0x8000n];
        const dirty = (a: { readonly dirtyBit?: boolean }): bigint => (a.dirtyBit ? DIRTY : 0n);
        type Outcome = { ec?: number; iss?: number; ipa?: bigint; iss2?: number; page?: bigint; par?: bigint };
        const outcome = ((): Outcome => {
          try {
            const visited: { read: bigint; at: bigint }[] = [];
            const s1 = plainWalk(
              s1Regs,
              {
                get: (at) => {
                  const pa = tableAt(at, 'read');
                  if (pa / PAGE === m.hole) throw new Refused('hole', false, at, false);
                  visited.push({ read: plain.get(pa) ?? 0n, at });
                  return plain.get(pa);
                },
              },
              { va, kind: t.kind, el0: t.el0, pan: false },
            );
            if ('fault' in s1)
              return {
                ec: SAME,
                iss: Number(codeOf(s1.fault) | wnr),
                par: FAULT | (codeOf(s1.fault) << 1n) | dirty(s1),
              };
            if (s1.descriptor !== visited.at(-1)!.read) plain.set(tableAt(s1.at, 'write'), s1.descriptor);
            const s2 = through(s1.pa, t.kind, false);
            if ('fault' in s2)
              return {
                ec: LOW,
                iss: Number(codeOf(s2.fault) | wnr),
                ipa: s1.pa,
                ...(s2.dirtyBit && { iss2: 1 << 5 }),
                par: FAULT | OF2 | (codeOf(s2.fault) << 1n) | dirty(s2),
              };
            saw(`ok ${'pa' in s2 ? s2.level : ''}`);
            if (s2.pa / PAGE === m.hole) return { ec: SAME, iss: Number(16n | wnr) };
            const memoryType = plainCombine(s1, s2, regs.hcr);
            return {
              page: s2.pa / PAGE,
              par: (memoryType.attr << 56n) | (s2.pa & ~0xfffn) | 0xa00n | (memoryType.sh << 7n),
            };
          } catch (e) {
            if (!(e instanceof Refused)) throw e;
            if (e.fault === 'hole') return { iss: 0 };
            const w = e.write && t.kind !== 'execute' ? 0x40n : 0n;
            saw(`walk ${e.fault}${e.write ? ' write' : ''}`);
            return {
              ec: LOW,
              iss: Number(codeOf(e.fault) | 0x80n | w),
              ipa: e.ipa,
              ...(e.dirtyBit && { iss2: 1 << 5 }),
              // AT does not update what stage 1 maps.
              ...(!e.write && { par: FAULT | OF2 | ON_TABLE | (codeOf(e.fault) << 1n) | dirty(e) }),
            };
          }
        })();

        // What the PE makes of it.
        const set = (name: RegName, value: bigint): void => pe.set(name, value);
        set('HCR_EL2', regs.hcr | (1n << 31n) | (1n << 34n));
        set('VTCR_EL2', regs.vtcr);
        set('VTTBR_EL2', regs.vttbr);
        set('S2PIR_EL2', regs.s2pir);
        set('TCR_EL1', tcr);
        set('TTBR0_EL1', s1Regs.ttbr0);
        set('MAIR_EL1', mair);
        set('SCTLR_EL1', 1n | 0x00c5_0078n);
        pe.pstate = 0x3c0n | (t.el0 ? 0n : 5n);
        pe.operate('TLBI_VMALLS12E1', 0n);
        const got = pe.mmu.translate(t.el0 ? 'el0' : 'el1', va, t.kind, 1, pe.cpu);
        if (outcome.page !== undefined) {
          expect(got).toMatchObject({ ok: true, frame: m.frame(Number(outcome.page)) });
        } else if (outcome.iss !== 0) {
          const { ec, iss, ipa, iss2 } = outcome;
          expect(got).toEqual({
            ok: false,
            ec,
            iss,
            far: va,
            ...(ipa !== undefined && { ipa }),
            ...(iss2 && { iss2 }),
          });
          if (ipa !== undefined && !(iss! & 0x80)) saw(`final ${iss! & 63}`);
        } else expect(got.ok).toBe(false);
        expect([...m.left()]).toEqual([...plain].filter(([at]) => m.words.has(at)));
        if (t.kind === 'execute' || outcome.par === undefined) return;
        pe.operate(`AT_S12E${t.el0 ? 0 : 1}${t.kind === 'read' ? 'R' : 'W'}`, va);
        expect(pe.get('PAR_EL1').toString(16)).toBe(outcome.par.toString(16));
        saw('AT');
      }),
      { numRuns: 2000, seed: 12 },
    );
    const wanted = ['ok 1', 'ok 2', 'ok 3', 'walk translation 0', 'walk translation 3', 'walk permission 3', 'walk permission 3 write', 'walk access 3', 'walk size 3',
      'walk external 3', 'final 4', 'final 7', 'final 11', 'final 15']; // biome-ignore format: a list
    expect(
      wanted.filter((w) => !seen.has(w)),
      JSON.stringify([...seen]),
    ).toEqual([]);
  });
});
