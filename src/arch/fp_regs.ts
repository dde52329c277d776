// What is it: the system registers that belong to the floating-point state of EL0. Rows of state_regs.ts, in a file of their
// own because every context has them. Rows only.

import { FP_FEATS } from './fp_feats.ts';
import { choice, cond, reg, type StateReg } from './schema.ts';

// biome-ignore format: a table
export const FP_REGS = {
  SVCR:               reg([3, 3, 4, 2, 2],  { el: 0, feat: FP_FEATS.SVCR, bank: 'fp', traps: [cond('SMEN')], fields: { ZA: 1, SM: 0 } }),
  FPCR:               reg([3, 3, 4, 4, 0],  { el: 0, feat: FP_FEATS.FPCR, bank: 'fp', traps: [cond('FPEN')], fields: {
    AHP: 26, DN: 25, FZ: 24, RMode: choice(23, 22, { RN: 0, RP: 1, RM: 2, RZ: 3 }), Stride: [21, 20], FZ16: 19, Len: [18, 16], IDE: 15, EBF: 13,
    IXE: 12, UFE: 11, OFE: 10, DZE: 9, IOE: 8, NEP: 2, AH: 1, FIZ: 0 } }),
  FPSR:               reg([3, 3, 4, 4, 1],  { el: 0, feat: FP_FEATS.FPSR, bank: 'fp', traps: [cond('FPEN')], fields: {
    N: 31, Z: 30, C: 29, V: 28, QC: 27, IDC: 7, IXC: 4, UFC: 3, OFC: 2, DZC: 1, IOC: 0 } }),
  FPMR:               reg([3, 3, 4, 4, 2],  { el: 0, feat: FP_FEATS.FPMR, bank: 'fp', traps: [cond('FPEN'), 'SCTLR_EL1.EnFPM', 'HCRX_EL2.EnFPM'], fields: {
    LSCALE2: [37, 32], NSCALE: [31, 24], LSCALE: [22, 16], OSC: 15, OSM: 14, F8D: choice(8, 6, { E5M2: 0, E4M3: 1 }), F8S2: choice(5, 3, { E5M2: 0, E4M3: 1 }),
    F8S1: choice(2, 0, { E5M2: 0, E4M3: 1 }) } }),
} as const satisfies Readonly<Record<string, StateReg>>;
