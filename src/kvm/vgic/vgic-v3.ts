// What is particular to GICv3: where the redistributors lie, and the CPU interface's registers while the vCPU is not
// running. @linux arch/arm64/kvm/vgic/vgic-v3.c, vgic-mmio-v3.c (redistributor regions)

import { BASER_FIELDS, ICC_SRE, ICH_VTR } from '../../arch/gic.ts';
import { extract } from '../../base/bits.ts';
import { refuse } from '../errors.ts';
import type { Vcpu } from '../vcpu.ts';
import type { Vm } from '../vm.ts';
import type { RedistRegion } from './vgic.ts';
import { defaultAttributes } from './vgic-baser.ts';
import { type VmcrField, vmcrField, withVmcrField } from './vgic-cpuif.ts';
import { frameDevice } from './vgic-mmio.ts';
import { REDIST_SIZE, V3_REDIST_REGISTERS } from './vgic-mmio-v3.ts';

const FRAME_64K = 0x10000n;
const DIST_SIZE = FRAME_64K;

/**
 * Whether `addr` and `size` may be a device's place.
 * @throws EEXIST where it has one, EINVAL for a bad alignment or end, E2BIG outside the VM's addresses
 * @linux vgic_check_iorange
 */
export function checkPlace(vm: Vm, old: bigint | undefined, addr: bigint, alignment: bigint, size: bigint): void {
  if (old !== undefined) throw refuse.EEXIST;
  if (addr % alignment !== 0n || size % alignment !== 0n) throw refuse.EINVAL;
  if (BigInt.asUintN(64, addr + size) < addr) throw refuse.EINVAL;
  const end = 1n << BigInt(vm.ipaBits);
  if (addr >= end || addr + size > end) throw refuse.E2BIG;
}

function regionSize(vm: Vm, r: RedistRegion): bigint {
  return BigInt(r.count || vm.vcpus.length) * REDIST_SIZE;
}
function meetsRedists(vm: Vm, base: bigint, size: bigint): boolean {
  return vm.vgic.redistRegions.some((r) => base + size > r.base && base < r.base + regionSize(vm, r));
}
/** No frames meet, none leaves the address space. A legacy region grows with the vCPUs, so ask again. @linux vgic_v3_check_base */
export function checkBases(vm: Vm): boolean {
  const { distBase, redistRegions } = vm.vgic;
  try {
    for (const r of redistRegions) checkPlace(vm, undefined, r.base, FRAME_64K, regionSize(vm, r));
  } catch {
    return false;
  }
  return distBase === undefined || !meetsRedists(vm, distBase, DIST_SIZE);
}

/** Puts a vCPU's redistributor into the first region with room. @throws EINVAL, ENOSPC. @linux vgic_register_redist_iodev */
export function registerRedist(vcpu: Vcpu): void {
  const { vm, vgic } = vcpu;
  const region = vm.vgic.redistRegions.find((r) => r.count === 0 || r.used < r.count);
  if (vgic.redistBase !== undefined || !region) return;
  if (!checkBases(vm)) throw refuse.EINVAL;
  const base = region.base + BigInt(region.used) * REDIST_SIZE;
  vm.buses.mmio.register(base, Number(REDIST_SIZE), frameDevice('vgic-redist', vm, base, V3_REDIST_REGISTERS, vcpu));
  vgic.redistBase = base;
  vgic.region = region;
  vgic.regionIndex = region.used++;
}

/**
 * Adds a region of redistributors. @param count 0: the legacy form, one for all vCPUs
 * @throws EINVAL, EEXIST, E2BIG. @linux vgic_v3_set_redist_base
 */
export function setRedistBase(vm: Vm, index: number, base: bigint, count: number): void {
  const regions = vm.vgic.redistRegions;
  const size = BigInt(count || vm.vcpus.length) * REDIST_SIZE;
  if (BigInt.asUintN(64, base + size) < base) throw refuse.EINVAL;
  const last = regions.at(-1);
  if (!last) {
    if (index !== 0) throw refuse.EINVAL;
  } else {
    if (count === 0) throw last.count !== 0 ? refuse.EINVAL : refuse.EEXIST;
    if (index !== last.index + 1) throw refuse.EINVAL;
  }
  const { distBase } = vm.vgic;
  if (count === 0 && distBase !== undefined && base + size > distBase && base < distBase + DIST_SIZE)
    throw refuse.EINVAL;
  if (meetsRedists(vm, base, size)) throw refuse.EINVAL;
  checkPlace(vm, undefined, base, FRAME_64K, size);
  const region: RedistRegion = { index, base, count, used: 0 };
  regions.push(region);
  try {
    for (const vcpu of vm.vcpus) registerRedist(vcpu);
  } catch (e) {
    regions.pop();
    for (const vcpu of vm.vcpus) if (vcpu.vgic.region === region) vcpu.vgic.region = undefined;
    throw e;
  }
}

/** @linux vgic_v3_reset */
export function resetCpuInterface(vcpu: Vcpu): void {
  const { vgic } = vcpu;
  const vtr = vcpu.vm.kvm.gic.vtr;
  const v3 = vcpu.vm.vgic.model === 'v3';
  vgic.vmcr = 0;
  vgic.sre = v3 ? ICC_SRE.DIB | ICC_SRE.DFB | ICC_SRE.SRE : 0;
  if (v3) vgic.pendbaser = defaultAttributes(BASER_FIELDS.GICR_PENDBASER);
  vgic.idBits = Number(extract(vtr, ...ICH_VTR.IDbits));
  vgic.priBits = Number(extract(vtr, ...ICH_VTR.PRIbits)) + 1;
}

/** How many active priority registers of a group the priority bits need, minus one. @linux vgic_v3_max_apr_idx */
export function maxAprIndex(vcpu: Vcpu): number {
  return vcpu.vgic.priBits === 7 ? 3 : vcpu.vgic.priBits === 6 ? 1 : 0;
}

/** A field of the CPU interface settings. @linux vgic_get_vmcr */
export function getVmcr(vcpu: Vcpu, field: VmcrField): number {
  return vmcrField(vcpu.vgic.vmcr, field);
}
/** With system registers VFIQEn is one and VAckCtl zero for good. @linux vgic_v3_set_vmcr */
export function setVmcr(vcpu: Vcpu, field: VmcrField, value: number): void {
  let vmcr = withVmcrField(vcpu.vgic.vmcr, field, value);
  if (vcpu.vm.vgic.model !== 'v2') vmcr = withVmcrField(withVmcrField(vmcr, 'VFIQEn', 1), 'VAckCtl', 0);
  vcpu.vgic.vmcr = vmcr;
  vcpu.vgic.signal = undefined;
}
