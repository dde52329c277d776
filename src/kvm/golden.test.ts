// Everything that the probe asked a real KVM, asked of the register model with the same host and mode: register lists,
// values, errnos, masks, acceptance of every value of every field. Differences are printed as "what: real, ours".

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Config } from '../../test/kit/recording.ts';
import { enc } from '../arch/schema.ts';
import { regId, regSize } from '../uapi/reg_id.ts';
import { regList } from './get-reg-list.ts';
import { getOneReg, setOneReg } from './guest.ts';
import { type Host, hostSpecFromJson, type KvmMode, makeHost } from './host.ts';
import { writableMasks } from './id_regs.ts';
import { regName } from './reg_names.ts';
import type { VcpuRegs } from './regs_state.ts';
import { createVcpuRegs, createVmRegs, vcpuFinalize, vcpuInit } from './reset.ts';

interface Recording {
  readonly writableMasks: Readonly<Record<string, string>>;
  readonly capabilities: Readonly<Record<string, readonly [number, number]>>;
  readonly configs?: Readonly<Record<string, Config>>;
}

/** They count while the probe runs. */
const LIVE = new Set(['0x603000000013df01', '0x603000000013df1a']);
const SVE_FEATURE = 4;

const root = join(import.meta.dirname, '../../golden/real-kvm');
const files = ['hosts', 'extra']
  .map((dir) => join(root, dir))
  .filter((dir) => existsSync(dir))
  .flatMap((dir) =>
    readdirSync(dir)
      .filter((f) => f.endsWith('.json'))
      .map((f) => join(dir, f)),
  );

const toBytes = (v: bigint, size: number): Uint8Array =>
  Uint8Array.from({ length: size }, (_, i) => Number((v >> BigInt(8 * i)) & 0xffn));
const toHex = (b: Uint8Array): string =>
  '0x' +
  [...b]
    .reverse()
    .map((x) => x.toString(16).padStart(2, '0'))
    .join('');
const toWord = (b: Uint8Array): bigint => BigInt(toHex(b));
const idOf = (key: string): bigint =>
  regId('U64', 'SYSREG', enc(...(key.split(',').map(Number) as [number, number, number, number, number])));

function makeVcpu(host: Host, features: number): VcpuRegs | number {
  const vcpu = createVcpuRegs(createVmRegs(host), 0);
  const r = vcpuInit(vcpu, 5, [features, 0, 0, 0, 0, 0, 0]);
  return r === 0 ? vcpu : r;
}

function compareConfig(host: Host, config: Config): string[] {
  const diffs: string[] = [];
  const differ = (what: string, real: unknown, ours: unknown): void => {
    if (JSON.stringify(real) !== JSON.stringify(ours))
      diffs.push(`${what}: ${JSON.stringify(real)}, ${JSON.stringify(ours)}`);
  };
  const vcpu = makeVcpu(host, config.features);
  differ('vcpu_init', config.fails?.errno ?? 0, typeof vcpu === 'number' ? -vcpu : 0);
  if (typeof vcpu === 'number' || !config.registers) return diffs;
  if ((config.features >> SVE_FEATURE) & 1) vcpuFinalize(vcpu, SVE_FEATURE);

  const ids = regList(vcpu);
  differ(
    'register list',
    Object.keys(config.registers),
    ids.map((id) => '0x' + id.toString(16)),
  );
  for (const id of ids) {
    const key = '0x' + id.toString(16);
    const real = config.registers[key];
    if (!real) continue;
    const got = getOneReg(vcpu, id);
    const set = typeof got === 'number' ? -1 : setOneReg(vcpu, id, got);
    const ours = [typeof got === 'number' ? '' : toHex(got.subarray(0, 16)), typeof got === 'number' ? -got : 0, -set];
    if (LIVE.has(key)) ours[0] = real[0];
    differ(`${key} ${regName(id)}`, [real[0], real[1] ?? 0, real[2] ?? 0], ours);
  }

  for (const [key, real] of Object.entries(config.idRegisterAcceptance ?? {})) {
    const id = idOf(key);
    const current = getOneReg(vcpu, id);
    if (typeof current === 'number') {
      differ(`${key} ${regName(id)}`, 'present', -current);
      continue;
    }
    const value = toWord(current);
    const errnos = new Set<number>();
    const accepted = Array.from({ length: 16 }, (_, f) => {
      let ok = 0;
      for (let x = 0; x < 16; x++) {
        const shift = BigInt(4 * f);
        const r = setOneReg(vcpu, id, toBytes((value & ~(0xfn << shift)) | (BigInt(x) << shift), 8));
        if (r === 0) {
          ok |= 1 << x;
          setOneReg(vcpu, id, current);
        } else errnos.add(-r);
      }
      return ok;
    });
    differ(`${key} ${regName(id)} value`, real.value, toHex(current));
    for (let f = 0; f < 16; f++)
      differ(`${key} ${regName(id)}<${4 * f + 3}:${4 * f}>`, real.accepted[f]!.toString(2), accepted[f]!.toString(2));
    differ(
      `${key} ${regName(id)} errno`,
      real.errno,
      [...errnos].sort((a, b) => a - b),
    );
  }
  for (const [key, errno] of Object.entries(config.idRegisterAbsent ?? {})) {
    const r = getOneReg(vcpu, idOf(key));
    differ(`${key} absent`, errno, typeof r === 'number' ? -r : 0);
  }
  return diffs;
}

function compareMasks(host: Host, real: Recording['writableMasks']): string[] {
  const masks = writableMasks(createVmRegs(host));
  const ours: Record<string, string> = {};
  masks.forEach((mask, i) => {
    const op1 = i >> 6 === 2 ? 3 : i >> 6;
    if (mask !== 0n) ours[`3,${op1},0,${(i >> 3) & 7},${i & 7}`] = '0x' + mask.toString(16).padStart(16, '0');
  });
  const keys = new Set([...Object.keys(real), ...Object.keys(ours)]);
  return [...keys].filter((k) => real[k] !== ours[k]).map((k) => `mask ${k}: ${real[k]}, ${ours[k]}`);
}

/** Capabilities whose answer follows from registers. */
function registerCapabilities(host: Host): Record<number, number> {
  const flag = (b: boolean): number => (b ? 1 : 0);
  return {
    93: flag(host.hasEl1_32), 119: host.breakpoints, 120: host.watchpoints, 126: flag(host.hasPmu), 158: flag(host.hasRas),
    165: host.ipaLimit, 170: flag(host.hasSve), 171: flag(host.hasPauth), 172: flag(host.hasPauth), 205: flag(host.hasMte),
    240: flag(host.hasNv), 241: flag(host.hasNv1),
  }; // biome-ignore format: a table
}

test('there are recordings', () => expect(files.length).toBeGreaterThanOrEqual(8));

describe.each(files.map((f) => [basename(f, '.json'), f]))('%s', (name, file) => {
  const recording = JSON.parse(readFileSync(file, 'utf8')) as Recording;
  const mode = name.slice(name.lastIndexOf('-') + 1) as KvmMode;
  const host = makeHost(hostSpecFromJson(recording, mode, name));

  test('is a host with KVM', () => expect(host.unavailable).toBeUndefined());
  test('capabilities that follow from registers', () => {
    const real = Object.fromEntries(
      Object.keys(registerCapabilities(host)).map((c) => [c, recording.capabilities[c]?.[0] ?? 0]),
    );
    expect(registerCapabilities(host)).toEqual(real);
    expect(host.cacheablePfnmap ? 1 : 0).toBe(recording.capabilities['243']?.[1] ?? 0);
  });
  test('writable masks', () => expect(compareMasks(host, recording.writableMasks)).toEqual([]));
  test.each(Object.keys(recording.configs ?? {}))('vCPU features %s', (config) => {
    expect(compareConfig(host, recording.configs![config]!)).toEqual([]);
  });
});

test('register sizes are those of their ids', () => {
  const vcpu = makeVcpu(makeHost(hostSpecFromJson(JSON.parse(readFileSync(files[0]!, 'utf8')), 'vhe')), 0) as VcpuRegs;
  for (const id of regList(vcpu)) expect((getOneReg(vcpu, id) as Uint8Array).length).toBe(regSize(id));
});
