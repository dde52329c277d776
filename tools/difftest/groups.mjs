// The groups of instructions that can be tested, by the name of their table.

import { A64 } from '../../dist/isa/a64.js';
import { branches } from '../../dist/isa/branches.js';
import { dpImm } from '../../dist/isa/dp_imm.js';
import { dpReg } from '../../dist/isa/dp_reg.js';
import { ldst } from '../../dist/isa/ldst.js';
import { ldstAtomic } from '../../dist/isa/ldst_atomic.js';
import { ldstExclusive } from '../../dist/isa/ldst_exclusive.js';
import { ldstFp } from '../../dist/isa/ldst_fp.js';
import { mops } from '../../dist/isa/mops.js';
import { pauth } from '../../dist/isa/pauth.js';
import { system } from '../../dist/isa/system.js';

export const groups = {
  dp_imm: dpImm,
  dp_reg: dpReg,
  branches,
  system,
  pauth,
  ldst,
  ldst_fp: ldstFp,
  ldst_exclusive: ldstExclusive,
  ldst_atomic: ldstAtomic,
  mops,
};
const named = new Set(Object.values(groups));
/** Floating point and vectors, without SVE, which sve.mjs draws. */
export const vectors = A64.filter((g) => !named.has(g) && !g.sve);
export const all = A64;
