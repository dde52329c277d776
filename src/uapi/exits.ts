// What kvm_run says of an exit beyond its reason: one row for each reason that arm64 has, with its part of the union.

import { KVM_EXIT } from './constants.ts';
import { decode, offsetOf, type Struct, type ValueOf } from './schema.ts';
import * as s from './structs.ts';

const nothing = s.exit_none;
export const EXIT_UNION = {
  UNKNOWN: nothing, HYPERCALL: s.exit_hypercall, DEBUG: s.exit_debug, MMIO: s.exit_mmio, FAIL_ENTRY: s.exit_fail_entry,
  INTR: nothing, INTERNAL_ERROR: s.exit_internal, SYSTEM_EVENT: s.exit_system_event, ARM_NISV: s.exit_arm_nisv,
  DIRTY_RING_FULL: nothing, MEMORY_FAULT: s.exit_memory_fault, ARM_SEA: s.exit_arm_sea, ARM_LDST64B: s.exit_arm_nisv,
} as const satisfies Partial<Record<keyof typeof KVM_EXIT, Struct>>;

export type ExitReason = keyof typeof EXIT_UNION;
/** An exit: `reason`, and the fields of its part of the union under the kernel's names. */
export type KvmExit = { readonly [R in ExitReason]: { readonly reason: R } & Readonly<ValueOf<(typeof EXIT_UNION)[R]>> }[ExitReason];

const byNumber = new Map<number, ExitReason>((Object.keys(EXIT_UNION) as ExitReason[]).map(r => [KVM_EXIT[r], r]));
const REASON_OFFSET = offsetOf(s.kvm_run, 'exit_reason');
/** Where the union lies in kvm_run. */
export const EXIT_OFFSET = offsetOf(s.kvm_run, 'exit');

/** @param page of kvm_run. @returns undefined for a reason that arm64 does not have */
export function decodeExit(page: Uint8Array): KvmExit | undefined {
  const reason = byNumber.get(new DataView(page.buffer, page.byteOffset).getUint32(REASON_OFFSET, true));
  return reason && ({ reason, ...(decode<unknown>(EXIT_UNION[reason], page, EXIT_OFFSET) as object) } as KvmExit);
}
