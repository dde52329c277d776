// The statistics files of VMs and vCPUs: a header, a name, descriptors and the counters, in one readable file.
// One row a statistic; sizes, offsets and the bytes of the file follow. @linux virt/kvm/binary_stats.c

import type { HostFile } from '../base/hostfile.ts';
import { encode, KVM_LIMITS, structs } from '../uapi/index.ts';

type Kind = 'count' | 'nanoseconds' | 'histogram' | 'boolean';

/** type<3:0> unit<7:4> base<11:8> of kvm_stats_desc.flags, the exponent of the unit, and the number of values. */
// biome-ignore format: a table
const KINDS: Readonly<Record<Kind, { readonly flags: number; readonly exponent: number; readonly size: number }>> = {
  count:       { flags: 0x00, exponent: 0,  size: 1 },    // cumulative, no unit, powers of ten
  nanoseconds: { flags: 0x20, exponent: -9, size: 1 },    // cumulative, seconds
  histogram:   { flags: 0x24, exponent: -9, size: 32 },   // logarithmic histogram, seconds
  boolean:     { flags: 0x41, exponent: 0,  size: 1 },    // instant, boolean
};

export const VM_STATS = { remote_tlb_flush: 'count', remote_tlb_flush_requests: 'count' } as const;
// biome-ignore format: a table
export const VCPU_STATS = {
  halt_successful_poll: 'count', halt_attempted_poll: 'count', halt_poll_invalid: 'count', halt_wakeup: 'count',
  halt_poll_success_ns: 'nanoseconds', halt_poll_fail_ns: 'nanoseconds', halt_wait_ns: 'nanoseconds',
  halt_poll_success_hist: 'histogram', halt_poll_fail_hist: 'histogram', halt_wait_hist: 'histogram', blocking: 'boolean',
  hvc_exit_stat: 'count', wfe_exit_stat: 'count', wfi_exit_stat: 'count', mmio_exit_user: 'count', mmio_exit_kernel: 'count',
  signal_exits: 'count', exits: 'count',
} as const;

/** The counters of one VM or vCPU. */
export class Stats<N extends string = string> {
  /** Shown in the file: `kvm-PID` or `kvm-PID/vcpu-N`. */
  readonly id: string;
  readonly rows: readonly (readonly [N, Kind])[];
  readonly values: BigUint64Array;
  private readonly index = new Map<N, number>();

  constructor(id: string, rows: Readonly<Record<N, Kind>>) {
    this.id = id;
    this.rows = Object.entries(rows) as [N, Kind][];
    let at = 0;
    for (const [name, kind] of this.rows) {
      this.index.set(name, at);
      at += KINDS[kind].size;
    }
    this.values = new BigUint64Array(at);
  }
  /** Counts one more. */
  count(name: N): void {
    this.values[this.index.get(name)!]!++;
  }
  get(name: N): bigint {
    return this.values[this.index.get(name)!]!;
  }
}
export type VmStats = Stats<keyof typeof VM_STATS>;
export type VcpuStats = Stats<keyof typeof VCPU_STATS>;

function text(s: string): Uint8Array {
  const bytes = new Uint8Array(KVM_LIMITS.STATS_NAME_SIZE);
  for (let i = 0; i < Math.min(s.length, bytes.length - 1); i++) bytes[i] = s.charCodeAt(i);
  return bytes;
}

/** The file as it is now. */
function image(stats: Stats): Uint8Array {
  const head = structs.kvm_stats_header;
  const desc = structs.kvm_stats_desc;
  const name_size = KVM_LIMITS.STATS_NAME_SIZE;
  const desc_offset = head.size + name_size;
  const data_offset = desc_offset + stats.rows.length * desc.size;
  const out = new Uint8Array(data_offset + stats.values.byteLength);
  const id_offset = head.size;
  out.set(encode(head, { name_size, num_desc: stats.rows.length, id_offset, desc_offset, data_offset }));
  out.set(text(stats.id), id_offset);
  let offset = 0;
  for (const [i, [name, kind]] of stats.rows.entries()) {
    const { flags, exponent, size } = KINDS[kind];
    out.set(encode(desc, { flags, exponent, size, offset, name: text(name) }), desc_offset + i * desc.size);
    offset += size * 8;
  }
  out.set(new Uint8Array(stats.values.buffer), data_offset);
  return out;
}

/** @param release called once, when the last descriptor goes away */
export function statsFile(stats: Stats, release: () => void): HostFile {
  let position = 0;
  const pread = (out: Uint8Array, offset: bigint): number => {
    const bytes = image(stats);
    if (offset >= BigInt(bytes.length)) return 0;
    const part = bytes.subarray(Number(offset), Number(offset) + out.length);
    out.set(part);
    return part.length;
  };
  return {
    kind: 'kvm-stats',
    pread,
    read: (out) => {
      const n = pread(out, BigInt(position));
      position += n;
      return n;
    },
    close: release,
  };
}
