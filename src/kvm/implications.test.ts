// 18b: a VM's ID registers hang together. Arm's implications (FEAT_SVE2 needs FEAT_SVE) are held against every feature set
// on several hosts, and against everything that userspace may take away.

import { expect, test } from 'vitest';
import {
  bytesOf,
  FEATURE_SETS,
  field,
  maxHost,
  newVcpu,
  newVm,
  recordedHost,
  wordOf,
} from '../../test/kit/kvm_regs.ts';
import { FEATURES, has } from '../arch/features.ts';
import { ID_REG_NAMES, idRegRow } from '../arch/id_fields.ts';
import { ID_REGS } from '../arch/id_regs.ts';
import { unmetRequirements } from '../arch/requirements.ts';
import { fieldMask } from '../base/bits.ts';
import { regId } from '../uapi/reg_id.ts';
import { getOneReg, setOneReg } from './guest.ts';
import type { VmRegs } from './regs_state.ts';
import { readVmIdReg } from './vm_features.ts';

const mteOf = field('ID_AA64PFR1_EL1', 'MTE', 3);
const hosts = {
  max: maxHost(mteOf),
  'neoverse-v1': recordedHost('neoverse-v1-vhe', 'vhe'),
  'cortex-a57': recordedHost('cortex-a57-nvhe', 'nvhe'),
};
const all = (Object.keys(hosts) as (keyof typeof hosts)[]).flatMap((host) =>
  Object.keys(FEATURE_SETS).flatMap((set) => [false, true].map((mte) => [host, set, mte ? 'with' : 'without', mte] as const)),
); // biome-ignore format: three loops
function make(host: keyof typeof hosts, set: string, mte: boolean): VmRegs | undefined {
  const h = hosts[host];
  if (mte && !h.hasMte) return undefined;
  const vm = newVm(h, (v) => {
    v.mte = mte;
  });
  try {
    newVcpu(vm, FEATURE_SETS[set]!);
  } catch {
    return undefined; // there are no such VMs on this host
  }
  return vm;
}
/** There are such VMs on the host. */
const cases = all.filter(([host, set, , mte]) => make(host, set, mte) !== undefined);
const unmet = (read: (packed: number) => bigint): string[] =>
  unmetRequirements(read).map((u) => `${u.feat} needs ${u.needs}`);
const ofVm = (vm: VmRegs): string[] => unmet((packed) => readVmIdReg(vm, packed));

/** Where Linux shows a part of what Arm has as a whole: recorded, and the only two. */
const KNOWN: readonly RegExp[] = [
  /^FEAT_MTE_(TAGGED_FAR|STORE_ONLY) needs FEAT_MTE4$/, // the rest of FEAT_MTE4 is shown to nobody
  /^FEAT_E2H0 needs FEAT_VHE$/, // a VM with HCR_EL2.E2H = 0 for good
];

test.each(cases)('on %s, %s, %s MTE: KVM takes nothing away that something else stands on', (host, set, _, mte) => {
  const vm = make(host, set, mte)!;
  const ofHost = new Set(unmet((packed) => vm.host.raw.get(packed) ?? 0n));
  expect(ofVm(vm).filter((u) => !ofHost.has(u) && !KNOWN.some((k) => k.test(u)))).toEqual([]);
});

test.each(cases)('on %s, %s, %s MTE: what userspace lowers takes away only what it names', (host, set, _, mte) => {
  const vm = make(host, set, mte)!;
  const vcpu = vm.vcpus[0]!;
  const read = (packed: number): bigint => readVmIdReg(vm, packed);
  const before = new Set(ofVm(vm));
  const hadBefore = new Map(FEATURES.map((f) => [f, has(f, read)]));
  const wrong: string[] = [];
  let lowered = 0;
  for (const name of ID_REG_NAMES) {
    const id = regId('U64', 'SYSREG', ID_REGS[name].enc);
    const was = getOneReg(vcpu, id);
    if (typeof was === 'number' || name === 'MIDR_EL1') continue;
    for (const [f, { hi, lo }] of Object.entries(idRegRow(name).fields)) {
      const mask = fieldMask(hi, lo);
      const now = (wordOf(was) & mask) >> BigInt(lo);
      for (let v = 0n; v < now; v++) {
        if (setOneReg(vcpu, id, bytesOf((wordOf(was) & ~mask) | (v << BigInt(lo)))) !== 0) continue;
        lowered++;
        for (const { feat, needs } of unmetRequirements(read)) {
          if (before.has(`${feat} needs ${needs}`)) continue;
          // The lowered field has taken the needed feature away, or (a condition) named it: nothing else has moved.
          const named = FEATURES.filter((x) => needs.includes(x) || feat === x);
          if (!named.some((x) => hadBefore.get(x) !== has(x, read))) wrong.push(`${name}.${f} = ${v}: ${feat} needs ${needs}`);
        }
        const mteGone = !has('FEAT_MTE2', read);
        if (mteGone && (has('FEAT_MTE_TAGGED_FAR', read) || has('FEAT_MTE_STORE_ONLY', read))) wrong.push(`${name}.${f} = ${v}: parts of MTE remain`);
        setOneReg(vcpu, id, was);
      }
    }
  }
  expect(wrong).toEqual([]);
  expect(lowered).toBeGreaterThan(host === 'cortex-a57' ? 5 : 50);
}); // biome-ignore format: nested loops
