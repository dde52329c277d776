// Register ids as words, for people: --strace, test messages, difference lists. Decides nothing.

import { encText } from '../arch/schema.ts';
import { extract } from '../base/bits.ts';
import { CORE_REG, isArm64Reg, regClass, regIndex } from '../uapi/reg_id.ts';
import { SMCCC_SERVICES } from './fw_regs.ts';
import { sysRegAt } from './sys_reg_table.ts';

const FW = ['PSCI_VERSION', 'SMCCC_ARCH_WORKAROUND_1', 'SMCCC_ARCH_WORKAROUND_2', 'SMCCC_ARCH_WORKAROUND_3'] as const;
const coreNames = new Map<number, string>(Object.entries(CORE_REG).map(([name, index]) => [index, name]));

/** The name of a KVM_{GET,SET}_ONE_REG id: 'FPMR', 'X3', 'V7', 'CCSIDR_EL1[2]', else the id in hexadecimal. */
export function regName(id: bigint): string {
  const index = regIndex(id);
  const plain = '0x' + id.toString(16);
  if (!isArm64Reg(id) || extract(id, 31, 28) !== 0n) return plain;
  switch (regClass(id)) {
    case 'CORE':
      return coreName(index) ?? plain;
    case 'DEMUX':
      return index < 14 ? `CCSIDR_EL1[${index}]` : plain;
    case 'SYSREG':
      return sysRegAt(index)?.name ?? encText(index);
    case 'FW':
      return FW[index] ?? plain;
    case 'FW_FEAT_BMAP':
      return SMCCC_SERVICES[index]?.name ?? plain;
    case 'SVE':
      return sveName(index) ?? plain;
    default:
      return plain;
  }
}
function coreName(index: number): string | undefined {
  if (index < CORE_REG.SP_EL0 && index % 2 === 0) return `X${index / 2}`;
  if (index >= CORE_REG.V0 && index < CORE_REG.FPSR && index % 4 === 0) return `V${(index - CORE_REG.V0) / 4}`;
  return coreNames.get(index);
}
function sveName(index: number): string | undefined {
  if (index === 0xffff) return 'SVE_VLS';
  if ((index & 31) !== 0) return undefined;
  if (index < 0x400) return `Z${index >> 5}`;
  return index < 0x600 ? `P${(index >> 5) & 31}` : index === 0x600 ? 'FFR' : undefined;
}
