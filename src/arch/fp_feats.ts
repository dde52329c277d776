// What is it: which feature each system register of the floating-point state of EL0 comes with (fp_regs.ts). All that most
// programs need to know of them.

import type { Feat } from './features.ts';

export const FP_FEATS = {
  SVCR: 'FEAT_SME',
  FPCR: 'FEAT_FP',
  FPSR: 'FEAT_FP',
  FPMR: 'FEAT_FPMR',
} as const satisfies Readonly<Record<string, Feat>>;
