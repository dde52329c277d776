// `hypatia trap`: the answers that matter, on the real settings of KVM, and what it says to wrong questions.

import { describe, expect, test } from 'vitest';
import { trapText } from './trap.ts';

const ask = (text: string): string => trapText(text.match(/'[^']*'|\S+/g)!.map((w) => w.replaceAll("'", '')));
const last = (text: string): string =>
  ask(text)
    .split('\n')
    .find((l) => l.startsWith('=>'))!;
const outcome = (text: string): { taken: string; esr?: string } => (JSON.parse(ask(`${text} --json`)) as { outcome: { taken: string; esr?: string } }).outcome; // biome-ignore format: one line

describe('FPMR', () => {
  test('goes through in a VM that has it', () => {
    expect(outcome('FPMR --write').taken).toBe('nobody');
    expect(ask('FPMR --write')).toContain('HCRX_EL2.EnFPM = 1: does not trap  [enable, 0 traps; needs FEAT_FPMR]');
  });
  test('is UNDEFINED in one that has not, at every level', () => {
    for (const el of [0, 1])
      expect(outcome(`FPMR --el ${el} --vm ID_AA64PFR2_EL1.FPMR=0`)).toMatchObject({ taken: 'EL1', esr: '0x02000000' });
  });
  test('at EL0 follows the guest’s SCTLR_EL1, which Linux 7.2 lets act without FPMR too', () => {
    expect(outcome('FPMR --el 0')).toMatchObject({ taken: 'EL1', esr: '0x6234d009' });
    expect(outcome('FPMR --el 0 --set SCTLR_EL1.EnFPM=1').taken).toBe('nobody');
    expect(outcome('FPMR --el 0 --vm ID_AA64PFR2_EL1.FPMR=0 --kvm-compat linux-7.2')).toMatchObject({
      esr: '0x6234d009',
    });
  });
  test('of a nested guest goes to virtual EL2 if that wants it', () => {
    expect(outcome('FPMR --nested --set HCRX_EL2.EnFPM=0')).toMatchObject({ taken: 'virtual EL2', esr: '0x6234d009' });
    expect(outcome('FPMR --nested --write --set HCRX_EL2.EnFPM=0')).toMatchObject({ esr: '0x6234d008' });
    expect(outcome('FPMR --nested').taken).toBe('nobody');
    expect(outcome('FPMR --nested --set CPTR_EL2.FPEN=0')).toMatchObject({ taken: 'virtual EL2', esr: '0x1fe00000' });
    expect(outcome('FPMR --nested --el 2').taken).toBe('KVM');
  });
});

describe('subjects', () => {
  test('a name, an S-form, text and a word are the same', () => {
    const all = ['FPMR', 'S3_3_C4_C4_2', "'mrs x0, S3_3_C4_C4_2'", 'd53b4440'].map(ask);
    expect(new Set(all).size).toBe(1);
  });
  test('an operation; TLBI VMALLWS2E1 is UNDEFINED where TLBIW is hidden', () => {
    expect(outcome("'TLBI VAE1'").taken).toBe('nobody');
    expect(outcome('d50c865f').esr).toBe('0x02000000');
  });
  test('an ID register is answered by KVM', () => {
    expect(last('ID_AA64PFR2_EL1')).toContain('KVM answers');
  });
  test('instructions: 8-bit FP needs FPMR, FAMINMAX cannot be withheld, SVC goes home', () => {
    expect(outcome("'f1cvtl v0.8h, v1.8b'").taken).toBe('nobody');
    expect(outcome("'f1cvtl v0.8h, v1.8b' --vm ID_AA64PFR2_EL1.FPMR=0").esr).toBe('0x02000000');
    expect(last("'famax v0.4s, v1.4s, v2.4s' --vm ID_AA64ISAR3_EL1.FAMINMAX=0")).toContain('nothing can withhold it');
    expect(outcome("'svc #3' --el 0")).toMatchObject({ taken: 'EL1', esr: '0x56000003' });
    expect(outcome("'hvc #0'").taken).toBe('KVM');
    expect(outcome("'fadd d0, d0, d0' --set CPACR_EL1.FPEN=0")).toMatchObject({ taken: 'EL1', esr: '0x1fe00000' });
    expect(outcome('eret --nested --set HFGITR_EL2.ERET=1').taken).toBe('virtual EL2');
    expect(outcome('00000000').esr).toBe('0x02000000');
  });
  test('--all shows every control of the level', () => {
    const text = ask('CNTVCT_EL0 --all 0');
    expect(text).toContain('CNTKCTL_EL1.EL0VCTEN = 0: read, to EL1: traps now');
    expect(text).toContain('CNTHCTL_EL2.EL1TVCT = 0: read, to EL2: does not trap now');
  });
});

test.each([
  ['FPMRR', /no register, operation or instruction \(did you mean FPMR/],
  ['', /give one register/],
  ['FPMR --el 2', /add --nested/],
  ['FPMR --el 3', /--el 3: give one of 0, 1, 2/],
  ['FPMR --read --write', /give one of them/],
  ['FPMR --set HCRX_EL2.EnFPMX=0', /has no field EnFPMX \(did you mean EnFPM/],
  ['FPMR --set HCXR_EL2.EnFPM=0', /is no control register \(did you mean HCR_EL2, HCRX_EL2/],
  ['FPMR --set HCRX_EL2.EnFPM=2', /goes to 1/],
  ['FPMR --vm ID_AA64PFR2_EL1.FPMR=2', /KVM does not accept it/],
  ['FPMR --vm FPMR=0', /give REGISTER.FIELD=VALUE/],
  ['FPMR --cpu neoverse', /no such model/],
  ['FPMR --nested --cpu v8.0', /no nested virtualization on v8.0/],
  ['FPMR --feature SVEE', /give one of .* \(did you mean SVE/],
])('%s is refused', (text, why) => {
  expect(() => trapText(text === '' ? [] : text.split(' '))).toThrow(why);
});
