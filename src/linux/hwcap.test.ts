import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { enc } from '../arch/schema.ts';
import { HWCAPS, hwcapNames, hwcapWords } from './hwcap.ts';
import { userIdRegister } from './user_id.ts';

const HOSTS = new URL('../../golden/real-kvm/hosts/', import.meta.url);
interface Host {
  readonly rawIdRegisters: Readonly<Record<string, string>>;
  readonly hwcaps: readonly string[];
}
const hosts = readdirSync(HOSTS).map((file) => {
  const host = JSON.parse(readFileSync(new URL(file, HOSTS), 'utf8')) as Host;
  const raw = new Map(
    Object.entries(host.rawIdRegisters).map(([k, v]) => {
      const [op0, op1, CRn, CRm, op2] = k.split(',').map(Number) as [number, number, number, number, number];
      return [enc(op0, op1, CRn, CRm, op2), BigInt(v)];
    }),
  );
  return { file, hwcaps: host.hwcaps, read: (e: number) => raw.get(e) ?? 0n };
});

describe('hardware capabilities', () => {
  it.each(hosts)('are those that Linux printed on $file', ({ hwcaps, read }) => {
    expect(hwcapNames(read)).toEqual(hwcaps);
  });
  it('have one bit each', () => {
    const bits = Object.values(HWCAPS).map((h) => `${h.word}.${h.bit}`);
    expect(new Set(bits).size).toBe(bits.length);
  });
  it('put FPMR into AT_HWCAP2 and hide it without the feature', () => {
    const { read } = hosts.find((h) => h.file === 'max-vhe.json')!;
    const PFR2 = enc(3, 0, 0, 4, 2);
    expect((hwcapWords(read)[1] >> 48n) & 1n).toBe(1n);
    const without = (e: number) => (e === PFR2 ? read(e) & ~(15n << 32n) : read(e));
    expect((hwcapWords(without)[1] >> 48n) & 1n).toBe(0n);
  });
});

describe('ID registers at EL0', () => {
  const { read } = hosts.find((h) => h.file === 'max-vhe.json')!;
  it('show what programs may know, hide the rest, and are UNDEFINED beyond', () => {
    const MIDR = enc(3, 0, 0, 0, 0);
    expect(userIdRegister(MIDR, read)).toBe(read(MIDR));
    expect(userIdRegister(enc(3, 0, 0, 0, 5), read)).toBe(0x8000_0000n);
    const pfr2 = userIdRegister(enc(3, 0, 0, 4, 2), read)!;
    expect((pfr2 >> 32n) & 15n).toBe(1n); // FPMR
    const pfr0 = userIdRegister(enc(3, 0, 0, 4, 0), read)!;
    expect(pfr0 & 0xffffn).toBe(0x11n); // EL0 and EL1 only
    expect((userIdRegister(enc(3, 0, 0, 7, 0), read)! >> 24n) & 0xffn).toBe(0xffn); // no 4K and 64K granule
    expect(userIdRegister(enc(3, 0, 0, 1, 0), read)).toBeUndefined(); // AArch32
    expect(userIdRegister(enc(3, 0, 1, 0, 0), read)).toBeUndefined(); // SCTLR_EL1
  });
});
