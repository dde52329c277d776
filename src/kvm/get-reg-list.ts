// KVM_GET_REG_LIST: which registers does this vCPU have, in the kernel's order? Asks every class in turn.

import { regId } from '../uapi/reg_id.ts';
import { FW_REG_IDS } from './fw_regs.ts';
import { coreRegIds } from './guest.ts';
import type { VcpuRegs } from './regs_state.ts';
import { SVE_REG_IDS } from './sve_regs.ts';
import { CSSELR_MAX, visibleSysRegs } from './sys_regs.ts';
import { holds } from './vm_features.ts';

const DEMUX_IDS = Array.from({ length: CSSELR_MAX }, (_, csselr) => regId('U32', 'DEMUX', csselr));

/** The ids of an initialised (and, with SVE, finalised) vCPU. @linux kvm_arm_copy_reg_indices */
export function regList(vcpu: VcpuRegs): bigint[] {
  return [
    ...coreRegIds(vcpu),
    ...(holds(vcpu.vm, 'sve') ? SVE_REG_IDS : []),
    ...FW_REG_IDS,
    ...visibleSysRegs(vcpu.vm).map((r) => r.id),
    ...DEMUX_IDS,
  ];
}
