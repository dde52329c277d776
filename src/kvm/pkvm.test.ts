// What a hypervisor apart from the host may see, who owns a page, and what a protected host gives up: invariants 44 to 50 of
// the project's list, and every transition of page ownership with every way that it is refused.

import { describe, expect, test } from 'vitest';
import { DONE, SET_VECTORS, TestGuest, testMachine, VECTORS } from '../../test/kit/guest.ts';
import { Errno } from '../base/hostfile.ts';
import { FP_STATE, FpArea } from '../cpu/fp_state.ts';
import { FRAME_SIZE, PhysMem } from '../cpu/physmem.ts';
import { Slot } from '../cpu/state.ts';
import { FIRST_HANDLE, Hypervisor, LIST_REGISTERS, MAX_VMS, SHARED_VCPU } from './hyp/hyp-main.ts';
import { GuestPages, HypFault, HypMappings, MemProtect } from './hyp/mem_protect.ts';
import { HypShare } from './hyp_share.ts';

const { EPERM, EINVAL, EBUSY, ENOENT, ENOMEM, EAGAIN, EFAULT, EHWPOISON } = Errno;
const mem = new PhysMem(4);
const page = (): number => mem.allocFrame();
const at = (pfn: number): number => pfn * FRAME_SIZE;
const shares = (protect = new MemProtect(mem)) => ({ protect, share: new HypShare(protect, mem.frames * FRAME_SIZE) });
/** Three pages in a row. */
const run3 = (): number => mem.allocFixed(3 * FRAME_SIZE);

describe('sharing', () => {
  test('44: a range that is shared twice is there until the second unshare, and then unknown', () => {
    const { protect, share } = shares();
    const from = run3();
    const [a, b] = [from + 100, from + 2 * FRAME_SIZE + 100];
    expect([share.share(a, b), share.share(a, b)]).toEqual([0, 0]);
    expect(share.bytes).toBe(3 * FRAME_SIZE);
    expect(share.unshare(a, b)).toBe(0);
    protect.access(a, b - a);
    expect(share.unshare(a, b)).toBe(0);
    for (let i = 0; i < 3; i++) expect(() => protect.access(from + i * FRAME_SIZE, 1)).toThrow(HypFault);
    expect(share.unshare(a, b)).toBe(-ENOENT);
  });
  test('45: a page that cannot be shared takes those before it back', () => {
    const { protect, share } = shares();
    const from = run3();
    const pfn = from / FRAME_SIZE;
    share.share(from, from + 8); // somebody else's object in the first page
    protect.hostDonateHyp(pfn + 2, 1);
    expect(share.share(from, from + 3 * FRAME_SIZE)).toBe(-EPERM);
    expect([0, 1, 2].map((i) => share.count(pfn + i))).toEqual([1, 0, 0]);
    expect([0, 1, 2].map((i) => protect.hostState(pfn + i))).toEqual(['sharedOwned', 'owned', 'nopage']);
  });
  test('46: what the hypervisor has pinned cannot be unshared', () => {
    const { protect, share } = shares();
    const a = at(page());
    share.share(a, a + 8);
    expect(protect.pin(a, a + 8)).toBe(0);
    expect(share.unshare(a, a + 8)).toBe(-EBUSY);
    expect([share.count(a / FRAME_SIZE), protect.hostState(a / FRAME_SIZE)]).toEqual([1, 'sharedOwned']);
    protect.unpin(a, a + 8);
    expect(share.unshare(a, a + 8)).toBe(0);
  });
  test('objects that share a page share its count', () => {
    const { protect, share } = shares();
    const a = at(page());
    share.share(a, a + 560);
    share.share(a + 576, a + 1136);
    share.unshare(a, a + 560);
    protect.access(a, FRAME_SIZE); // also the object that was taken back
  });
  test('addresses outside of memory are EINVAL', () => {
    const { share } = shares();
    expect(share.share(mem.frames * FRAME_SIZE - 4, mem.frames * FRAME_SIZE + 4)).toBe(-EINVAL);
    expect(share.share(8, 8)).toBe(-EINVAL);
  });
  test('without protection sharing is mapping, and stays', () => {
    const space = new HypMappings();
    const share = new HypShare(space, mem.frames * FRAME_SIZE);
    const a = at(page());
    expect(() => space.access(a, 4)).toThrow(HypFault);
    share.share(a, a + 4);
    share.unshare(a, a + 4);
    space.access(a, 4);
  });
});

describe('page ownership', () => {
  const both = (m: MemProtect, p: number): string => `${m.hostState(p)} ${m.hypState(p)}`;
  test('host and hypervisor share', () => {
    const m = new MemProtect(mem);
    const p = page();
    expect(m.hostUnshareHyp(p)).toBe(-EPERM);
    expect([m.hostShareHyp(p), m.hostShareHyp(p)]).toEqual([0, -EPERM]);
    expect(both(m, p)).toBe('sharedOwned sharedBorrowed');
    expect(m.hostDonateHyp(p, 1)).toBe(-EPERM);
    expect(m.hypDonateHost(p, 1)).toBe(-EPERM);
    expect(m.hostUnshareHyp(p)).toBe(0);
    expect(both(m, p)).toBe('owned nopage');
  });
  test('the host gives pages to the hypervisor and gets them back', () => {
    const m = new MemProtect(mem);
    const p = run3() / FRAME_SIZE;
    expect([m.hostDonateHyp(0, 1), m.hostDonateHyp(mem.frames, 1), m.hostDonateHyp(p, 0)]).toEqual([
      -EINVAL,
      -EINVAL,
      -EINVAL,
    ]);
    expect(m.hostDonateHyp(p, 3)).toBe(0);
    expect(both(m, p + 2)).toBe('nopage owned');
    expect([m.hostDonateHyp(p, 1), m.hostShareHyp(p), m.hostUnshareHyp(p)]).toEqual([-EPERM, -EPERM, -EPERM]);
    expect(m.pin(at(p), at(p) + 1)).toBe(-EPERM);
    expect(m.hypDonateHost(p, 3)).toBe(0);
    expect(m.hypDonateHost(p, 3)).toBe(-EPERM);
    expect(m.hypDonateHost(0, 1)).toBe(-EINVAL);
  });
  test('a range is taken whole or not at all', () => {
    const m = new MemProtect(mem);
    const p = run3() / FRAME_SIZE;
    m.hostShareHyp(p + 2);
    expect(m.hostDonateHyp(p, 3)).toBe(-EPERM);
    expect(both(m, p)).toBe('owned nopage');
    expect(m.pin(at(p), at(p + 3))).toBe(-EPERM);
    expect(m.pinCount(p + 2)).toBe(0);
  });
  test('a page is lent to several guests without protection', () => {
    const m = new MemProtect(mem);
    const [a, b] = [new GuestPages(), new GuestPages()];
    const p = page();
    expect(m.hostShareGuest(0, 5, a)).toBe(-EINVAL);
    expect([m.hostShareGuest(p, 5, a), m.hostShareGuest(p, 5, a), m.hostShareGuest(p, 6, b)]).toEqual([0, -EPERM, 0]);
    expect(m.hostShareHyp(p)).toBe(-EPERM);
    expect(m.hostDonateGuest(p, 9, b)).toBe(-EPERM);
    expect([m.hostUnshareGuest(7, a), m.hostUnshareGuest(5, a)]).toEqual([-ENOENT, 0]);
    expect(m.hostState(p)).toBe('sharedOwned');
    expect(m.hostUnshareGuest(6, b)).toBe(0);
    expect(m.hostState(p)).toBe('owned');
    expect(m.hostShareGuest(page(), 1, new GuestPages(0))).toBe(-ENOMEM);
    const shared = page();
    m.hostShareHyp(shared);
    expect(m.hostShareGuest(shared, 1, a)).toBe(-EPERM);
  });
  test('a protected guest gets pages, lends them and takes them back', () => {
    const m = new MemProtect(mem);
    const g = new GuestPages();
    const p = page();
    expect(m.guestShareHost(5, g)).toBe(-ENOENT);
    expect([m.hostDonateGuest(p, 5, g), m.hostDonateGuest(p, 6, g), m.hostDonateGuest(page(), 5, g)]).toEqual([
      0,
      -EPERM,
      -EPERM,
    ]);
    expect(m.hostDonateGuest(page(), 7, new GuestPages(0))).toBe(-ENOMEM);
    expect([m.hostState(p), g.stateOf(5)]).toEqual(['nopage', 'owned']);
    expect([m.hostShareHyp(p), m.hostUnshareGuest(5, g), m.guestUnshareHost(5, g)]).toEqual([-EPERM, -EPERM, -EPERM]);
    expect([m.guestShareHost(5, g), m.guestShareHost(5, g)]).toEqual([0, -EPERM]);
    expect([m.hostState(p), g.stateOf(5)]).toEqual(['sharedBorrowed', 'sharedOwned']);
    expect(m.guestUnshareHost(5, g)).toBe(0);
    expect(m.guestUnshareHost(6, g)).toBe(-ENOENT);
  });
  test('pages of a dying guest come back wiped, unless the host could read them', () => {
    const m = new MemProtect(mem);
    const g = new GuestPages();
    const [secret, open] = [page(), page()];
    m.hostDonateGuest(secret, 1, g);
    m.hostDonateGuest(open, 2, g);
    m.guestShareHost(2, g);
    for (const p of [secret, open]) mem.frameBytes(p).fill(7);
    expect([m.reclaim(1, g), m.reclaim(2, g), m.reclaim(1, g)]).toEqual([0, 0, -ENOENT]);
    expect([mem.frameBytes(secret)[0], mem.frameBytes(open)[0]]).toEqual([0, 7]);
    expect([m.hostState(secret), m.hostState(open)]).toEqual(['owned', 'owned']);
    const lent = page();
    m.hostShareGuest(lent, 3, g);
    expect(m.reclaim(3, g)).toBe(-EPERM);
  });
  test('a page that is taken by force leaves poison', () => {
    const m = new MemProtect(mem);
    const g = new GuestPages();
    const p = page();
    m.hostDonateGuest(p, 1, g);
    expect([m.forceReclaim(mem.frames), m.forceReclaim(page())]).toEqual([-EFAULT, -EAGAIN]);
    const hyps = page();
    m.hostDonateHyp(hyps, 1);
    expect(m.forceReclaim(hyps)).toBe(-EPERM);
    expect(m.forceReclaim(p)).toBe(0);
    expect([g.stateOf(1), m.hostState(p)]).toEqual(['poison', 'owned']);
    expect([m.guestShareHost(1, g), m.reclaim(1, g)]).toEqual([-EHWPOISON, 0]);
  });
  test('touching memory that is somebody else’s is a fault that says where', () => {
    const m = new MemProtect(mem);
    const p = run3() / FRAME_SIZE;
    m.hostShareHyp(p);
    expect(() => m.access(at(p) + FRAME_SIZE - 8, 16)).toThrow(`0x${at(p + 1).toString(16)}`);
    expect(() => m.access(2 ** 52, 8)).toThrow(HypFault);
    expect([m.isLent(at(p), 8), m.isLent(at(p), FRAME_SIZE + 1)]).toEqual([true, false]);
  });
});

const FP_ON = 'mov x0, #(3 << 20)\n msr cpacr_el1, x0\n isb\n';

describe('the protected host', () => {
  test('47: a protected VM has no FPMR, whatever the host has, and its accesses are UNDEFINED', () => {
    const g = new TestGuest(`${SET_VECTORS} ${FP_ON} mrs x1, s3_0_c0_c4_2\n mrs x2, s3_0_c0_c4_7\n mrs x3, s3_0_c0_c6_3\nbad: mrs x4, fpmr\n ${DONE} ${VECTORS}`, {
      mode: 'protected', isProtected: true,
    }); // biome-ignore format: one guest
    g.finish();
    expect([(g.x(1) >> 32n) & 15n, g.x(2), g.x(3), g.x(28), g.x(29)]).toEqual([
      0n,
      0n,
      0n,
      0x0200_0000n,
      g.symbols.get('bad'),
    ]);
  });
  test('48: after a run the registers are the host’s, and it cannot tell whether the guest used any', () => {
    const outcome = (body: string): unknown => {
      const events: string[] = [];
      const g = new TestGuest(`${FP_ON} mov x5, #9\n ${body}\n ${DONE}`, {
        mode: 'protected', kvm: { fpTrace: (e) => events.push(e), trace: (e) => e === 'kvm_exit' && look() },
      }); // biome-ignore format: one guest
      g.vcpu.getOneReg('PC');
      const { state, cpu } = g.process.fp;
      for (let n = 0; n < 32; n++) state.setV(n, BigInt(n) * 0x0101_0101n, ONES);
      state.set(Slot.FPMR, 0x1c1n);
      const before = new FpArea();
      cpu!.file.save(before, FP_STATE);
      let inside: unknown;
      const look = (): void => {
        const after = new FpArea();
        cpu!.file.save(after, FP_STATE);
        inside = [[...after.words], after.get('FPMR'), after.get('FPCR'), g.process.fp.foreign];
      };
      g.finish();
      expect(inside).toEqual([[...before.words], before.get('FPMR'), before.get('FPCR'), true]);
      return [inside, events.includes('fp_trap')];
    };
    const [quiet, trapped] = outcome('nop') as [unknown, boolean];
    const [busy, trappedToo] = outcome('fmov d0, x5\n fmov d31, x5\n msr fpmr, x5\n msr fpcr, x5') as [
      unknown,
      boolean,
    ];
    expect(busy).toEqual(quiet);
    expect([trapped, trappedToo]).toEqual([false, true]);
  });
  test('49: a count of list registers beyond the last is clamped, and a wild pointer ignored', () => {
    const g = new TestGuest(`${FP_ON} fmov d0, #1.0\n ${DONE.replace('b .', '')} fmov d0, #1.0\n ${DONE}`, {
      mode: 'protected', kvm: { fpHostState: { v6: [] } },
    }); // biome-ignore format: one guest
    g.finish();
    const { hypHost } = g.kvm;
    const vcpu = g.kvmVm.vcpus[0]!;
    const shared = hypHost!.addressOf(vcpu);
    const { own } = hypHost!.hyp!.vcpuOf(hypHost!.handleOf(g.kvmVm)!, 0)!;
    const m = testMachine().mem;
    m.u32[(shared + SHARED_VCPU.usedLrs) >>> 2] = 255;
    m.u64.fill(0x5555n, (shared + SHARED_VCPU.lr) >>> 3, (shared + FRAME_SIZE) >>> 3);
    m.u64[(shared + SHARED_VCPU.hostUw) >>> 3] = BigInt(own + 1024);
    const before = m.u8.slice(own + SHARED_VCPU.lr + 8 * LIST_REGISTERS, own + FRAME_SIZE);
    g.finish();
    expect(m.u32[(own + SHARED_VCPU.usedLrs) >>> 2]).toBe(LIST_REGISTERS);
    expect(m.u8.slice(own + SHARED_VCPU.lr + 8 * LIST_REGISTERS, own + FRAME_SIZE)).toEqual(before);
    expect(m.u8.slice(own + 1024, own + 1024 + 560).some((b) => b !== 0)).toBe(false);
  });
  test('50: there is no VM behind a handle that nobody made, and nothing to run', () => {
    const hyp = new Hypervisor(mem);
    const g = new TestGuest(DONE, { mode: 'protected' });
    const { cpu } = g.process.fp;
    expect(hyp.loadVcpu(FIRST_HANDLE, 0, cpu!)).toBeUndefined();
    expect(hyp.reserveVm()).toBe(FIRST_HANDLE);
    expect(hyp.loadVcpu(FIRST_HANDLE, 0, cpu!)).toBeUndefined();
    g.finish();
    const { hypHost } = g.kvm;
    const vcpu = g.kvmVm.vcpus[0]!;
    expect(hypHost!.run(vcpu, vcpu.guest!, { cpu: cpu!, task: g.process.fp }, 1)).toBe(-EINVAL);
    expect(hypHost!.hyp!.loadVcpu(hypHost!.handleOf(g.kvmVm)!, 1, cpu!)).toBeUndefined();
  });
  test('the table holds 255 VMs', () => {
    const hyp = new Hypervisor(mem);
    const handles = Array.from({ length: MAX_VMS }, () => hyp.reserveVm());
    expect([handles[0], handles.at(-1)]).toEqual([FIRST_HANDLE, FIRST_HANDLE + MAX_VMS - 1]);
    expect(hyp.reserveVm()).toBe(-ENOMEM);
  });
  test.each(['nvhe', 'protected'] as const)(
    '%s: a structure that is not shared is a fault of the hypervisor',
    (mode) => {
      const g = new TestGuest(DONE, { mode });
      const { hypHost } = g.kvm;
      expect(() => hypHost!.space.access(at(page()), 8)).toThrow(HypFault);
      expect(hypHost!.share.bytes).toBe(2 * FRAME_SIZE);
    },
  );
  test('of the host’s threads nothing is shared, with state by CPU; with state by vCPU the whole thread_struct_uw is', () => {
    const shared = (fpHostState: 'modern' | { readonly v6: readonly [] }): boolean => {
      const g = new TestGuest(DONE, { mode: 'protected', kvm: { fpHostState } });
      g.finish();
      return g.kvm.hypHost!.space.isLent(g.process.fp.block.address, 560);
    };
    expect([shared('modern'), shared({ v6: [] })]).toEqual([false, true]);
  });
});
const ONES = 0xffff_ffff_ffff_ffffn;
