// Requests on a vCPU: register lists, power states, pending SErrors and aborts, debugging, signal masks, its mapping.

import { describe, expect, test } from 'vitest';
import { Program } from '../../test/kit/program.ts';
import { Errno, type SharedPages } from '../base/hostfile.ts';
import { KVM_GUESTDBG, KVM_MP_STATE, regId, sysregId, type VcpuFeature } from '../uapi/index.ts';

function setUp(...features: VcpuFeature[]): { p: Program; vm: number; vcpu: number } {
  const p = new Program();
  const vm = p.vm();
  return { p, vm, vcpu: p.vcpu(vm, 0, ...features) };
}
const core = (index: number): bigint => regId('U64', 'CORE', index);
function get(p: Program, vcpu: number, id: bigint): bigint {
  const addr = p.process.scratch2(new Uint8Array(8));
  expect(p.give(vcpu, 'KVM_GET_ONE_REG', 'kvm_one_reg', { id, addr })).toBe(0);
  return new BigUint64Array(p.read(addr, 8).buffer)[0]!;
}
function set(p: Program, vcpu: number, id: bigint, value: bigint): unknown {
  const addr = p.process.scratch2(new Uint8Array(BigUint64Array.of(value).buffer));
  return p.give(vcpu, 'KVM_SET_ONE_REG', 'kvm_one_reg', { id, addr });
}

describe('KVM_GET_REG_LIST', () => {
  test('a list too short: the count comes back, no ids do', () => {
    const { p, vcpu } = setUp('PSCI_0_2');
    const at = p.process.scratch(new Uint8Array(BigUint64Array.of(3n, 7n, 7n, 7n).buffer));
    expect(p.ioctl(vcpu, 'KVM_GET_REG_LIST', at)).toBe('E2BIG');
    const [n, first] = new BigUint64Array(p.read(at, 16).buffer);
    expect([n! > 200n, first]).toEqual([true, 7n]);
    p.process.memory.write(at, new Uint8Array(BigUint64Array.of(n!).buffer));
    expect(p.ioctl(vcpu, 'KVM_GET_REG_LIST', at)).toBe(0);
    const ids = new BigUint64Array(p.read(at + 8n, Number(n) * 8).buffer);
    expect(new Set(ids).size).toBe(Number(n));
  });
  test('before init ENOEXEC, before SVE is final EPERM', () => {
    const p = new Program();
    const vcpu = p.fd(p.vm(), 'KVM_CREATE_VCPU', 0);
    expect(p.ioctl(vcpu, 'KVM_GET_REG_LIST', p.process.scratch(new Uint8Array(8)))).toBe('ENOEXEC');
    p.init(vcpu, 'SVE');
    expect(p.ioctl(vcpu, 'KVM_GET_REG_LIST', p.process.scratch(new Uint8Array(8)))).toBe('EPERM');
  });
});

describe('a value that cannot be fetched', () => {
  const ask = (id: bigint): unknown => {
    const { p, vcpu } = setUp('PSCI_0_2');
    return p.give(vcpu, 'KVM_SET_ONE_REG', 'kvm_one_reg', { id, addr: 16n });
  };
  test.each([
    ['of no arm64 register: EINVAL', 0x3030_0000_0013_c000n, 'EINVAL'],
    ['of a system register that does not exist: EFAULT', sysregId(3, 7, 15, 7, 7), 'EFAULT'],
    ['of a core register that does not exist: ENOENT', core(1000), 'ENOENT'],
    ['of the second half of a core register: EINVAL', core(1), 'EINVAL'],
    ['of a firmware register: EFAULT', regId('U64', 'FW', 0), 'EFAULT'],
    ['of a firmware register of the wrong size: ENOENT', regId('U32', 'FW', 0), 'ENOENT'],
  ])('%s', (_what, id, errno) => expect(ask(id)).toBe(errno));
});

test('power states: two that hold, one that sleeps, no others', () => {
  const { p, vcpu } = setUp('PSCI_0_2', 'POWER_OFF');
  const state = (): number => {
    expect(p.ioctl(vcpu, 'KVM_GET_MP_STATE', p.process.scratch(new Uint8Array(4)))).toBe(0);
    return p.left('kvm_mp_state').mp_state;
  };
  expect(state()).toBe(KVM_MP_STATE.STOPPED);
  const allowed: readonly number[] = [KVM_MP_STATE.RUNNABLE, KVM_MP_STATE.STOPPED, KVM_MP_STATE.SUSPENDED];
  for (const [name, mp_state] of Object.entries(KVM_MP_STATE)) {
    const ok = allowed.includes(mp_state);
    expect(p.give(vcpu, 'KVM_SET_MP_STATE', 'kvm_mp_state', { mp_state }), name).toBe(ok ? 0 : 'EINVAL');
    if (ok) expect(state()).toBe(mp_state);
  }
  p.init(vcpu, 'PSCI_0_2');
  expect(state()).toBe(KVM_MP_STATE.RUNNABLE);
});

describe('KVM_SET_VCPU_EVENTS', () => {
  const PC = core(64);
  const PSTATE = core(66);
  const [ELR_EL1, SPSR_EL1] = [core(70), core(72)];
  const ESR_EL1 = sysregId(3, 0, 5, 2, 0);
  const VBAR_EL1 = sysregId(3, 0, 12, 0, 0);
  const A = 1n << 8n;
  const EL1H = 5n;

  test('an SError that is masked stays pending, with its syndrome', () => {
    const { p, vcpu } = setUp('PSCI_0_2');
    const exception = { serror_pending: 1, serror_has_esr: 1, serror_esr: 0x123n };
    expect(p.give(vcpu, 'KVM_SET_VCPU_EVENTS', 'kvm_vcpu_events', { exception })).toBe(0);
    p.ioctl(vcpu, 'KVM_GET_VCPU_EVENTS', p.process.scratch(new Uint8Array(64)));
    expect(p.left('kvm_vcpu_events').exception).toMatchObject({ ...exception, ext_dabt_pending: 0 });
    p.init(vcpu, 'PSCI_0_2');
    p.ioctl(vcpu, 'KVM_GET_VCPU_EVENTS', p.process.scratch(new Uint8Array(64)));
    expect(p.left('kvm_vcpu_events').exception).toMatchObject({ serror_pending: 0, serror_esr: 0n });
  });
  test('one that is not is taken at once', () => {
    const { p, vcpu } = setUp('PSCI_0_2');
    set(p, vcpu, PSTATE, EL1H);
    set(p, vcpu, PC, 0x1234n);
    set(p, vcpu, VBAR_EL1, 0x8000n);
    const exception = { serror_pending: 1, serror_has_esr: 1, serror_esr: 5n };
    expect(p.give(vcpu, 'KVM_SET_VCPU_EVENTS', 'kvm_vcpu_events', { exception })).toBe(0);
    expect(get(p, vcpu, PC)).toBe(0x8380n);
    expect(get(p, vcpu, ESR_EL1)).toBe(0xbe00_0005n);
    expect([get(p, vcpu, ELR_EL1), get(p, vcpu, SPSR_EL1)]).toEqual([0x1234n, EL1H]);
    expect(get(p, vcpu, PSTATE) & A).toBe(A);
  });
  test('an external abort is taken at once, from where the vCPU is', () => {
    const { p, vcpu } = setUp('PSCI_0_2');
    set(p, vcpu, VBAR_EL1, 0x8000n);
    for (const [pstate, offset, ec] of [
      [0x3c5n, 0x200n, 0x25n], // EL1h
      [0x3c4n, 0x000n, 0x25n], // EL1t
      [0x3c0n, 0x400n, 0x24n], // EL0
    ] as const) {
      set(p, vcpu, PSTATE, pstate);
      const give = { exception: { ext_dabt_pending: 1 } };
      expect(p.give(vcpu, 'KVM_SET_VCPU_EVENTS', 'kvm_vcpu_events', give)).toBe(0);
      expect([get(p, vcpu, PC), get(p, vcpu, ESR_EL1)]).toEqual([0x8000n + offset, (ec << 26n) | (1n << 25n) | 0x10n]);
    }
  });
  test('what is refused', () => {
    const { p, vcpu } = setUp('PSCI_0_2');
    const give = (value: object): unknown => p.give(vcpu, 'KVM_SET_VCPU_EVENTS', 'kvm_vcpu_events', value);
    const serror = { serror_pending: 1, serror_has_esr: 1 };
    expect(give({ exception: { ...serror, serror_esr: 1n << 25n } })).toBe('EINVAL');
    expect(give({ exception: { pad: Uint8Array.of(0, 0, 1, 0, 0) } })).toBe('EINVAL');
    expect(give({ reserved: [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] })).toBe('EINVAL');
  });
});

test('debugging: only flags that arm64 knows', () => {
  const { p, vcpu } = setUp('PSCI_0_2');
  const all = Object.values(KVM_GUESTDBG).reduce((a, b) => a | b, 0);
  expect(p.give(vcpu, 'KVM_SET_GUEST_DEBUG', 'kvm_guest_debug', { control: all })).toBe(0);
  for (const control of [4, 8, 0x4_0000])
    expect(p.give(vcpu, 'KVM_SET_GUEST_DEBUG', 'kvm_guest_debug', { control })).toBe('EINVAL');
});

test('signal masks: 8 bytes, or none', () => {
  const { p, vcpu } = setUp('PSCI_0_2');
  const give = (len: number): unknown => p.give(vcpu, 'KVM_SET_SIGNAL_MASK', 'kvm_signal_mask', { len }, new Uint8Array(16));
  expect([give(8), give(16), give(0)]).toEqual([0, 'EINVAL', 'EINVAL']);
  expect(p.ioctl(vcpu, 'KVM_SET_SIGNAL_MASK', 0)).toBe(0);
  expect(p.ioctl(vcpu, 'KVM_SET_SIGNAL_MASK', 16)).toBe('EFAULT');
}); // biome-ignore format: one request

test('what a vCPU maps: kvm_run, the coalesced ring, no more', () => {
  const { p, vm, vcpu } = setUp('PSCI_0_2');
  const second = p.vcpu(vm, 1, 'PSCI_0_2');
  const [a, b] = [vcpu, second].map((fd) => p.process.getFile(fd)?.mmap?.(0n, 0x3000n, true, 3) as SharedPages);
  expect(a!.frame(0)).not.toBe(b!.frame(0));
  expect(a!.frame(1)).toBe(b!.frame(1));
  expect([a!.frame(2), a!.frame(64)]).toEqual([undefined, undefined]);
});

test('requests that belong elsewhere', () => {
  const { p, vm, vcpu } = setUp('PSCI_0_2');
  expect(p.ioctl(vcpu, 'KVM_CREATE_VCPU', 1)).toBe('EINVAL');
  expect(p.ioctl(vm, 'KVM_RUN')).toBe('EINVAL');
  expect(p.ioctl(p.kvm, 'KVM_RUN')).toBe('EINVAL');
  expect(p.process.ioctl(vcpu, 0x5401)).toBe(-Errno.EINVAL); // TCGETS
});
