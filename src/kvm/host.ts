// The host CPU as KVM finds it: raw ID registers in, facts out. Whatever KVM derives from hardware is derived here
// once; nothing here knows a VM. What ID registers cannot say is an explicit field with a stated default.

/** @linux kvm-arm.mode; 'nested' is VHE with FEAT_NV2. */
export type KvmMode = 'vhe' | 'nvhe' | 'protected' | 'nested';

export interface HostSpec {
  /** Feature ID registers as hardware has them, by packed encoding (op0<<14 | op1<<11 | CRn<<7 | CRm<<3 | op2). */
  readonly raw: ReadonlyMap<number, bigint>;
  readonly mode: KvmMode;
  /** Online CPUs (default 2). */
  readonly cpus?: number;
}

export interface Host {
  readonly mode: KvmMode;
  readonly cpus: number;
  readonly raw: ReadonlyMap<number, bigint>;
}
