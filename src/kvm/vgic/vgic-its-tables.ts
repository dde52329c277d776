// The ITS's tables in guest memory, for migration: every device, translation and collection written out, and read back.
// The layout is revision 0 of the ABI. @linux Documentation/virt/kvm/devices/arm-vgic-its.rst

import { extract } from '../../base/bits.ts';
import { refuse } from '../errors.ts';
import { readGuestU64, writeGuestU64 } from '../guest_memory.ts';
import { MIN_LPI } from './vgic.ts';
import {
  addLpi, DEVICE_BITS, ENTRY_SIZE, EVENT_BITS, entryAddress, freeCollections, freeDevice, freeDevices, hasEvent, type Its, type ItsDevice, isIndirect,
  isValidBaser, PAGE_64K, tableAddress, tableBytes,
} from './vgic-its.ts'; // biome-ignore format: one list

/** next<63:48> LPI<47:16> collection<15:0> */
const ITE_NEXT_MAX = 2 ** EVENT_BITS - 1;
/** valid<63> next<62:49> ITT address<48:5> event bits - 1<4:0> */
const DTE_NEXT_MAX = 2 ** (DEVICE_BITS - 2) - 1;

function put(its: Its, addr: bigint, value: bigint): void {
  if (!writeGuestU64(its.vm, addr, value)) throw refuse.EFAULT;
}
function sorted<T>(map: ReadonlyMap<number, T>): T[] {
  return [...map].sort(([a], [b]) => a - b).map(([, v]) => v);
}

/** KVM_DEV_ARM_ITS_SAVE_TABLES. @throws EFAULT */
export function saveTables(its: Its): void {
  if (isValidBaser(its.baserDevice)) {
    const devices = sorted(its.devices).flatMap((d) => {
      const addr = entryAddress(its, its.baserDevice, d.id);
      return addr === undefined ? [] : [{ d, addr }]; // not storable: leaving it out is better than failing
    });
    for (const [i, { d, addr }] of devices.entries()) {
      saveItt(its, d);
      const next = devices[i + 1];
      const offset = next ? Math.min(next.d.id - d.id, DTE_NEXT_MAX) : 0;
      put(its, addr, (1n << 63n) | (BigInt(offset) << 49n) | ((d.ittAddr >> 8n) << 5n) | BigInt(d.eventBits - 1));
    }
  }
  saveCollections(its);
}
function saveItt(its: Its, d: ItsDevice): void {
  const ites = sorted(d.ites);
  for (const [i, ite] of ites.entries()) {
    const next = ites[i + 1];
    const offset = next ? Math.min(next.event - ite.event, ITE_NEXT_MAX) : 0;
    const entry = ite.collection
      ? (BigInt(offset) << 48n) | (BigInt(ite.irq.intid) << 16n) | BigInt(ite.collection.id)
      : 0n;
    put(its, d.ittAddr + BigInt(ite.event * ENTRY_SIZE), entry);
  }
}
const UNMAPPED = 0xffff_ffff;
/** valid<63> vCPU<51:16> collection<15:0>, one after the other, an invalid one last. */
function saveCollections(its: Its): void {
  if (!isValidBaser(its.baserCollection)) return;
  let addr = tableAddress(its.baserCollection);
  const end = addr + BigInt(tableBytes(its.baserCollection));
  for (const c of its.collections.values()) {
    put(its, addr, (1n << 63n) | (BigInt(c.target ?? UNMAPPED) << 16n) | BigInt(c.id));
    addr += BigInt(ENTRY_SIZE);
  }
  if (addr !== end) put(its, addr, 0n);
}

/** KVM_DEV_ARM_ITS_RESTORE_TABLES. @throws EINVAL, EFAULT, EEXIST; then nothing is mapped */
export function restoreTables(its: Its): void {
  try {
    restoreCollections(its);
    restoreDevices(its);
  } catch (e) {
    freeDevices(its);
    freeCollections(its);
    throw e;
  }
}
function get(its: Its, addr: bigint): bigint {
  const v = readGuestU64(its.vm, addr);
  if (v === undefined) throw refuse.EFAULT;
  return v;
}
function restoreCollections(its: Its): void {
  if (!isValidBaser(its.baserCollection)) return;
  const base = tableAddress(its.baserCollection);
  for (let at = 0; at < tableBytes(its.baserCollection); at += ENTRY_SIZE) {
    const v = get(its, base + BigInt(at));
    if (extract(v, 63, 63) === 0n) return;
    const id = Number(extract(v, 15, 0));
    const target = Number(extract(v, 47, 16));
    if (target !== UNMAPPED && !its.vm.byId.has(target)) throw refuse.EINVAL;
    if (its.collections.has(id)) throw refuse.EEXIST;
    if (entryAddress(its, its.baserCollection, id) === undefined) throw refuse.EINVAL;
    its.collections.set(id, { id, target: target === UNMAPPED ? undefined : target });
  }
}

/**
 * Visits entries of a table; each visit says how many ids further the next one is.
 * @returns true where the last entry said that nothing follows (0)
 */
function scan(
  its: Its,
  base: bigint,
  bytes: number,
  firstId: number,
  visit: (id: number, entry: bigint) => number,
): boolean {
  let at = 0;
  for (let id = firstId; ; ) {
    const step = visit(id, get(its, base + BigInt(at)));
    if (step <= 0) return true;
    at += step * ENTRY_SIZE;
    if (at >= bytes) return false;
    id += step;
  }
}
function restoreDevices(its: Its): void {
  const baser = its.baserDevice;
  if (!isValidBaser(baser)) return;
  const base = tableAddress(baser);
  const device = (id: number, entry: bigint): number => restoreDevice(its, id, entry);
  if (!isIndirect(baser)) {
    scan(its, base, tableBytes(baser), 0, device);
    return;
  }
  scan(its, base, tableBytes(baser), 0, (index, l1) => {
    if (extract(l1, 63, 63) === 0n) return 1;
    return scan(its, extract(l1, 51, 16) << 16n, PAGE_64K, index * (PAGE_64K / ENTRY_SIZE), device) ? 0 : 1;
  });
}
function restoreDevice(its: Its, id: number, entry: bigint): number {
  if (extract(entry, 63, 63) === 0n) return 1;
  const eventBits = Number(extract(entry, 4, 0)) + 1;
  if (eventBits > EVENT_BITS || entryAddress(its, its.baserDevice, id) === undefined) throw refuse.EINVAL;
  const d: ItsDevice = { id, ittAddr: extract(entry, 48, 5) << 8n, eventBits, ites: new Map() };
  its.devices.set(id, d);
  try {
    scan(its, d.ittAddr, 2 ** eventBits * ENTRY_SIZE, 0, (event, e) => restoreIte(its, d, event, e));
  } catch (e) {
    freeDevice(its, d);
    throw e;
  }
  return Number(extract(entry, 62, 49));
}
function restoreIte(its: Its, d: ItsDevice, event: number, entry: bigint): number {
  const lpi = Number(extract(entry, 47, 16));
  if (lpi === 0) return 1; // invalid: nobody knows where the next one is
  const offset = Number(extract(entry, 63, 48));
  const collection = its.collections.get(Number(extract(entry, 15, 0)));
  if (lpi < MIN_LPI || event + offset >= 2 ** d.eventBits || !collection || !hasEvent(its, d, event))
    throw refuse.EINVAL;
  const irq = addLpi(its.vm, lpi, collection.target === undefined ? undefined : its.vm.byId.get(collection.target));
  if (typeof irq === 'number') throw refuse.EFAULT;
  d.ites.set(event, { event, irq, collection });
  return offset;
}
