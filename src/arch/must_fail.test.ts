// Slips that must not compile. Each is one that was made somewhere in the kernel's series for the 2023 extensions or in its
// reviews; `tsc -p tsconfig.tests.json` fails where one of them is accepted, and the tests say why it would have mattered.
import { expect, test } from 'vitest';
import { CONTROL_REGS, type Control, type FgtBoth } from './control_regs.ts';
import { type Feat, isFeat } from './features.ts';
import { fieldOf, findField, isIdRegName, maskOfField, rawOf, withField } from './id_fields.ts';
import type { FieldName, IdRegName, ValueName } from './id_regs.ts';
import { bits, en, fgt, reg, sysop, trap, wr } from './schema.ts';
import { register } from './sysregs.ts';

/** What a policy table looks like: fields that may be offered, per register. */
type Policy = { readonly [R in IdRegName]?: { readonly offer: readonly FieldName<R>[] } };
const caught: (() => unknown)[] = [];
const slip = (f: () => unknown) => caught.push(f);

// ID_AA64ISAR3_EL1 masked with another register's fields (v6 2/5).
// @ts-expect-error VH is a field of ID_AA64MMFR1_EL1
const wrongRegister: Policy = { ID_AA64ISAR2_EL1: { offer: ['VH'] } };
// @ts-expect-error no such register
const noRegister: Policy = { ID_AA64FPFR_EL1: { offer: [] } };
// @ts-expect-error no such field
slip(() => fieldOf('ID_AA64PFR2_EL1', 'FPM'));
// @ts-expect-error a field of another register
slip(() => maskOfField('ID_AA64ISAR3_EL1', 'LUT'));
// @ts-expect-error a value of another field
slip(() => rawOf('ID_AA64PFR2_EL1', 'FPMR', 'FEAT_GCIE'));
// @ts-expect-error a field of another register
slip(() => withField(0n, 'ID_AA64PFR2_EL1', 'CPA', 1));
// @ts-expect-error a value that the field does not have
const noValue: ValueName<'ID_AA64ISAR3_EL1', 'CPA'> = 'FEAT_CPA3';

// A feature misspelt.
// @ts-expect-error FEAT_FMPR
const misspelt: Feat = 'FEAT_FMPR';
// @ts-expect-error FEAT_FMPR
slip(() => en(23, 'FEAT_FMPR'));
// @ts-expect-error FEAT_FMPR, negated
slip(() => bits(29, '!FEAT_FMPR'));

// A control without a stated need ("where is the code that enforces the lack of support?").
// @ts-expect-error the need is required
slip(() => en(23));
// @ts-expect-error the need is required
slip(() => trap(6));
// @ts-expect-error the need is required
slip(() => bits(5));
// @ts-expect-error a word that is none
slip(() => en(23, 'FEAT_FPMR', 'res1-if-missing'));

// Registers by name.
// @ts-expect-error PMCR_EL0 has no alias
slip(() => register('PMCR_EL02'));
// @ts-expect-error misspelt
slip(() => register('FPRM'));

// Traps.
// @ts-expect-error EnFPMR
slip(() => reg([3, 3, 4, 4, 2], { el: 0, traps: ['HCRX_EL2.EnFPMR'] }));
// @ts-expect-error PTTWI traps nothing
slip(() => reg([3, 3, 4, 4, 2], { el: 0, traps: ['HCRX_EL2.PTTWI'] }));
// @ts-expect-error the write control is misspelt
slip(() => reg([3, 0, 10, 2, 3], { el: 1, traps: [wr('HCR_EL2.TWM', 'HCR_EL2.TRVM')] }));
// @ts-expect-error MIDR_EL1 is only in the read register
slip(() => reg([3, 0, 0, 0, 0], { el: 1, traps: [fgt('MIDR_EL1')] }));
// @ts-expect-error only in the read register
const both: FgtBoth = 'AIDR_EL1';
// @ts-expect-error not a bit that traps
const control: Control = 'HCR_EL2.VM';
// @ts-expect-error a bit of the register traps, not of the instruction traps
slip(() => sysop([1, 0, 7, 8, 0], { el: 1, fgt: 'PAR_EL1' }));
// @ts-expect-error an encoding has five numbers
slip(() => reg([3, 0, 10, 2], { el: 1 }));
// @ts-expect-error the level is required
slip(() => reg([3, 0, 10, 2, 3], {}));

test('what the types refuse is nothing at run time either', () => {
  expect(caught[0]!()).toBeUndefined();
  expect(isFeat(misspelt)).toBe(false);
  for (const name of [...Object.keys(noRegister)]) expect(isIdRegName(name)).toBe(false);
  expect(findField('ID_AA64ISAR2_EL1', wrongRegister.ID_AA64ISAR2_EL1!.offer[0]!)).toBeUndefined();
  expect(fieldOf('ID_AA64ISAR3_EL1', 'CPA').values[noValue]).toBeUndefined();
  expect(both in CONTROL_REGS.HFGWTR_EL2.fields).toBe(false);
  expect(CONTROL_REGS.HCR_EL2.fields[control.slice(8) as 'VM'].role).toBe('bits');
});
