// Do features and their requirements say what Arm's own machine-readable file says? And the cases that are not a plain
// field comparison, by hand.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { COMPOUND, FEATURES, type Feat, has, isFeat, predicateOf } from './features.ts';
import { ID_REGS } from './id_regs.ts';
import { REQUIRES, unmetRequirements } from './requirements.ts';

const machine =
  (values: Readonly<Record<string, bigint>>) =>
  (enc: number): bigint => {
    for (const [name, value] of Object.entries(values)) if (ID_REGS[name as keyof typeof ID_REGS].enc === enc) return value;
    return 0n;
  };

describe('has', () => {
  test('one field reaching one value', () => {
    expect(has('FEAT_FPMR', machine({ ID_AA64PFR2_EL1: 1n << 32n }))).toBe(true);
    expect(has('FEAT_FPMR', machine({ ID_AA64PFR2_EL1: 1n << 31n }))).toBe(false);
    expect(has('FEAT_LSE', machine({ ID_AA64ISAR0_EL1: 3n << 20n }))).toBe(true);
    expect(has('FEAT_LSE128', machine({ ID_AA64ISAR0_EL1: 2n << 20n }))).toBe(false);
  });
  test('signed fields: 0 implements, 0b1111 does not', () => {
    expect(has('FEAT_FP', machine({ ID_AA64PFR0_EL1: 0n }))).toBe(true);
    expect(has('FEAT_FP16', machine({ ID_AA64PFR0_EL1: 0x110000n }))).toBe(true);
    expect(has('FEAT_FP', machine({ ID_AA64PFR0_EL1: 0xff0000n }))).toBe(false);
    expect(has('FEAT_E2H0', machine({ ID_AA64MMFR4_EL1: 0xe000000n }))).toBe(false);
    expect(has('FEAT_E2H0', machine({}))).toBe(true);
  });
  test('a performance monitor of another architecture is none', () => {
    expect(has('FEAT_PMUv3', machine({ ID_AA64DFR0_EL1: 0xf00n }))).toBe(false);
    expect(has('FEAT_PMUv3p5', machine({ ID_AA64DFR0_EL1: 0x600n }))).toBe(true);
    expect(has('FEAT_PMUv3p7', machine({ ID_AA64DFR0_EL1: 0x600n }))).toBe(false);
  });
  test('RASv1p1 by the field or by the fraction', () => {
    expect(has('FEAT_RASv1p1', machine({ ID_AA64PFR0_EL1: 2n << 28n }))).toBe(true);
    expect(has('FEAT_RASv1p1', machine({ ID_AA64PFR0_EL1: 1n << 28n }))).toBe(false);
    expect(has('FEAT_RASv1p1', machine({ ID_AA64PFR0_EL1: 1n << 28n, ID_AA64PFR1_EL1: 1n << 12n }))).toBe(true);
    expect(has('FEAT_RASv1p1', machine({ ID_AA64PFR1_EL1: 1n << 12n }))).toBe(false);
  });
  test('address authentication by any of the three algorithms', () => {
    expect(has('FEAT_PAuth', machine({ ID_AA64ISAR2_EL1: 1n << 12n }))).toBe(true);
    expect(has('FEAT_PAuth_LR', machine({ ID_AA64ISAR1_EL1: 6n << 8n }))).toBe(true);
    expect(has('FEAT_PAuth_LR', machine({ ID_AA64ISAR1_EL1: 5n << 8n }))).toBe(false);
    expect(has('FEAT_EPAC', machine({ ID_AA64ISAR1_EL1: 3n << 8n }))).toBe(false);
    expect(has('FEAT_PACIMP', machine({ ID_AA64ISAR1_EL1: (1n << 8n) | (1n << 28n) }))).toBe(true);
  });
  test('nested virtualization by the field or by the fraction', () => {
    expect(has('FEAT_NV2', machine({ ID_AA64MMFR2_EL1: 2n << 24n }))).toBe(true);
    expect(has('FEAT_NV2', machine({ ID_AA64MMFR4_EL1: 1n << 20n }))).toBe(true);
    expect(has('FEAT_NV2', machine({ ID_AA64MMFR2_EL1: 1n << 24n }))).toBe(false);
  });
  test('LPA2 needs 52 bits in every granule of 4K and 16K', () => {
    const value = (g4: bigint, g16: bigint): bigint => (g4 << 28n) | (g16 << 20n) | (15n << 24n);
    expect(has('FEAT_LPA2', machine({ ID_AA64MMFR0_EL1: value(1n, 2n) }))).toBe(true);
    expect(has('FEAT_LPA2', machine({ ID_AA64MMFR0_EL1: value(1n, 1n) }))).toBe(false);
    expect(has('FEAT_LPA2', machine({ ID_AA64MMFR0_EL1: value(1n, 0n) }))).toBe(true);
    expect(has('FEAT_LPA2', machine({ ID_AA64MMFR0_EL1: value(15n, 0n) }))).toBe(false);
  });
});

test('requirements: names what is missing', () => {
  expect(unmetRequirements(machine({ ID_AA64ISAR0_EL1: 1n << 12n })).map((u) => `${u.feat} needs ${u.needs}`)).toContain(
    'FEAT_SHA256 needs FEAT_SHA1',
  );
  expect(
    unmetRequirements(machine({ ID_AA64PFR2_EL1: 1n << 32n, ID_AA64PFR0_EL1: 0x111n })).map((u) => `${u.feat} needs ${u.needs}`),
  ).toEqual(expect.arrayContaining(['FEAT_FPMR needs FEAT_FGT (with FEAT_EL2)', 'FEAT_FPMR needs FEAT_HCX (with FEAT_EL2)']));
});

// Arm's file. Tests that need it say so when it is not there.

interface Ast {
  readonly _type: string;
  readonly left?: Ast;
  readonly right?: Ast;
  readonly op?: string;
  readonly expr?: Ast;
  readonly operand?: Ast;
  readonly value?: unknown;
  readonly name?: string;
  readonly arguments?: readonly Ast[];
}
const file = join(process.env.HYPATIA_SHARED ?? join(import.meta.dirname, '../../../shared'), 'data/AARCHMRS-2025-03-Features.json');
const present = existsSync(file);
if (!present) console.log(`features.test: ${file} is not there; comparison with Arm's file skipped`);

describe.skipIf(!present)("Arm's features file", () => {
  const doc = present
    ? (JSON.parse(readFileSync(file, 'utf8')) as { parameters: readonly { name: string; constraints: readonly Ast[] }[] })
    : { parameters: [] };
  const constraints = doc.parameters.flatMap((p) => p.constraints);
  const name = (a: Ast): string | undefined => (a._type === 'AST.Identifier' ? String(a.value) : undefined);
  const split = (a: Ast, op: string): readonly Ast[] =>
    a._type === 'AST.BinaryOp' && a.op === op ? [...split(a.left!, op), ...split(a.right!, op)] : [a];

  // (… FEAT_AA64EL1 …) --> (FEAT_X <-> UInt(REG.FIELD) >= N): the field and value that bring a feature.
  const brings = constraints.flatMap((c) => {
    if (c.op !== '-->' || !split(c.left!, '&&').some((a) => name(a) === 'FEAT_AA64EL1') || c.right!.op !== '<->') return [];
    const feat = name(c.right!.left!);
    const cmp = c.right!.right!;
    if (feat === undefined || cmp.op !== '>=' || cmp.left!._type !== 'AST.Function') return [];
    const at = cmp.left!.arguments![0]!.value as { name: string; field: string };
    return [{ feat, reg: at.name, field: at.field, signed: cmp.left!.name === 'SInt', value: Number(cmp.right!.value) }];
  });

  test('every feature of one field of a register we have', () => {
    expect(brings.length).toBeGreaterThan(200);
    const wrong = brings.flatMap(({ feat, reg, field, signed, value }) => {
      if (!Object.hasOwn(ID_REGS, reg)) return [];
      const row = ID_REGS[reg as keyof typeof ID_REGS];
      const f = (row.fields as Record<string, { lo: number; hi: number; kind: string; values: Record<string, number> }>)[field];
      if (!f) return [`${reg}.${field} is missing`];
      const named = Object.entries(f.values).find(([, v]) => v === value)?.[0];
      if (named === undefined && f.kind !== 'number') return [`${reg}.${field} has no value ${value} (${feat})`];
      // SB and the AArch32 MTPMU view are compared as signed by Arm's file, and their values do not depend on it.
      if (signed && f.kind !== 'signed' && field !== 'SB') return [`${reg}.${field} is signed`];
      if (!isFeat(feat)) return [`${feat} is unknown (${reg}.${field} = ${named})`];
      return [];
    });
    expect(wrong).toEqual([]);
  });

  test('AArch64 fields switch the feature on at exactly that value', () => {
    const wrong = brings.flatMap(({ feat, reg, field, value }) => {
      if (!/^ID_AA64|^PM|^TRB/.test(reg) || !isFeat(feat) || Object.hasOwn(COMPOUND, feat)) return [];
      const p = predicateOf(feat);
      if (p.op !== 'atLeast' || p.path !== `${reg}.${field}`) return repeated(feat, `${reg}.${field}`) ? [] : [`${feat}: ${JSON.stringify(p)}`];
      const f = (ID_REGS[reg as keyof typeof ID_REGS].fields as Record<string, { lo: number; values: Record<string, number> }>)[field]!;
      const at = (v: number): boolean => has(feat, machine({ [reg]: BigInt(v) << BigInt(f.lo) }));
      return at(value) && (value === 0 || !at(value - 1)) ? [] : [`${feat} by ${reg}.${field} >= ${value}`];
    });
    expect(wrong).toEqual([]);
  });
  /** A second field that only repeats the news about a feature. */
  const repeated = (feat: string, path: string): boolean =>
    [
      'FEAT_BF16 ID_AA64ZFR0_EL1.BF16', 'FEAT_EBF16 ID_AA64ZFR0_EL1.BF16', 'FEAT_I8MM ID_AA64ZFR0_EL1.I8MM',
      'FEAT_SME2 ID_AA64SMFR0_EL1.SMEver', 'FEAT_FP16 ID_AA64PFR0_EL1.AdvSIMD',
    ].includes(`${feat} ${path}`);

  test('every implication between two features we know', () => {
    const missing = constraints.flatMap((c) => {
      if (c.op !== '-->') return [];
      const from = split(c.left!, '&&').map(name);
      if (from.some((f) => f === undefined || !isFeat(f))) return [];
      const el2 = (f: string | undefined): boolean => f === 'FEAT_EL2' || f === 'FEAT_AA64EL2';
      const subjects = from.length === 1 ? from : from.filter((f) => !el2(f));
      return split(c.right!, '&&').flatMap((t) => {
        const to = name(t);
        if (to === undefined || !isFeat(to)) return [];
        const stated = subjects.some((s) =>
          (REQUIRES[s as Feat] ?? []).some(
            (r) => r === to || (typeof r === 'object' && 'when' in r && r.needs.includes(to) && (from.includes(r.when) || from.some(el2))),
          ),
        );
        return stated ? [] : [`${from.join(' && ')} --> ${to}`];
      });
    });
    expect(missing).toEqual([]);
  });
});

test('feature names are unique and in table order', () => {
  expect(new Set(FEATURES).size).toBe(FEATURES.length);
});
