// From a register's name to its id: what regName does, backwards. Names of registers that a vCPU does not have are known
// too; that it does not have them is for KVM_GET_ONE_REG to say.

import { CORE_REG, type RegSize, regId, sysregId } from '../uapi/index.ts';
import { FW_REG_IDS } from './fw_regs.ts';
import { regName } from './reg_names.ts';
import { SVE_REG_IDS } from './sve_regs.ts';
import { SYS_REGS } from './sys_reg_table.ts';
import { CSSELR_MAX } from './sys_regs.ts';

const GENERIC = /^S([0-3])_([0-7])_C(\d{1,2})_C(\d{1,2})_([0-7])$/;

function coreIds(): bigint[] {
  const id = (size: RegSize) => (index: number) => regId(size, 'CORE', index);
  const doubles = Array.from({ length: CORE_REG.SPSR_FIQ / 2 + 1 }, (_, i) => i * 2).map(id('U64'));
  const vectors = Array.from({ length: 32 }, (_, i) => CORE_REG.V0 + i * 4).map(id('U128'));
  return [...doubles, ...vectors, ...[CORE_REG.FPSR, CORE_REG.FPCR].map(id('U32'))];
}

let table: ReadonlyMap<string, bigint> | undefined;
function names(): ReadonlyMap<string, bigint> {
  const caches = Array.from({ length: CSSELR_MAX }, (_, i) => regId('U32', 'DEMUX', i));
  const all = [...coreIds(), ...SVE_REG_IDS, ...FW_REG_IDS, ...SYS_REGS.map((r) => r.id), ...caches];
  return new Map(all.map((id) => [regName(id), id]));
}

/** The id of 'FPMR', 'X3', 'V7', 'PSCI_VERSION', 'CCSIDR_EL1[2]', 'S3_3_C4_C4_2'; undefined for no register's name. */
export function regIdByName(name: string): bigint | undefined {
  table ??= names();
  const known = table.get(name);
  if (known !== undefined) return known;
  const parts = GENERIC.exec(name)?.slice(1).map(Number);
  if (!parts || parts[2]! > 15 || parts[3]! > 15) return undefined;
  const [op0, op1, crn, crm, op2] = parts as [number, number, number, number, number];
  return sysregId(op0, op1, crn, crm, op2);
}
