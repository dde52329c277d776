// Do the project's own tables verify, and does each check find the slip it is for?
import { describe, expect, test } from 'vitest';
import { CONTROL_REGS } from './control_regs.ts';
import { bits, type ControlReg, count, ctlreg, en, fgt, fgtR, fgtW, idField, reg, trap } from './schema.ts';
import { REGISTERS, type Register, SYSTEM_OPS } from './sysregs.ts';
import {
  checkDuplicates, checkFeatureNames, checkFgtPairs, checkFields, checkNames, checkNeed, checkOrder, checkTraps, checkValues,
  FGT_OF_INSTRUCTIONS, trapsAreControls, unusedFgtBits, verify,
} from './verify.ts';

test("the project's tables hang together", () => {
  expect(verify()).toEqual([]);
  expect(trapsAreControls).toBe(true);
});

describe('each check finds its slip', () => {
  test('fields', () => {
    expect(checkFields('R', { A: count(7, 4), B: count(3, 0) })).toEqual([]);
    expect(checkFields('R', { A: count(7, 4), B: count(4, 0) })).toEqual(['R.B: 4:0 overlaps what stands before it']);
    expect(checkFields('R', { B: count(3, 0), A: count(7, 4) })).toEqual(['R.A: 7:4 stands below a lower field']);
    expect(checkFields('R', { A: count(64, 60) })).toEqual(['R.A: 64:60 is not inside a register']);
    expect(checkFields('R', { A: count(3, 7) })).toEqual(['R.A: 3:7 is not inside a register']);
    expect(checkFields('R', { A: count(31) }, 1n << 31n)).toEqual(['R.A: 31:31 overlaps what stands before it']);
  });
  test('values', () => {
    expect(checkValues('R.A', idField(3, 0, {}))).toEqual(['R.A: an ordered field without values']);
    expect(checkValues('R.A', idField(3, 0, { NI: 0, IMP: 16 }))).toEqual(['R.A: IMP = 16 does not fit']);
    expect(checkValues('R.A', idField(3, 0, { NI: 0, IMP: 0 }))).toEqual(['R.A: IMP and NI are both 0']);
  });
  test('a feature from two places', () => {
    const fields = { A: idField(3, 0, { NI: 0, FEAT_X: 1 }) };
    expect(checkFeatureNames({ R: { fields }, S: { fields } }, {})).toEqual(['FEAT_X comes from R.A and from S.A']);
    expect(checkFeatureNames({ R: { fields } }, { FEAT_X: true })).toEqual(['FEAT_X comes from features.ts and from R.A']);
  });
  test('order and duplicates', () => {
    expect(checkOrder({ A: { enc: 8 }, B: { enc: 3 } })).toEqual(['B (S0_0_C0_C0_3) stands below A (S0_0_C0_C1_0)']);
    expect(checkDuplicates([{ name: 'A', enc: 8 }, { name: 'B', enc: 8 }])[0]).toBe('B and A are both S0_0_C0_C1_0');
    expect(checkDuplicates([{ name: 'A', enc: 8, access: 'ro' }, { name: 'B', enc: 8, access: 'wo' }])).toEqual([]);
  });
  test('needs', () => {
    expect(checkNeed('R.A', 'FEAT_FPMR')).toEqual([]);
    expect(checkNeed('R.A', '!FEAT_EL3')).toEqual([]);
    expect(checkNeed('R.A', { any: ['FEAT_FMPR' as 'FEAT_FPMR'] })).toEqual(['R.A: FEAT_FMPR is no feature']);
  });

  const controls: Readonly<Record<string, ControlReg>> = {
    HXRTR_EL2: ctlreg([3, 4, 1, 1, 4], 'FEAT_FGT', { el: 2, fgt: 'read' }, { A: trap(0, 'always'), R: trap(1, 'always') }),
    HXWTR_EL2: ctlreg([3, 4, 1, 1, 5], 'FEAT_FGT', { el: 2, fgt: 'write' }, { A: trap(0, 'always'), W: trap(2, 'always') }),
    HCRX_EL2: ctlreg([3, 4, 1, 2, 2], 'FEAT_HCX', { el: 2 }, { EnFPM: en(23, 'FEAT_FPMR'), PTTWI: bits(16, 'FEAT_THE') }),
  };
  const row = (traps: Register['traps'], access: 'rw' | 'ro' | 'wo' = 'rw') => checkTraps({ name: 'X', traps, access }, controls);
  test('traps', () => {
    expect(row(['HCRX_EL2.EnFPM', fgt('A')])).toEqual([]);
    expect(row(['HCRX_EL2.EnFPMR'])).toEqual(['X: HCRX_EL2.EnFPMR is no control']);
    expect(row([{ w: 'HCR_EL2.TVM' }])).toEqual(['X: HCR_EL2.TVM is no control']);
    expect(row(['HCRX_EL2.PTTWI'])).toEqual(['X: HCRX_EL2.PTTWI does not trap']);
    expect(row([fgt('R')])).toEqual(['X: no write trap register has R']);
    expect(row([fgt('A')], 'ro')).toEqual(['X: is never written, but A traps writes']);
    expect(row([fgtR('A')], 'wo')).toContain('X: is never read, but A traps reads');
    expect(row([fgtR('A')])).toEqual(['X: A traps writes too']);
    expect(row([fgtW('W')])).toEqual([]);
  });
  test('fine-grained pairs and unused bits', () => {
    expect(checkFgtPairs(controls)).toEqual([]);
    const moved = { ...controls, HXWTR_EL2: ctlreg([3, 4, 1, 1, 5], 'FEAT_FGT', { el: 2, fgt: 'write' }, { A: trap(1, 'always') }) };
    expect(checkFgtPairs(moved)).toEqual(['A: differs between HXRTR_EL2 and its write register']);
    expect(unusedFgtBits(controls, [], [], ['A', 'R'])).toEqual(['HXWTR_EL2.W traps nothing']);
    expect(unusedFgtBits(CONTROL_REGS, REGISTERS.values(), SYSTEM_OPS.values(), FGT_OF_INSTRUCTIONS.slice(1))).toEqual(['HFGITR_EL2.ERET traps nothing']);
  });
  test('names in other columns', () => {
    const at = (name: string, options: Parameters<typeof reg>[1]): [string, Register] => [name, { ...reg([3, 0, 1, 0, 0], options), name, key: name, table: 'state' }];
    expect(checkNames(new Map([at('A', { el: 1, e2h: 'A_EL2' })]))).toEqual(['A: e2h A_EL2 is no register']);
    expect(checkNames(new Map([at('A', { el: 1, vncr: 8 }), at('B', { el: 1, vncr: 8 })]))).toEqual(['B and A are both at VNCR offset 8']);
    expect(checkNames(new Map([at('A', { el: 1, vncr: 12 })]))).toEqual(['A: 12 is no place in the VNCR page']);
  });
});
