// The further questions (tools/oracle/kvmask.c) that a real KVM was asked, asked of the register model: every feature set
// at init, extreme values in every register, unusual register ids, more feature sets. Recordings: golden/real-kvm/extra.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { enc, encParts } from '../arch/schema.ts';
import { Errno } from '../base/hostfile.ts';
import { KVM_ARM_VCPU, KVM_CAP } from '../uapi/constants.ts';
import { regClass, regId, regIndex, regSize } from '../uapi/reg_id.ts';
import type { KvmCompat } from './compat.ts';
import { firstRun } from './fgu.ts';
import { regList } from './get-reg-list.ts';
import { getOneReg, setOneReg } from './guest.ts';
import { type Host, hostSpecFromJson, type KvmMode, makeHost } from './host.ts';
import { finalizeGicIdRegs } from './id_regs.ts';
import { regName } from './reg_names.ts';
import type { VcpuRegs } from './regs_state.ts';
import { createVcpuRegs, createVmRegs, vcpuFinalize, vcpuInit } from './reset.ts';
import type { StoredReg } from './sys_reg_table.ts';

interface More {
  readonly features: number;
  readonly cap?: number;
  /** errno of another feature set: at this vCPU again, at the VM's next one. */
  readonly again?: number;
  readonly other?: number;
  readonly fails?: { readonly at: string; readonly errno: number };
  /** 'id value [errno of get, of set]' in the kernel's order. */
  readonly registers?: readonly string[];
  /** ID register: value, masks of the accepted values of its sixteen nibbles, errnos of the rest. Left out: only zero is accepted. */
  readonly accepts?: Readonly<Record<string, readonly [string, string, ...number[]]>>;
  readonly absent?: Readonly<Record<string, number>>;
  readonly sve?: Readonly<Record<string, number | readonly number[]>>;
  /** All ones, all zeros, 0x55 in every byte: errno and what reads back. */
  readonly writes?: Readonly<Record<string, readonly (number | string)[]>>;
  readonly values?: Readonly<Record<string, readonly [number, readonly (readonly [string, number])[]]>>;
  readonly odd?: readonly (readonly [string, number, number])[];
}
/** What registers say after the first KVM_RUN, before which all ones were written everywhere. */
interface After {
  readonly features: number;
  readonly cap: number;
  readonly vgic: number;
  /** Every field of every ID register was lowered as far as possible. */
  readonly lower: number;
  readonly run: number;
  /** get: errno, value; set: the same, zero (reads back), one bit flipped, all ones (reads back). */
  readonly now: Readonly<Record<string, readonly (number | string)[]>>;
  readonly again: number;
  readonly reset: Readonly<Record<string, readonly [number, string]>>;
}
interface Recording {
  readonly after?: Readonly<Record<string, After>>;
  /** Feature word, errno. */
  readonly inits?: readonly (readonly [number, number])[];
  readonly more?: Readonly<Record<string, More>>;
}

const LIVE = new Set(['3000000013df01', '3000000013df1a']);
const PSCI = 4;
const SVE = 4;
const VLS = '6000000015ffff';
const FILLS = [0xff, 0x00, 0x55];

const dir = process.env['HYPATIA_GOLDEN_EXTRA'] ?? join(import.meta.dirname, '../../golden/real-kvm/extra');
const files = existsSync(dir) ? readdirSync(dir).filter((f) => f.endsWith('.json')) : [];

function toBytes(v: bigint, size: number): Uint8Array {
  const out = new Uint8Array(size);
  if (size === 4) new DataView(out.buffer).setUint32(0, Number(BigInt.asUintN(32, v)), true);
  else new DataView(out.buffer).setBigUint64(0, BigInt.asUintN(64, v), true);
  return out;
}
const longId = (short: string): bigint => BigInt(`0x60${short}`);
const shortId = (id: bigint): string => id.toString(16).slice(2);
const toHex = (b: Uint8Array): string => [...b].reduceRight((v, x) => (v << 8n) | BigInt(x), 0n).toString(16);
const errnoOf = (r: Uint8Array | number): number => (typeof r === 'number' ? -r : 0);
const words = (features: number): number[] => [features, 0, 0, 0, 0, 0, 0];

/** Collects "what: real, ours" where the two differ. */
class Diffs {
  readonly list: string[] = [];
  check(what: string, real: unknown, ours: unknown): void {
    if (JSON.stringify(real) !== JSON.stringify(ours))
      this.list.push(`${what}: ${JSON.stringify(real)}, ${JSON.stringify(ours)}`);
  }
}

/**
 * Everything is compared as this KVM is by default, but for VMs with EL2 and MTE: those only where it behaves as the kernel
 * that was recorded (deviation D12 of compat.ts). No other deviation can be seen through the ioctls that were recorded.
 */
function settingOf(q: { readonly features: number; readonly cap?: number | undefined }): KvmCompat | undefined {
  const hasEl2 = ((q.features >> KVM_ARM_VCPU.HAS_EL2) & 1) === 1;
  return hasEl2 && q.cap === KVM_CAP.ARM_MTE ? 'linux-7.2' : undefined;
}

function ask(host: Host, q: More, compat: KvmCompat | null | undefined = settingOf(q)): string[] {
  const diffs = new Diffs();
  const vm = createVmRegs(host, { compat: compat ?? undefined });
  if (q.cap === KVM_CAP.ARM_MTE) {
    diffs.check('MTE', q.fails?.at === 'enable_cap' ? 0 : 1, host.hasMte ? 1 : 0);
    vm.mte = host.hasMte;
  }
  if (q.cap === KVM_CAP.ARM_WRITABLE_IMP_ID_REGS) vm.writableImpIdRegs = true;
  if (q.fails?.at === 'enable_cap') return diffs.list;
  const vcpu = createVcpuRegs(vm, 3);
  const r = vcpuInit(vcpu, 5, words(q.features));
  const other = createVcpuRegs(vm, 0);
  diffs.check('init', q.fails?.errno ?? 0, -r);
  if (r !== 0 || !q.registers) return diffs.list;
  diffs.check('init again', q.again ?? 0, -vcpuInit(vcpu, 5, words(q.features ^ PSCI)));
  diffs.check('init other', q.other ?? 0, -vcpuInit(other, 5, words(q.features ^ PSCI)));
  if (q.values?.[VLS]) compareValues(diffs, vcpu, VLS, q.values[VLS]);
  if (q.sve) compareSve(diffs, vcpu, q);
  compareRegisters(diffs, vcpu, q);
  compareAcceptance(diffs, vcpu, q);
  for (const [id, real] of Object.entries(q.writes ?? {})) compareWrites(diffs, vcpu, id, real);
  for (const [id, real] of Object.entries(q.values ?? {})) if (id !== VLS) compareValues(diffs, vcpu, id, real);
  for (const [id, get, set] of q.odd ?? []) {
    const reg = BigInt('0x' + id);
    const got = errnoOf(getOneReg(vcpu, reg));
    diffs.check(`id ${id}`, [get, set], [got, got ? -setOneReg(vcpu, reg, new Uint8Array(regSize(reg))) : 0]);
  }
  return diffs.list;
}

function compareSve(diffs: Diffs, vcpu: VcpuRegs, q: More): void {
  const get = (id: bigint): number => errnoOf(getOneReg(vcpu, id));
  const first = {
    z: get(regId('U2048', 'SVE', 0)), p: get(regId('U256', 'SVE', 0x400)), slice: get(regId('U2048', 'SVE', 1)), v: get(regId('U128', 'CORE', 84)),
  }; // biome-ignore format: one line a question
  const times = (q.sve!['finalize'] as readonly number[]).length;
  const finalize = Array.from({ length: times }, () => -vcpuFinalize(vcpu, SVE));
  const vls = times === 1 ? { vls: get(longId(VLS)) } : {};
  diffs.check('sve', q.sve, { ...first, finalize, ...vls });
}
function compareRegisters(diffs: Diffs, vcpu: VcpuRegs, q: More): void {
  const ids = regList(vcpu);
  const reals = new Map(q.registers!.map((line) => [line.slice(0, line.indexOf(' ')), line] as const));
  diffs.check('list', [...reals.keys()], ids.map(shortId));
  for (const id of ids) {
    const key = shortId(id);
    const real = reals.get(key);
    if (real === undefined || LIVE.has(key)) continue;
    const got = getOneReg(vcpu, id);
    const set = typeof got === 'number' ? 0 : -setOneReg(vcpu, id, got);
    const value = typeof got === 'number' ? '0' : toHex(got.subarray(0, 16));
    const errnos = typeof got === 'number' || set ? ` ${errnoOf(got)} ${set}` : '';
    diffs.check(regName(id), real, `${key} ${value}${errnos}`);
  }
}
function compareAcceptance(diffs: Diffs, vcpu: VcpuRegs, q: More): void {
  const keyOf = (packed: number): string => encParts(packed).join(',');
  if (!q.accepts) return; // not recorded for every feature set
  for (const id of idRegs(vcpu)) {
    const key = keyOf(regIndex(id));
    const real = q.accepts[key] ?? ['0', '0001'.repeat(16), Errno.EINVAL];
    const current = getOneReg(vcpu, id) as Uint8Array;
    const value = BigInt(`0x${toHex(current)}`);
    const errnos = new Set<number>();
    let accepted = '';
    for (let f = 0n; f < 16n; f++) {
      let ok = 0;
      for (let x = 0n; x < 16n; x++) {
        const r = setOneReg(vcpu, id, toBytes((value & ~(0xfn << (4n * f))) | (x << (4n * f)), 8));
        if (r !== 0) errnos.add(-r);
        else {
          ok |= 1 << Number(x);
          setOneReg(vcpu, id, current);
        }
      }
      accepted += ok.toString(16).padStart(4, '0');
    }
    diffs.check(`${key} ${regName(id)}`, real, [toHex(current), accepted, ...[...errnos].sort((a, b) => a - b)]);
  }
  for (const [key, errno] of Object.entries(q.absent ?? {})) {
    const parts = key.split(',').map(Number) as [number, number, number, number, number];
    diffs.check(`${key} absent`, errno, errnoOf(getOneReg(vcpu, regId('U64', 'SYSREG', enc(...parts)))));
  }
}
function compareWrites(diffs: Diffs, vcpu: VcpuRegs, key: string, real: readonly (number | string)[]): void {
  const id = longId(key);
  const was = getOneReg(vcpu, id);
  if (typeof was === 'number') {
    diffs.check(`write ${key} ${regName(id)}`, real, was);
    return;
  }
  const ours = FILLS.flatMap((fill) => {
    const errno = -setOneReg(vcpu, id, new Uint8Array(was.length).fill(fill));
    const now = getOneReg(vcpu, id);
    setOneReg(vcpu, id, was);
    return [errno, toHex((typeof now === 'number' ? new Uint8Array(was.length) : now).subarray(0, 16))];
  });
  diffs.check(`write ${key} ${regName(id)}`, real, ours);
}
function compareValues(
  diffs: Diffs,
  vcpu: VcpuRegs,
  key: string,
  [get, real]: readonly [number, readonly (readonly [string, number])[]],
): void {
  const id = longId(key);
  const was = getOneReg(vcpu, id);
  diffs.check(`get ${key} ${regName(id)}`, get, errnoOf(was));
  const ours = real.map(([value]) => {
    const errno = -setOneReg(vcpu, id, toBytes(BigInt('0x' + value), regSize(id)));
    if (typeof was !== 'number') setOneReg(vcpu, id, was);
    return [value, errno];
  });
  diffs.check(`values ${key} ${regName(id)}`, real, ours);
}

function idRegs(vcpu: VcpuRegs): bigint[] {
  return regList(vcpu).filter((id) => regClass(id) === 'SYSREG' && isIdEncoding(regIndex(id)));
}
function isIdEncoding(packed: number): boolean {
  const [op0, op1, CRn] = encParts(packed);
  return op0 === 3 && CRn === 0 && (op1 === 0 || op1 === 1 || op1 === 3);
}

function askAfter(host: Host, q: After): string[] {
  const diffs = new Diffs();
  const vm = createVmRegs(host, { compat: settingOf(q) });
  vm.mte = q.cap === KVM_CAP.ARM_MTE;
  const vcpu = createVcpuRegs(vm, 0);
  if (vcpuInit(vcpu, 5, words(q.features)) !== 0) return ['init'];
  vcpuFinalize(vcpu, SVE);
  if (q.vgic) {
    vm.irqchip = 'v3';
    finalizeGicIdRegs(vm);
  }
  const read = (id: bigint): bigint => BigInt(`0x${toHex(getOneReg(vcpu, id) as Uint8Array)}`);
  if (q.lower)
    for (const id of idRegs(vcpu))
      for (let f = 0n; f < 16n; f++) setOneReg(vcpu, id, toBytes(read(id) & ~(0xfn << (4n * f)), 8));
  const ones = new Uint8Array(8).fill(0xff);
  const before = regList(vcpu).filter((id) => regClass(id) === 'SYSREG' && !isIdEncoding(regIndex(id)));
  for (const id of before) setOneReg(vcpu, id, ones);
  firstRun(vcpu);
  vm.ranOnce = true;
  const ids = regList(vcpu).filter((id) => regClass(id) === 'SYSREG' || regClass(id) === 'FW_FEAT_BMAP');
  diffs.check('list', Object.keys(q.now), ids.map(shortId));
  for (const id of ids) {
    const key = shortId(id);
    if (LIVE.has(key) || !q.now[key]) continue;
    const was = getOneReg(vcpu, id);
    if (typeof was === 'number') {
      diffs.list.push(`${key}: ${was}`);
      continue;
    }
    const set = (v: Uint8Array): number => -setOneReg(vcpu, id, v);
    const now = (): string => toHex(getOneReg(vcpu, id) as Uint8Array);
    const ours: (number | string)[] = [0, toHex(was), set(was), set(new Uint8Array(8)), now()];
    ours.push(set(was.map((b, i) => (i === 0 ? b ^ 1 : b))), set(ones), now());
    const real = [...q.now[key]];
    // What is not masked went through the hardware of the recorded host: its own reserved bits are no matter of KVM.
    if (!vm.enforcement?.resx.has(regName(id) as StoredReg)) real[1] = ours[1]!;
    diffs.check(`${key} ${regName(id)}`, real, ours);
  }
  diffs.check('init again', q.again, -vcpuInit(vcpu, 5, words(q.features)));
  for (const [key, real] of Object.entries(q.reset)) {
    if (LIVE.has(key)) continue;
    const got = getOneReg(vcpu, longId(key));
    diffs.check(`reset ${key} ${regName(longId(key))}`, real, [
      errnoOf(got),
      typeof got === 'number' ? '' : toHex(got),
    ]);
  }
  return diffs.list;
}

describe.each(files.map((f) => [basename(f, '.json'), join(dir, f)]))('%s', (name, file) => {
  const recording = JSON.parse(readFileSync(file, 'utf8')) as Recording;
  const host = makeHost(hostSpecFromJson(recording, name.slice(name.lastIndexOf('-') + 1) as KvmMode, name));

  test('every feature set at init', () => {
    const diffs = new Diffs();
    for (const [features, real] of recording.inits ?? [])
      diffs.check(`features ${features}`, real, -vcpuInit(createVcpuRegs(createVmRegs(host), 0), 5, words(features)));
    expect(diffs.list).toEqual([]);
  });
  test.each(Object.keys(recording.more ?? {}))('%s', (config) => {
    expect(ask(host, recording.more![config]!)).toEqual([]);
  });
  const mte = recording.more?.['el2_mte'];
  if (mte?.registers)
    test('D12: by default a VM with EL2 and MTE has no part of MTE, and differs in nothing else', () => {
      const differs = ask(host, mte, null).map((d) => d.slice(0, d.indexOf(':')));
      expect(differs.filter((d) => d !== 'list')).toEqual(['ID_AA64PFR2_EL1', 'CLIDR_EL1']);
    });
  test.each(Object.keys(recording.after ?? {}))('after a run: %s', (config) => {
    expect(askAfter(host, recording.after![config]!)).toEqual([]);
  });
});
