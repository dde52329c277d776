// What programs do with vCPUs: registers one by one and all of them, events, debugging, states, init once more.

import { KVM_ARM_VCPU, KVM_MP_STATE, regSize, structs } from '../../src/uapi/index.ts';
import type { Random } from './random.ts';
import { setReg, u64, type VcpuRef, type World } from './world.ts';

function listOf(w: World, v: VcpuRef): readonly bigint[] {
  if (v.regs) return v.regs;
  const { p } = w;
  const addr = p.process.scratch2(u64(2048n));
  if (p.ioctl(v.fd, 'KVM_GET_REG_LIST', addr) !== 0) return [];
  const n = Number(new BigUint64Array(p.read(addr, 8).buffer)[0]!);
  v.regs = [...new BigUint64Array(p.read(addr + 8n, 8 * n).buffer)];
  return v.regs;
}
function randomBytes(r: Random, size: number): Uint8Array {
  if (size === 8) return u64(r.word());
  return Uint8Array.from({ length: size }, () => r.u32());
}
const anyId = (r: Random): bigint =>
  0x6000_0000_0000_0000n | (BigInt(r.below(10)) << 52n) | (BigInt(r.below(8) + 0x10) << 16n) | BigInt(r.below(0x10000));

function setSome(w: World, r: Random, v: VcpuRef): void {
  const ids = listOf(w, v);
  for (let n = 1 + r.below(4); n > 0; n--) {
    const id = ids.length > 0 && r.chance(0.85) ? r.pick(ids) : anyId(r);
    setReg(w, v, id, randomBytes(r, Math.min(regSize(id), 256)));
  }
}
/** All registers of one vCPU into another. */
function migrate(w: World, r: Random, from: VcpuRef, to: VcpuRef): void {
  const { p } = w;
  for (const id of listOf(w, from)) {
    if (!r.chance(0.9)) continue;
    const addr = p.process.scratch2(new Uint8Array(regSize(id)));
    if (p.give(from.fd, 'KVM_GET_ONE_REG', structs.kvm_one_reg, { id, addr }) === 0)
      setReg(w, to, id, p.read(addr, regSize(id)));
  }
}
function events(w: World, r: Random, v: VcpuRef): void {
  const flag = (): number => (r.chance(0.4) ? 1 : 0);
  const exception = {
    serror_pending: flag(),
    serror_has_esr: flag(),
    ext_dabt_pending: flag(),
    serror_esr: r.chance(0.7) ? BigInt(r.below(1 << 25)) : r.word(),
  };
  w.p.give(v.fd, 'KVM_SET_VCPU_EVENTS', structs.kvm_vcpu_events, { exception });
  w.p.ioctl(v.fd, 'KVM_GET_VCPU_EVENTS', w.p.process.scratch(new Uint8Array(64)));
}
function debug(w: World, r: Random, v: VcpuRef): void {
  const control = r.chance(0.8) ? r.pick([0, 1, 3, 0x1_0001, 0x2_0001, 0x3_0003]) : r.u32();
  const four = (): bigint[] => Array.from({ length: 16 }, () => (r.chance(0.3) ? r.word() : 0n));
  const arch = { dbg_bcr: four(), dbg_bvr: four(), dbg_wcr: four(), dbg_wvr: four() };
  w.p.give(v.fd, 'KVM_SET_GUEST_DEBUG', structs.kvm_guest_debug, { control, arch });
}

export function aboutRegisters(w: World, r: Random): void {
  if (w.vcpus.length === 0) return;
  const v = r.pick(w.vcpus);
  switch (r.below(10)) {
    case 0:
      migrate(w, r, v, r.pick(w.vcpus));
      return;
    case 1:
    case 2:
      events(w, r, v);
      return;
    case 3:
      debug(w, r, v);
      return;
    case 4:
      w.p.give(v.fd, 'KVM_SET_MP_STATE', structs.kvm_mp_state, { mp_state: r.pick([...Object.values(KVM_MP_STATE), 0, 0, 5, 10]) });
      return;
    case 5: {
      const features = [r.chance(0.8) ? r.pick([4, 5, 12, 20, 0x64]) : r.below(512), 0, 0, 0, 0, 0, 0];
      w.p.give(v.fd, 'KVM_ARM_VCPU_INIT', structs.kvm_vcpu_init, { target: 5, features });
      v.regs = undefined;
      return;
    }
    case 6:
      w.p.give(v.fd, 'KVM_ARM_VCPU_FINALIZE', structs.kvm_int, { value: KVM_ARM_VCPU.SVE });
      return;
    default:
      setSome(w, r, v);
  }
} // biome-ignore format: requests on one line
