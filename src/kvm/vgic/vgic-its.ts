// The Interrupt Translation Service: from (device, event) to an LPI and the vCPU it goes to, by tables that the guest
// describes with commands. Registers and the device file are in vgic-its-device.ts, saving the tables to guest memory in
// vgic-its-tables.ts. @linux arch/arm64/kvm/vgic/vgic-its.c

import { BASER_FIELDS, BASER_TYPE, GITS_CMD } from '../../arch/gic.ts';
import { extract } from '../../base/bits.ts';
import { Errno } from '../../base/hostfile.ts';
import { KVM_MSI } from '../../uapi/index.ts';
import { refuse } from '../errors.ts';
import { isVisible, readGuest, readGuestU64, writeGuest, writeGuestU64 } from '../guest_memory.ts';
import type { Msi } from '../irqchip.ts';
import type { Vcpu } from '../vcpu.ts';
import type { Vm } from '../vm.ts';
import { MIN_LPI, makeIrq, requeue, type VgicIrq } from './vgic.ts';

/** Bits of device and event ids, and of LPI numbers. */
export const DEVICE_BITS = 16;
export const EVENT_BITS = 16;
const INTID_BITS = 16;
/** Bytes of an entry in each of the tables. */
export const ENTRY_SIZE = 8;
export const PAGE_64K = 0x1_0000;

export interface Collection {
  readonly id: number;
  /** vCPU id; undefined until mapped. */
  target: number | undefined;
}
export interface Ite {
  readonly event: number;
  readonly irq: VgicIrq;
  /** undefined: its collection was unmapped. */
  collection: Collection | undefined;
}
export interface ItsDevice {
  readonly id: number;
  readonly ittAddr: bigint;
  readonly eventBits: number;
  readonly ites: Map<number, Ite>;
}
/** @linux struct vgic_its */
export interface Its {
  readonly vm: Vm;
  base: bigint | undefined;
  enabled: boolean;
  baserDevice: bigint;
  baserCollection: bigint;
  cbaser: bigint;
  /** Offsets into the command queue. */
  creadr: number;
  cwriter: number;
  readonly devices: Map<number, ItsDevice>;
  readonly collections: Map<number, Collection>;
}

function vcpuOf(vm: Vm, c: Collection | undefined): Vcpu | undefined {
  return c?.target === undefined ? undefined : vm.byId.get(c.target);
}

// Where tables lie.

export function tableAddress(baser: bigint): bigint {
  return (extract(baser, 47, 16) << 16n) | (extract(baser, 15, 12) << 48n);
}
export function tableBytes(baser: bigint): number {
  return (Number(extract(baser, ...BASER_FIELDS.GITS_BASER.size)) + 1) * PAGE_64K;
}
export function isIndirect(baser: bigint): boolean {
  return extract(baser, BASER_FIELDS.GITS_BASER.indirect, BASER_FIELDS.GITS_BASER.indirect) !== 0n;
}
export function isValidBaser(baser: bigint): boolean {
  return extract(baser, 63, 63) !== 0n;
}
/** The address of an id's entry, if it fits into the table and is memory. @linux vgic_its_check_id */
export function entryAddress(its: Its, baser: bigint, id: number): bigint | undefined {
  const type = Number(extract(baser, ...BASER_FIELDS.GITS_BASER.type));
  const bits = type === BASER_TYPE.Device ? DEVICE_BITS : type === BASER_TYPE.Collection ? 16 : 0;
  if (id >= 2 ** bits) return undefined;
  const esz = Number(extract(baser, ...BASER_FIELDS.GITS_BASER.entrySize)) + 1;
  let addr = tableAddress(baser) + BigInt(id * esz);
  if (!isIndirect(baser)) {
    if (id >= Math.floor(tableBytes(baser) / esz)) return undefined;
  } else {
    const perPage = Math.floor(PAGE_64K / esz);
    const index = Math.floor(id / perPage);
    if (index >= tableBytes(baser) / 8) return undefined;
    const l1 = readGuestU64(its.vm, tableAddress(baser) + BigInt(index * 8));
    if (l1 === undefined || extract(l1, 63, 63) === 0n) return undefined;
    addr = (extract(l1, 51, 16) << 16n) + BigInt((id % perPage) * esz);
  }
  return isVisible(its.vm, addr) ? addr : undefined;
}
/** @linux vgic_its_check_event_id */
export function hasEvent(its: Its, device: ItsDevice, event: number): boolean {
  return event < 2 ** device.eventBits && isVisible(its.vm, device.ittAddr + BigInt(event * ENTRY_SIZE));
}

// LPIs.

const PROP_ENABLE = 1;
const PROP_PRIORITY = 0xfc;

/** Reads an LPI's configuration byte. @param only undefined: whatever vCPU it targets. @linux update_lpi_config */
function updateConfig(vm: Vm, irq: VgicIrq, only: Vcpu | undefined): number {
  const table = extract(vm.vgic.propbaser, 51, 12) << 12n;
  const byte = new Uint8Array(1);
  if (!readGuest(vm, table + BigInt(irq.intid - MIN_LPI), byte)) return -Errno.EFAULT;
  if (only && only !== irq.target) return 0;
  irq.priority = byte[0]! & PROP_PRIORITY;
  irq.enabled = (byte[0]! & PROP_ENABLE) !== 0;
  requeue(irq);
  return 0;
}
function pendingByte(vcpu: Vcpu, intid: number): bigint {
  return (extract(vcpu.vgic.pendbaser, 51, 16) << 16n) + BigInt(intid >> 3);
}
/** Takes an LPI's pending bit out of its vCPU's table. @linux vgic_v3_lpi_sync_pending_status */
function takePending(irq: VgicIrq): number {
  if (!irq.target) return 0;
  const { vm } = irq.target;
  const addr = pendingByte(irq.target, irq.intid);
  const byte = new Uint8Array(1);
  if (!readGuest(vm, addr, byte)) return -Errno.EFAULT;
  const bit = 1 << (irq.intid & 7);
  irq.pendingLatch = (byte[0]! & bit) !== 0;
  requeue(irq);
  if (!irq.pendingLatch) return 0;
  byte[0]! &= ~bit;
  return writeGuest(vm, addr, byte) ? 0 : -Errno.EFAULT;
}
/** One more translation names an LPI. @returns it, or a negative errno. @linux vgic_add_lpi */
export function addLpi(vm: Vm, intid: number, vcpu: Vcpu | undefined): VgicIrq | number {
  const old = vm.vgic.lpis.get(intid);
  if (old) {
    old.refs++;
    return old;
  }
  const irq = makeIrq(intid, vcpu, { group: 1, refs: 1 });
  vm.vgic.lpis.set(intid, irq);
  const r = updateConfig(vm, irq, undefined) || takePending(irq);
  if (r === 0) return irq;
  putLpi(vm, irq);
  return r;
}
function putLpi(vm: Vm, irq: VgicIrq): void {
  if (--irq.refs > 0) return;
  vm.vgic.lpis.delete(irq.intid);
  irq.pendingLatch = false;
  requeue(irq);
}
function setTarget(irq: VgicIrq, vcpu: Vcpu | undefined): void {
  irq.target = vcpu;
  requeue(irq);
}

/** GICR_CTLR.EnableLPIs: the pending table counts, unless the guest said it is all zero. @linux vgic_enable_lpis */
export function enableLpis(vcpu: Vcpu): void {
  if (extract(vcpu.vgic.pendbaser, BASER_FIELDS.GICR_PENDBASER.PTZ, BASER_FIELDS.GICR_PENDBASER.PTZ) !== 0n) return;
  const byte = new Uint8Array(1);
  for (const irq of vcpu.vm.vgic.lpis.values()) {
    if (!readGuest(vcpu.vm, pendingByte(vcpu, irq.intid), byte)) return;
    if (irq.target === vcpu) irq.pendingLatch = ((byte[0]! >> (irq.intid & 7)) & 1) === 1;
    requeue(irq);
  }
}
/** @linux vgic_flush_pending_lpis */
export function flushPendingLpis(vcpu: Vcpu): void {
  for (const irq of [...vcpu.vgic.apList]) {
    if (irq.intid < MIN_LPI) continue;
    irq.pendingLatch = false;
    requeue(irq);
  }
}
/** GICR_INVLPIR */
export function invalidateLpi(vm: Vm, intid: number): void {
  const irq = vm.vgic.lpis.get(intid);
  if (irq) updateConfig(vm, irq, undefined);
}
/** GICR_INVALLR and INVALL: every LPI that targets the vCPU. @linux vgic_its_invall */
export function invalidateLpisOf(vcpu: Vcpu): void {
  for (const irq of vcpu.vm.vgic.lpis.values()) updateConfig(vcpu.vm, irq, vcpu);
}
/** KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES. @throws EFAULT. @linux vgic_v3_save_pending_tables */
export function savePendingTables(vm: Vm): void {
  for (const irq of vm.vgic.lpis.values()) {
    if (!irq.target) continue;
    const addr = pendingByte(irq.target, irq.intid);
    const byte = new Uint8Array(1);
    if (!readGuest(vm, addr, byte)) throw refuse.EFAULT;
    const bit = 1 << (irq.intid & 7);
    if (((byte[0]! & bit) !== 0) === irq.pendingLatch) continue;
    byte[0]! ^= bit;
    if (!writeGuest(vm, addr, byte)) throw refuse.EFAULT;
  }
}

// Translations.

function findIte(its: Its, device: number, event: number): Ite | undefined {
  return its.devices.get(device)?.ites.get(event);
}
export function freeIte(its: Its, device: ItsDevice, ite: Ite): void {
  device.ites.delete(ite.event);
  putLpi(its.vm, ite.irq);
}
export function freeDevice(its: Its, device: ItsDevice): void {
  for (const ite of [...device.ites.values()]) freeIte(its, device, ite);
  its.devices.delete(device.id);
}
export function freeDevices(its: Its): void {
  for (const d of [...its.devices.values()]) freeDevice(its, d);
}
function freeCollection(its: Its, id: number): void {
  const c = its.collections.get(id);
  if (!c) return;
  for (const d of its.devices.values())
    for (const ite of d.ites.values()) if (ite.collection === c) ite.collection = undefined;
  its.collections.delete(id);
}
export function freeCollections(its: Its): void {
  for (const id of [...its.collections.keys()]) freeCollection(its, id);
}

/** An error in what the guest asked for: the command is dropped, the message not delivered. */
const GUEST_ERROR = 1;

/** @returns 0, GUEST_ERROR, or a negative errno. @linux vgic_its_trigger_msi */
function trigger(its: Its, device: number, event: number): number {
  if (!its.enabled) return -Errno.EBUSY;
  const ite = findIte(its, device, event);
  const vcpu = vcpuOf(its.vm, ite?.collection);
  if (!ite || !vcpu) return GUEST_ERROR;
  if (!vcpu.vgic.lpisEnabled) return -Errno.EBUSY;
  ite.irq.pendingLatch = true;
  requeue(ite.irq);
  return 0;
}
/** A message written to a translater. @returns 1 delivered, 0 not, or a negative errno. @linux vgic_its_inject_msi */
export function injectMsi(vm: Vm, msi: Msi): number {
  if ((msi.flags & KVM_MSI.VALID_DEVID) === 0) return -Errno.EINVAL;
  const its = vm.vgic.itses.find(
    (i) => i.base !== undefined && msi.address >= i.base && msi.address < i.base + ITS_SIZE,
  );
  if (!its) return -Errno.EINVAL;
  const r = trigger(its, msi.devid, msi.data);
  return r < 0 ? r : r === 0 ? 1 : 0;
}
/** Control frame and translation frame. */
export const ITS_SIZE = BigInt(2 * PAGE_64K);

// Commands: four words of 64 bits.

type Command = readonly [bigint, bigint, bigint, bigint];
const deviceId = (c: Command): number => Number(extract(c[0], 63, 32));
const eventId = (c: Command): number => Number(extract(c[1], 31, 0));
const collectionId = (c: Command): number => Number(extract(c[2], 15, 0));
const rdbase = (word: bigint): number => Number(extract(word, 47, 16));
const isValid = (c: Command): boolean => extract(c[2], 63, 63) !== 0n;

function mapDevice(its: Its, c: Command): number {
  const id = deviceId(c);
  const entry = entryAddress(its, its.baserDevice, id);
  const eventBits = Number(extract(c[1], 4, 0)) + 1;
  if (entry === undefined || (isValid(c) && eventBits > EVENT_BITS)) return GUEST_ERROR;
  const old = its.devices.get(id);
  if (old) freeDevice(its, old);
  if (!isValid(c)) return writeGuestU64(its.vm, entry, 0n) ? 0 : -Errno.EFAULT;
  its.devices.set(id, { id, ittAddr: extract(c[2], 51, 8) << 8n, eventBits, ites: new Map() });
  return 0;
}
function mapCollection(its: Its, c: Command): number {
  const id = collectionId(c);
  if (!isValid(c)) {
    freeCollection(its, id);
    return 0;
  }
  const vcpu = its.vm.byId.get(rdbase(c[2]));
  if (!vcpu) return GUEST_ERROR;
  const old = its.collections.get(id);
  if (!old) {
    if (entryAddress(its, its.baserCollection, id) === undefined) return GUEST_ERROR;
    its.collections.set(id, { id, target: vcpu.id });
    return 0;
  }
  old.target = vcpu.id;
  for (const d of its.devices.values())
    for (const ite of d.ites.values()) if (ite.collection === old) setTarget(ite.irq, vcpu);
  return 0;
}
function mapInterrupt(its: Its, c: Command, intid: number): number {
  const device = its.devices.get(deviceId(c));
  const event = eventId(c);
  if (!device || !hasEvent(its, device, event)) return GUEST_ERROR;
  const idBits = Math.min(
    Number(extract(its.vm.vgic.propbaser, ...BASER_FIELDS.GICR_PROPBASER.IDbits)) + 1,
    INTID_BITS,
  );
  if (intid < MIN_LPI || intid >= 2 ** idBits) return GUEST_ERROR;
  if (device.ites.has(event)) return 0;
  const id = collectionId(c);
  let collection = its.collections.get(id);
  const isNew = !collection;
  if (!collection) {
    if (entryAddress(its, its.baserCollection, id) === undefined) return GUEST_ERROR;
    collection = { id, target: undefined };
    its.collections.set(id, collection);
  }
  const irq = addLpi(its.vm, intid, vcpuOf(its.vm, collection));
  if (typeof irq === 'number') {
    if (isNew) freeCollection(its, id);
    return irq;
  }
  device.ites.set(event, { event, irq, collection });
  return 0;
}
function moveInterrupt(its: Its, c: Command): number {
  const ite = findIte(its, deviceId(c), eventId(c));
  const to = its.collections.get(collectionId(c));
  if (!ite || ite.collection?.target === undefined || to?.target === undefined) return GUEST_ERROR;
  ite.collection = to;
  setTarget(ite.irq, vcpuOf(its.vm, to));
  return 0;
}
function discard(its: Its, c: Command): number {
  const device = its.devices.get(deviceId(c));
  const ite = device?.ites.get(eventId(c));
  if (!device || ite?.collection?.target === undefined) return GUEST_ERROR;
  freeIte(its, device, ite);
  return writeGuestU64(its.vm, device.ittAddr + BigInt(ite.event * ENTRY_SIZE), 0n) ? 0 : -Errno.EFAULT;
}
function withIte(its: Its, c: Command, f: (irq: VgicIrq) => number): number {
  const ite = findIte(its, deviceId(c), eventId(c));
  return ite ? f(ite.irq) : GUEST_ERROR;
}
function moveAll(its: Its, c: Command): number {
  const from = its.vm.byId.get(rdbase(c[2]));
  const to = its.vm.byId.get(rdbase(c[3]));
  if (!from || !to) return GUEST_ERROR;
  if (from !== to) for (const irq of its.vm.vgic.lpis.values()) if (irq.target === from) setTarget(irq, to);
  return 0;
}
function invalidateAll(its: Its, c: Command): number {
  const vcpu = vcpuOf(its.vm, its.collections.get(collectionId(c)));
  if (!vcpu) return GUEST_ERROR;
  invalidateLpisOf(vcpu);
  return 0;
}

const COMMANDS: Readonly<Record<keyof typeof GITS_CMD, (its: Its, c: Command) => number>> = {
  MAPD: mapDevice,
  MAPC: mapCollection,
  MAPI: (its, c) => mapInterrupt(its, c, eventId(c)),
  MAPTI: (its, c) => mapInterrupt(its, c, Number(extract(c[1], 63, 32))),
  MOVI: moveInterrupt,
  MOVALL: moveAll,
  DISCARD: discard,
  CLEAR: (its, c) =>
    withIte(its, c, (irq) => {
      irq.pendingLatch = false;
      requeue(irq);
      return 0;
    }),
  INT: (its, c) => trigger(its, deviceId(c), eventId(c)),
  INV: (its, c) => withIte(its, c, (irq) => updateConfig(its.vm, irq, undefined)),
  INVALL: invalidateAll,
  SYNC: () => 0, // every command has had its effect when it is done
};
const byOpcode = new Map(
  (Object.entries(COMMANDS) as [keyof typeof GITS_CMD, (its: Its, c: Command) => number][]).map(
    ([n, f]) => [GITS_CMD[n], f] as const,
  ),
) as ReadonlyMap<number, (its: Its, c: Command) => number>;

const COMMAND_BYTES = 32;
export function queueBytes(its: Its): number {
  return (Number(extract(its.cbaser, ...BASER_FIELDS.GITS_CBASER.size)) + 1) * 4096;
}
/** Carries out what the guest has queued. A command that cannot be read is skipped. @linux vgic_its_process_commands */
export function processCommands(its: Its): void {
  if (!its.enabled) return;
  const queue = extract(its.cbaser, 51, 12) << 12n;
  while (its.cwriter !== its.creadr) {
    const bytes = new Uint8Array(COMMAND_BYTES);
    if (readGuest(its.vm, queue + BigInt(its.creadr), bytes)) {
      const words = new BigUint64Array(bytes.buffer);
      const command: Command = [words[0]!, words[1]!, words[2]!, words[3]!];
      byOpcode.get(Number(extract(command[0], 7, 0)))?.(its, command);
    }
    its.creadr += COMMAND_BYTES;
    if (its.creadr === queueBytes(its)) its.creadr = 0;
  }
}
