// The stack that signals are taken on, if a thread has one (sigaltstack). Every thread asks; few take signals.

/** @linux struct stack_t */
export interface AltStack {
  readonly sp: bigint;
  readonly size: bigint;
  /** SS_ flags. */
  readonly flags: number;
}
export const SS_ONSTACK = 1;
export const SS_DISABLE = 2;
export const SS_AUTODISARM = 0x8000_0000;
export const NO_ALT_STACK: AltStack = { sp: 0n, size: 0n, flags: SS_DISABLE };
