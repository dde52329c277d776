// `hypatia exec --trace fp`: what becomes of the FP registers of each CPU while guests run, one line an event, as text for
// people or as JSON for programs.

import type { Trace, TraceFields } from '../kvm/trace.ts';

export const TRACE_FORMATS = ['text', 'json'] as const;
export type TraceFormat = (typeof TRACE_FORMATS)[number];

const hex = (v: unknown): string => (typeof v === 'bigint' ? `0x${v.toString(16)}` : String(v));
const fpmr = (f: TraceFields): string => (f['fpmr'] === undefined ? '' : `, FPMR ${hex(f['fpmr'])}`);

/** What an event says, after the CPU. */
const TEXT: Readonly<Record<string, (f: TraceFields) => string>> = {
  fp_load: (f) =>
    `vCPU ${f['vcpu']} loaded; saved: ${f['saved']}${f['saved'] === 'host' ? fpmr(f) : ''}; owner: ${f['owner']}`,
  fp_trap: (f) =>
    `vCPU ${f['vcpu']} used FP at ${hex(f['pc'])}: trap, EC 0x${Number(f['ec']).toString(16).padStart(2, '0')}`,
  fp_guest: (f) => `vCPU ${f['vcpu']}: its values loaded${fpmr(f)}; owner: guest`,
  fp_put: (f) => `vCPU ${f['vcpu']} put; saved: guest${fpmr(f)}; owner: free`,
  fp_restored: () => "the hypervisor gave the host's values back; owner: host",
  fp_user: (f) => `thread ${f['tid']} returns to its program; its values loaded${fpmr(f)}`,
};
const SHARING: Readonly<Record<string, string>> = { hyp_share: 'shared with', hyp_unshare: 'taken back from' };

/** @param write one line */
export function fpTrace(format: TraceFormat, write: (line: string) => void): Trace {
  if (format === 'json')
    return (event, fields) =>
      write(JSON.stringify({ event, ...fields }, (_, v: unknown) => (typeof v === 'bigint' ? hex(v) : v)));
  return (event, fields) => {
    const sharing = SHARING[event];
    if (sharing)
      write(
        `[fp] ${fields['what']}: ${fields['bytes']} bytes ${sharing} the hypervisor; it sees ${fields['shared']} in all`,
      );
    else write(`[fp] CPU ${fields['cpu']}: ${TEXT[event]?.(fields) ?? event}`);
  };
}
