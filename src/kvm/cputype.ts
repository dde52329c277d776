// Which implementation is this? MIDR_EL1 as a name, and the few lists of implementations that Linux treats apart
// because a vulnerability or an erratum is not visible in any feature field. Says nothing about features.

import { readField } from '../arch/id_fields.ts';
import { ID_REGS } from '../arch/id_regs.ts';

/** Implementer and part number. Numbers as assigned by Arm and by each implementer. */
// biome-ignore format: a table
const PARTS = {
  Cortex_A35:  [0x41, 0xd04], Cortex_A53:  [0x41, 0xd03], Cortex_A55:  [0x41, 0xd05], Cortex_A57:   [0x41, 0xd07],
  Cortex_A72:  [0x41, 0xd08], Cortex_A73:  [0x41, 0xd09], Cortex_A76:  [0x41, 0xd0b], Cortex_A76AE: [0x41, 0xd0e],
  Cortex_A77:  [0x41, 0xd0d], Cortex_A78:  [0x41, 0xd41], Cortex_A78AE: [0x41, 0xd42], Cortex_A78C: [0x41, 0xd4b],
  Cortex_A510: [0x41, 0xd46], Cortex_A520: [0x41, 0xd80], Cortex_A710: [0x41, 0xd47], Cortex_A715:  [0x41, 0xd4d],
  Cortex_A720: [0x41, 0xd81], Cortex_A720AE: [0x41, 0xd89], Cortex_A725: [0x41, 0xd87], Cortex_X925: [0x41, 0xd85],
  Cortex_X1:   [0x41, 0xd44], Cortex_X1C:  [0x41, 0xd4c], Cortex_X2:   [0x41, 0xd48], Cortex_X3:    [0x41, 0xd4e],
  Cortex_X4:   [0x41, 0xd82],
  Neoverse_N1: [0x41, 0xd0c], Neoverse_N2: [0x41, 0xd49], Neoverse_N3: [0x41, 0xd8e], Neoverse_V1:  [0x41, 0xd40],
  Neoverse_V2: [0x41, 0xd4f], Neoverse_V3: [0x41, 0xd84], Neoverse_V3AE: [0x41, 0xd83],
  Brahma_B53:  [0x42, 0x100], Vulcan:      [0x42, 0x516], ThunderX2:   [0x43, 0x0af], A64FX:        [0x46, 0x001],
  TSV110:      [0x48, 0xd01], HIP09:       [0x48, 0xd02], Carmel:      [0x4e, 0x004],
  Kryo_2XX_Gold: [0x51, 0x800], Kryo_2XX_Silver: [0x51, 0x801], Kryo_3XX_Silver: [0x51, 0x803],
  Kryo_4XX_Gold: [0x51, 0x804], Kryo_4XX_Silver: [0x51, 0x805], Oryon_X1: [0x51, 0x001],
  M1_Icestorm:     [0x61, 0x022], M1_Firestorm:     [0x61, 0x023], M1_Icestorm_Pro:  [0x61, 0x024],
  M1_Firestorm_Pro: [0x61, 0x025], M1_Icestorm_Max: [0x61, 0x028], M1_Firestorm_Max: [0x61, 0x029],
  M2_Blizzard:     [0x61, 0x032], M2_Avalanche:     [0x61, 0x033], M2_Blizzard_Pro:  [0x61, 0x034],
  M2_Avalanche_Pro: [0x61, 0x035], M2_Blizzard_Max: [0x61, 0x038], M2_Avalanche_Max: [0x61, 0x039],
  Ampere1:     [0xc0, 0xac3], AEM_V8: [0x41, 0xd0f], Foundation: [0x41, 0xd00], XGene: [0x50, 0x000],
} as const;
export type Part = keyof typeof PARTS;

const nameOf = new Map<number, Part>(
  (Object.keys(PARTS) as Part[]).map((p) => [(PARTS[p][0] << 12) | PARTS[p][1], p] as const),
);

/** The implementation that a MIDR_EL1 value names; undefined for the ones no list here mentions. */
export function partOf(midr: bigint): Part | undefined {
  const f = ID_REGS.MIDR_EL1.fields;
  return nameOf.get((readField(midr, f.Implementer) << 12) | readField(midr, f.PartNum));
}

const KRYO_SILVER = ['Kryo_2XX_Silver', 'Kryo_3XX_Silver', 'Kryo_4XX_Silver'] as const;
const IN_ORDER = ['Cortex_A35', 'Cortex_A53', 'Cortex_A55', 'Brahma_B53'] as const;
const APPLE_M2 = [
  'M2_Blizzard', 'M2_Avalanche', 'M2_Blizzard_Pro', 'M2_Avalanche_Pro', 'M2_Blizzard_Max', 'M2_Avalanche_Max',
] as const; // biome-ignore format: a table

/** Lists that Linux keeps of implementations, by what it concludes from membership. */
export const IMPLEMENTATIONS = {
  /** Not affected by Spectre v2 although CSV2 does not say so. @linux spectre_v2_safe_list */
  spectreV2Safe: [...IN_ORDER, ...KRYO_SILVER, 'TSV110'],
  /** Not affected by Spectre v4. @linux spectre_v4_safe_list */
  spectreV4Safe: [...IN_ORDER, 'Kryo_3XX_Silver', 'Kryo_4XX_Silver'],
  /** Not affected by branch history injection. @linux spectre_bhb_safe_list */
  spectreBhbSafe: [...IN_ORDER, ...KRYO_SILVER, 'Cortex_A510', 'Cortex_A520'],
  /** A loop of branches mitigates branch history injection. @linux spectre_bhb_loop_affected */
  spectreBhbLoop: [
    'Cortex_X3', 'Neoverse_V2', 'Cortex_A715', 'Cortex_A720', 'Cortex_A720AE', 'Cortex_A78', 'Cortex_A78AE',
    'Cortex_A78C', 'Cortex_X1', 'Cortex_X1C', 'Cortex_A710', 'Cortex_X2', 'Neoverse_N2', 'Neoverse_V1', 'TSV110',
    'Cortex_A76', 'Cortex_A76AE', 'Cortex_A77', 'Neoverse_N1', 'Kryo_4XX_Gold', 'HIP09', 'Ampere1', 'Cortex_A72',
    'Cortex_A57',
  ], // biome-ignore format: a table
  /** Not affected by Meltdown although CSV3 does not say so. @linux kpti_safe_list */
  meltdownSafe: [
    ...IN_ORDER, ...KRYO_SILVER, 'ThunderX2', 'Vulcan', 'Cortex_A57', 'Cortex_A72', 'Cortex_A73', 'TSV110', 'Carmel',
    'Kryo_2XX_Gold',
  ], // biome-ignore format: a table
  /** HCR_EL2.NV1 cannot be relied on. @linux nv1_ni_list */
  brokenNv1: APPLE_M2,
  /** The virtual counter offset does not work. @linux ARM64_WORKAROUND_QCOM_ORYON_CNTVOFF */
  brokenCntvoff: ['Oryon_X1'],
  /** An IMPLEMENTATION DEFINED PMU whose PMUv3 registers can be trapped. @linux impdef_pmuv3_cpus */
  trappablePmu: [
    ...APPLE_M2, 'M1_Icestorm', 'M1_Firestorm', 'M1_Icestorm_Pro', 'M1_Firestorm_Pro', 'M1_Icestorm_Max',
    'M1_Firestorm_Max',
  ], // biome-ignore format: a table
} as const satisfies Readonly<Record<string, readonly Part[]>>;
export type ImplementationList = keyof typeof IMPLEMENTATIONS;

export function isListed(list: ImplementationList, midr: bigint): boolean {
  const part = partOf(midr);
  return part !== undefined && (IMPLEMENTATIONS[list] as readonly Part[]).includes(part);
}

/** SVE vector lengths in units of 128 bits, where the part fixes them and no ID register tells. */
export const VECTOR_LENGTHS: Readonly<Partial<Record<Part, readonly number[]>>> = {
  A64FX: [1, 2, 4],
  Neoverse_V1: [1, 2],
  Neoverse_V2: [1],
  Neoverse_N2: [1],
  Neoverse_N3: [1],
  Neoverse_V3: [1],
  Neoverse_V3AE: [1],
  Cortex_A510: [1],
  Cortex_A520: [1],
  Cortex_A710: [1],
  Cortex_A715: [1],
  Cortex_A720: [1],
  Cortex_A720AE: [1],
  Cortex_A725: [1],
  Cortex_X2: [1],
  Cortex_X3: [1],
  Cortex_X4: [1],
  Cortex_X925: [1],
};
/** Event counters of the PMU (PMCR_EL0.N), where it is not the usual six. */
export const EVENT_COUNTERS: Readonly<Partial<Record<Part, number>>> = { A64FX: 8, Cortex_A710: 20 };
/** What KVM_ARM_VCPU_INIT takes as target besides the generic one. @linux kvm_target_cpu */
export const INIT_TARGET: Readonly<Partial<Record<Part, number>>> = {
  AEM_V8: 0, Foundation: 1, Cortex_A57: 2, XGene: 3, Cortex_A53: 4,
}; // biome-ignore format: a table
