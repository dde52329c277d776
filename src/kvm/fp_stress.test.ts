// No register is ever seen with another context's value, however VMs, threads and CPUs take turns; and the test would see
// it, because it does with each defect of the v6 series. FP_ACCESSES sets the length, FP_SEED the order.

import { describe, expect, test } from 'vitest';
import { fpStress } from '../../test/kit/fp_stress.ts';
import { V6_BUGS } from './fpsimd_v6.ts';

const MODES = ['vhe', 'nvhe', 'protected'] as const;
const accesses = Number(process.env['FP_ACCESSES'] ?? 20_000);
const seed = Number(process.env['FP_SEED'] ?? 1);

describe.each(MODES)('%s', (mode) => {
  test('state by CPU', () => {
    const r = fpStress({ mode, seed, accesses, sve: true });
    console.log(
      `${mode}: seed ${seed}: ${r.accesses} accesses, ${r.runs} runs, ${r.preemptions} preemptions, ${r.migrations} migrations`,
    );
    expect(r.errors).toEqual([]);
    expect(r.preemptions).toBeGreaterThan(r.accesses / 2000);
  });
  test('state by vCPU, as before 6.11', () => {
    expect(fpStress({ mode, seed, accesses, fpHostState: { v6: [] } }).errors).toEqual([]);
  });
});
test('a host that aims the hypervisor at memory which is not shared only harms itself', () => {
  expect(fpStress({ mode: 'protected', seed, accesses, fpHostState: { v6: [] }, mischief: true }).errors).toEqual([]);
});
test.each(V6_BUGS)('%s of the v6 series is found', (bug) => {
  const r = fpStress({ mode: 'protected', seed, accesses: 20_000, fpHostState: { v6: [bug] }, mischief: bug === 'B5' });
  expect(r.errors.length).toBeGreaterThan(0);
  const what = { B4: /another value|thread/, B5: /memory of the hypervisor/, B16: /has no FPMR/ }[bug];
  expect(r.errors.join('\n')).toMatch(what);
});
