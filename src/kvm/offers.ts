// ID fields that Linux 7.2 hides from every VM although hardware may have them, and that this KVM can offer to VMs of whoever
// asks (`--kvm-offer`): for each it knows how to enforce its absence and switches what belongs to it. Rows only, and the
// questions about them.

import { type Feat, type FieldPath, has } from '../arch/features.ts';
import type { FieldName, IdRegName } from '../arch/id_regs.ts';
import type { Host } from './host.ts';
import type { VmRegs } from './regs_state.ts';
import { type Condition, holds, vmHas } from './vm_features.ts';

interface Offer {
  /** What the host needs as well, and the VM when it first runs: else the field is 0. */
  readonly needs?: Feat;
  /** Only VMs of which this holds see it. */
  readonly onlyIf?: Condition;
  readonly why: string;
}
export const OFFERS = {
  'ID_AA64ISAR3_EL1.CPA':   { needs: 'FEAT_SCTLR2', why: 'CPA2 acts by SCTLR2_ELx.{CPTA,CPTA0,CPTM,CPTM0}: it comes only with SCTLR2_EL1, which is switched' },
  'ID_AA64ISAR3_EL1.TLBIW': { onlyIf: 'el2', why: 'TLBI VMALLWS2E1 belongs to who owns stage 2: a VM with EL2' },
} as const satisfies { readonly [P in FieldPath]?: Offer }; // biome-ignore format: a table
export type OfferName = keyof typeof OFFERS;
export const OFFER_NAMES = Object.keys(OFFERS) as readonly OfferName[];
export function isOffer(name: string): name is OfferName {
  return Object.hasOwn(OFFERS, name);
}

const hostHas = (host: Host, feat: Feat): boolean => has(feat, (packed) => host.raw.get(packed) ?? 0n);
/** Fields of an ID register that this VM is offered beyond those of Linux 7.2. */
export function offeredFields<R extends IdRegName>(vm: VmRegs, name: R): readonly FieldName<R>[] {
  if (vm.offer.length === 0) return [];
  return vm.offer.flatMap((path) => {
    const [reg, field] = path.split('.') as [IdRegName, FieldName<R>];
    const { needs, onlyIf }: Offer = OFFERS[path];
    const may = reg === name && (!needs || hostHas(vm.host, needs)) && (!onlyIf || holds(vm, onlyIf));
    return may ? [field] : [];
  });
}
/** Fields that have to go at the first run, because userspace has lowered what they need. */
export function unfounded(vm: VmRegs): readonly OfferName[] {
  return vm.offer.filter((path) => {
    const { needs }: Offer = OFFERS[path];
    return needs !== undefined && !vmHas(vm, needs);
  });
}
