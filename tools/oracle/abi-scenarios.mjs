// Random but repeatable conversations with /dev/kvm that ask about the rules: which requests are refused, with what, in
// which order, and what is left behind. A scenario is lines of the language of abi_script.c; its numbers and structures
// come from the caller (src/uapi or dist/uapi). Asks nothing that needs a running guest.

const BUFFER = 0x2_0000_0000n;
/** Offsets in the buffer: the structure that a request points to; what that structure points to; guest memory. */
const [ARG, DATA, RAM] = [0x1000, 0x2000, 0x10_0000];
/** An address where nothing is mapped. */
const BAD = 0x10n;
/** File numbers of the script. */
const F = {
  kvm: 0,
  vm: 1,
  vcpu0: 2,
  vcpu1: 3,
  vcpu2: 4,
  gic: 5,
  dev: 6,
  dev2: 7,
  stats: 8,
  gmem: 9,
  event: [10, 11, 12],
  none: 99,
};
const [G, T] = [2 ** 30, 2 ** 40];

/** Numbers from a seed: mulberry32. */
function random(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function script(uapi, next) {
  const { KVM, encode, structs } = uapi;
  const lines = [];
  const s = {
    uapi,
    lines,
    line: (...words) => lines.push(words.filter((w) => w !== '').join(' ')),
    below: (n) => Math.floor(next() * n),
    pick: (...choices) => choices[Math.floor(next() * choices.length)],
    maybe: (p) => next() < p,
    times(n, deeds) {
      for (let i = 0; i < n; i++) deeds[s.below(deeds.length)]();
    },
    big: (x) => BigInt.asUintN(64, BigInt(x)),
    u32: (x) => new Uint8Array(Uint32Array.of(x).buffer),
    u64: (x) => new Uint8Array(BigUint64Array.of(s.big(x)).buffer),
    ram: (offset = 0) => BUFFER + BigInt(RAM + offset),
    data: (offset = 0) => BUFFER + BigInt(DATA + offset),
    /** Mostly a good address. */
    maybeBad: (offset = 0) => (s.maybe(0.3) ? BAD : s.data(offset)),
    put(offset, bytes) {
      s.line('F', offset.toString(16), [...bytes].map((b) => b.toString(16).padStart(2, '0')).join(''));
    },
    putStruct: (struct, value) => s.put(ARG, encode(structs[struct], value)),
    putFile: (field, file) => s.line('X', (ARG + field).toString(16), file),
    show: (offset, length) => s.line('D', offset.toString(16), length),
    /** A request with a plain argument; without one, what has been put. */
    ask(file, name, arg = BUFFER + BigInt(ARG), store = '') {
      s.line('I', file, KVM[name].toString(16), s.big(arg).toString(16), store);
    },
    /** A request with a structure, followed by `more` bytes. */
    give(file, name, struct, value, { store, more = [] } = {}) {
      s.put(ARG, [...encode(structs[struct], value), ...more]);
      s.ask(file, name, undefined, store);
    },
    newVm(type = 0) {
      s.line('Z');
      s.line('O', F.kvm);
      s.ask(F.kvm, 'KVM_CREATE_VM', type, F.vm);
    },
    init(file, feature, rest = [0, 0, 0, 0, 0, 0], target = 5) {
      s.give(file, 'KVM_ARM_VCPU_INIT', 'kvm_vcpu_init', { target, features: [feature, ...rest] });
    },
    vcpu(id, file, feature = 4) {
      s.ask(F.vm, 'KVM_CREATE_VCPU', id, file);
      if (feature !== 'none') s.init(file, feature);
    },
    device(type, file, flags = 0) {
      s.give(F.vm, 'KVM_CREATE_DEVICE', 'kvm_create_device', { type, fd: 0xffff_ffff, flags });
      s.line('G', (ARG + 4).toString(16), file);
    },
    cap(cap, arg = 0, flags = 0) {
      s.give(F.vm, 'KVM_ENABLE_CAP', 'kvm_enable_cap', { cap, flags, args: [BigInt(arg), 0n, 0n, 0n] });
    },
    /** @param bytes at the address of the attribute */
    attr(file, verb, group, attr, bytes, addr = s.data()) {
      s.put(DATA, bytes);
      s.give(file, `KVM_${verb}_DEVICE_ATTR`, 'kvm_device_attr', { group, attr: s.big(attr), addr });
      if (verb === 'GET' && addr !== BAD) s.show(DATA, bytes.length);
    },
    verb: () => s.pick('SET', 'GET', 'SET', 'HAS'),
    run(file) {
      s.line('Y', file, 1);
      s.ask(file, 'KVM_RUN', 0);
    },
    reg: (file, verb, id, addr = s.data()) => s.give(file, `KVM_${verb}_ONE_REG`, 'kvm_one_reg', { id, addr }),
    see(file, id) {
      s.reg(file, 'GET', id);
      s.show(DATA, 8);
    },
    /** GICv3 at its usual place. */
    gicv3({ lines = 64, init = true } = {}) {
      s.device(7, F.gic);
      if (lines) s.attr(F.gic, 'SET', 3, 0, s.u32(lines));
      s.attr(F.gic, 'SET', 0, 2, s.u64(0x800_0000));
      s.attr(F.gic, 'SET', 0, 3, s.u64(0x80a_0000));
      if (init) s.attr(F.gic, 'SET', 4, 0, s.u64(0));
    },
    irqLine(type, vcpu, number, level) {
      s.give(F.vm, 'KVM_IRQ_LINE', 'kvm_irq_level', { irq: type * 2 ** 24 + vcpu * 2 ** 16 + number, level });
    },
  };
  return s;
}

const ZEROS = (n) => new Array(n).fill(0);
const BIGZEROS = (n) => new Array(n).fill(0n);

function memslots(s) {
  const { pick, maybe } = s;
  s.newVm(pick(0, 0, 0, 32, 36, 40));
  if (maybe(0.3)) s.cap(168, pick(0, 1, 2, 3, 4));
  if (maybe(0.2)) s.cap(223, pick(0, 16, 1024, 4096, 65536, 1 << 20, 1 << 21, 3000));
  if (maybe(0.2)) s.cap(225, 0, pick(0, 0, 1));
  if (maybe(0.2)) s.cap(228, pick(0, 4096, 0x20_0000, 0x4000_0000, 0x100_0000, 12288));
  const memfd = maybe(0.4);
  if (memfd) {
    const how = { size: pick(0x10000n, 0x4000n, 0x1000n), flags: pick(3n, 3n, 1n, 0n) };
    s.give(F.vm, 'KVM_CREATE_GUEST_MEMFD', 'kvm_create_guest_memfd', how, { store: F.gmem });
  }
  const gpas = [
    0,
    0x1000,
    0x2000,
    0x10000,
    0x4000,
    0x10_0000,
    2 * G,
    4 * G,
    64 * G - 0x1000,
    T - 0x1000,
    T,
    0x800,
    -0x1000,
  ];
  const hvas = [
    s.ram(),
    s.ram(),
    s.ram(0x10000),
    BUFFER + 0x800n,
    0,
    2 ** 52 - 0x1000,
    2 ** 52,
    BUFFER | (1n << 56n),
    1n << 63n,
  ];
  const region = () => ({
    slot: pick(0, 1, 2, 3, 32766, 32767, 0x10000, 0x10001, 5),
    flags: pick(0, 0, 0, 1, 1, 2, 3, 4, 8, 5, 6),
    guest_phys_addr: s.big(pick(...gpas)),
    memory_size: s.big(pick(0, 0, 0x1000, 0x2000, 0x4000, 0x10000, 0x1800, 2 * G, 8 * T - 0x1000, 8 * T, G)),
    userspace_addr: s.big(pick(...hvas)),
  });
  const logSlot = () => pick(0, 1, 2, 5, 32767, 0x10000);
  const set = () => s.give(F.vm, 'KVM_SET_USER_MEMORY_REGION', 'kvm_userspace_memory_region', region());
  const set2 = () => {
    s.putStruct('kvm_userspace_memory_region2', {
      ...region(),
      guest_memfd_offset: BigInt(pick(0, 0, 0x1000, 0x800, 0x8000)),
    });
    s.putFile(40, memfd && maybe(0.8) ? F.gmem : F.none);
    s.ask(F.vm, 'KVM_SET_USER_MEMORY_REGION2');
  };
  const log = (ask) => {
    s.put(DATA, new Uint8Array(64).fill(255));
    ask();
    s.show(DATA, 16);
  };
  const get = () =>
    log(() => s.give(F.vm, 'KVM_GET_DIRTY_LOG', 'kvm_dirty_log', { slot: logSlot(), dirty_bitmap: s.maybeBad() }));
  const clear = () => {
    const pages = { num_pages: pick(1, 4, 16, 64, 128, 2), first_page: pick(0n, 0n, 64n, 32n, 1n) };
    log(() =>
      s.give(F.vm, 'KVM_CLEAR_DIRTY_LOG', 'kvm_clear_dirty_log', {
        slot: logSlot(),
        ...pages,
        dirty_bitmap: s.maybeBad(),
      }),
    );
  };
  s.times(35, [
    set,
    set,
    set,
    set2,
    set2,
    get,
    get,
    clear,
    () => maybe(0.2) && s.ask(F.vm, 'KVM_RESET_DIRTY_RINGS', 0),
  ]);
}

/** KVM_ARM_VCPU_* bits. */
const FEATURES = [0, 4, 4, 4, 0xc, 0x14, 0x64, 0x20, 0x84, 0x184, 0x100, 2, 6, 6, 1, 5, 0x200, 0x1fc];
/** An id of a register of 64 bits. */
const id64 = (cls, index) => (0x6030n << 48n) | (BigInt(cls) << 16n) | BigInt(index);
const core = (index) => id64(0x10, index);
const sys = (encoding) => id64(0x13, encoding);

function vcpus(s) {
  const { pick, maybe } = s;
  s.newVm();
  if (maybe(0.2)) s.cap(239);
  s.ask(F.vm, 'KVM_CREATE_VCPU', pick(0, 0, 5, 511, 512, 600), F.vcpu0);
  s.ask(F.vm, 'KVM_CREATE_VCPU', pick(0, 1, 1, 2), F.vcpu1);
  const usual = pick(...FEATURES);
  const any = () => pick(F.vcpu0, F.vcpu0, F.vcpu0, F.vcpu1);
  const others = [
    'KVM_GET_REGS',
    'KVM_SET_SREGS',
    'KVM_PRE_FAULT_MEMORY',
    'KVM_SET_USER_MEMORY_REGION',
    'KVM_CHECK_EXTENSION',
  ];
  const setEvents = () => {
    const [pad, reserved] = [ZEROS(5), ZEROS(12)];
    if (maybe(0.1)) pad[s.below(5)] = 1;
    if (maybe(0.1)) reserved[s.below(12)] = 1;
    const serror = {
      serror_pending: pick(0, 1, 1),
      serror_has_esr: pick(0, 1, 1),
      serror_esr: pick(0n, 0x1ff_ffffn, 0x200_0000n, 5n, 1n << 40n),
    };
    const exception = { ...serror, ext_dabt_pending: pick(0, 0, 0, 1), pad };
    s.give(any(), 'KVM_SET_VCPU_EVENTS', 'kvm_vcpu_events', { exception, reserved });
  };
  const indices = [
    0, 1, 2, 3, 4, 5, 13, 14, 0xc000, 0xc020, 0xc022, 0xda22, 0xffff, 0x400, 0x600, 0xdf01, 0xc230, 0x8004,
  ];
  const coreIndices = [0, 2, 60, 62, 63, 64, 66, 68, 70, 72, 80, 82, 83, 84, 88, 208, 212, 213, 214, 1000];
  s.times(34, [
    () =>
      s.init(
        any(),
        pick(usual, usual, pick(...FEATURES)),
        pick(ZEROS(6), ZEROS(6), [1, 0, 0, 0, 0, 0]),
        pick(5, 5, 5, 0, 2, 4, 6),
      ),
    () => s.init(any(), usual),
    () => s.give(any(), 'KVM_ARM_VCPU_FINALIZE', 'kvm_int', { value: pick(4, 4, 3, 0, -1) }),
    () => {
      const size = BigInt(pick(3, 3, 3, 2, 4, 5, 0)) << 52n;
      s.reg(
        any(),
        pick('GET', 'SET'),
        (0x6000n << 48n) | size | (0x10n << 16n) | BigInt(pick(...coreIndices)),
        s.maybeBad(),
      );
    },
    () => {
      const [arch, size, cls] = [
        pick(0x60, 0x60, 0x60, 0x60, 0x40, 0),
        pick(3, 3, 2, 5, 8, 6),
        pick(0x11, 0x13, 0x14, 0x15, 0x16, 0x17, 0x10),
      ];
      const id = (BigInt(arch) << 56n) | (BigInt(size) << 52n) | (BigInt(cls) << 16n) | BigInt(pick(...indices));
      s.reg(any(), pick('GET', 'SET'), id, s.maybeBad(0x100));
    },
    () => {
      s.put(DATA, s.u64(pick(0, 1, 100, 1000)));
      s.ask(any(), 'KVM_GET_REG_LIST', s.maybeBad());
      s.show(DATA, 8);
    },
    () => s.give(any(), 'KVM_SET_MP_STATE', 'kvm_mp_state', { mp_state: pick(0, 5, 10, 1, 2, 3, 11, 7) }),
    () => {
      s.put(DATA, s.u32(99));
      s.ask(any(), 'KVM_GET_MP_STATE', s.data());
      s.show(DATA, 4);
    },
    () => {
      s.put(DATA, new Uint8Array(64).fill(0xaa));
      s.ask(any(), 'KVM_GET_VCPU_EVENTS', s.maybeBad());
      s.show(DATA, 64);
    },
    setEvents,
    () =>
      s.give(any(), 'KVM_SET_GUEST_DEBUG', 'kvm_guest_debug', {
        control: pick(0, 1, 2, 3, 0x10001, 0x20001, 0x30003, 4, 0x40000, 8),
      }),
    () => {
      s.put(DATA, [...s.u32(pick(8, 8, 4, 16, 0)), ...new Uint8Array(8).fill(255)]);
      s.ask(any(), 'KVM_SET_SIGNAL_MASK', pick(s.data(), s.data(), 0n, BAD));
    },
    () => s.ask(any(), pick(...others), s.data()),
    () => s.ask(any(), 'KVM_RUN', 1),
    () => {
      const v = any();
      s.run(v);
      s.line('Y', v, 0);
    },
    () => s.ask(F.vm, 'KVM_CREATE_VCPU', pick(0, 1, 5), pick(F.vcpu1, F.vcpu2)),
    () => s.ask(any(), 'KVM_GET_STATS_FD', 0, F.stats),
  ]);
  // What injected aborts leave: pc, pstate, x20, spsr[0..1]; ELR_EL1, SPSR_EL1, ESR_EL1, FAR_EL1.
  for (const id of [core(64), core(66), core(40), core(72), core(74), core(70), sys(0xc290), sys(0xc300)])
    s.see(F.vcpu0, id);
}

/** ID_*_EL1, CLIDR, MIDR, REVIDR, AIDR, CTR, by encoding. */
const ID_REGS = [
  0xc000, 0xc005, 0xc006, 0xc020, 0xc021, 0xc022, 0xc024, 0xc027, 0xc028, 0xc030, 0xc031, 0xc032, 0xc033, 0xc038,
  0xc039, 0xc03a, 0xc03b, 0xc03c, 0xc801, 0xc807, 0xd801, 0xc009, 0xc00a,
];
function idRegisters(s) {
  const { pick, maybe } = s;
  s.newVm();
  if (maybe(0.3)) s.cap(239);
  s.vcpu(0, F.vcpu0, pick(4, 0xc, 0x14, 0x64, 0x84));
  s.vcpu(1, F.vcpu1, pick(4, 4, 0xc));
  const change = () => {
    const v = pick(F.vcpu0, F.vcpu0, F.vcpu1);
    const id = sys(pick(...ID_REGS));
    s.see(v, id);
    for (let n = 1 + s.below(3); n > 0; n--)
      s.put(DATA + s.below(8), [pick(0, 1, 0x10, 0x11, 0x20, 0xff, s.below(256))]);
    s.reg(v, 'SET', id);
    s.see(pick(F.vcpu0, F.vcpu1), id);
    if (maybe(0.05)) s.run(F.vcpu0);
    if (maybe(0.03)) s.device(7, F.gic);
    if (maybe(0.03)) s.init(F.vcpu0, 4);
  };
  s.times(20, [change]);
}

/** Attributes of a GICv3: ICC_*_EL1 and a few that are not. */
const ICC = [
  0xc230, 0xc643, 0xc663, 0xc664, 0xc665, 0xc666, 0xc667, 0xc644, 0xc645, 0xc646, 0xc647, 0xc648, 0xc649, 0xc64a,
  0xc64b, 0xe658, 0xe659, 0xe64d, 0xe640, 0xe660, 0xc640,
];
const GIC_OFFSETS = [
  0, 4, 8, 0xc, 0x10, 0x80, 0x84, 0x100, 0x104, 0x180, 0x204, 0x284, 0x304, 0x384, 0x404, 0x800, 0xc04, 0xc08, 0x6100,
  0x6104, 0xffe8, 0xffd0, 0x1c, 2, 0x10080, 0x10100, 0x10200, 0x10400, 0x10c00, 0x10c04, 0x70, 0x78, 0x14, 0x7c, 0xa0,
  0x20000,
];
function gicDeeds(s, dev, n) {
  const { pick, maybe, verb } = s;
  const vcpu = (...ids) => pick(...ids) * 2 ** 32;
  const bases = [0x800_0000, 0x800_0000, 0x80a_0000, 0x80a_1000, 0x100_0000, T, T - 0x10000, -0x10000, 0x801_0000];
  const address = () => {
    const type = pick(2, 2, 3, 5, 5, 0, 1, 4, 9);
    let at = s.big(pick(...bases));
    if (type === 5)
      at =
        (BigInt(pick(0, 1, 2, 3)) << 52n) |
        (at & 0xf_ffff_ffff_0000n) |
        BigInt(pick(0, 0, 0, 0x1000) | pick(0, 0, 1, 2));
    s.attr(dev, verb(), 0, type, s.u64(at), maybe(0.95) ? s.data() : BAD);
  };
  const values = [0, 1, 2, 0xffff_ffff, 0x101, 0x1010_1010, 0x4b00_343b, 0x4b00_243b, 0x4b00_143b];
  const register = () =>
    s.attr(dev, verb(), pick(1, 1, 5), vcpu(0, 0, 0, 1, 2) + pick(...GIC_OFFSETS), s.u32(pick(...values)));
  const interrupts = () => s.attr(dev, verb(), 3, pick(0, 0, 1), s.u32(pick(32, 64, 96, 128, 100, 1024, 1023, 256, 0)));
  const control = () => s.attr(dev, verb(), 4, pick(0, 0, 0, 3, 1, 5), s.u64(0));
  const iccValues = [0, 1, 7, 0xff, 0xf0, 0x400, 0x8c00, 0x8400, 0xc00, 0xffff_ffff];
  const icc = () => s.attr(dev, verb(), 6, vcpu(0, 0, 0, 1) + pick(...ICC), s.u64(pick(...iccValues)));
  const levels = () =>
    s.attr(dev, verb(), 7, vcpu(0, 0, 1) + pick(0, 0, 32, 64, 1, 0x400, 96), s.u32(pick(0, 0xffff_0000, 0xffff_ffff)));
  const numbers = [0, 1, 2, 16, 20, 23, 25, 27, 31, 32, 33, 63, 64, 100, 1020];
  s.times(n, [
    address,
    address,
    address,
    register,
    register,
    register,
    interrupts,
    interrupts,
    control,
    control,
    icc,
    icc,
    icc,
    levels,
    levels,
    () => s.attr(dev, verb(), 9, 0, s.u32(pick(25, 16, 31, 15, 32, 0))),
    () => s.attr(dev, verb(), pick(2, 8, 10), 0, s.u32(0)),
    () => s.irqLine(pick(0, 1, 2, 3), pick(0, 0, 1, 7), pick(...numbers), pick(0, 1, 1)),
    () => s.ask(F.vm, 'KVM_CREATE_VCPU', pick(1, 2, 3), pick(F.vcpu1, F.vcpu2)),
    () =>
      s.give(F.vm, 'KVM_SIGNAL_MSI', 'kvm_msi', {
        address_lo: pick(0x808_0040, 0x901_0040, 0),
        data: pick(0, 1),
        flags: pick(0, 1, 2),
      }),
    () => s.device(pick(7, 5, 8, 4, 16, 10, 17), pick(F.dev, F.dev2), pick(0, 0, 1)),
  ]);
}
function gic(s) {
  const { pick, maybe } = s;
  s.newVm(pick(0, 0, 36));
  if (maybe(0.8)) s.vcpu(0, F.vcpu0, maybe(0.9) ? pick(4, 0xc, 0x84) : 'none');
  if (maybe(0.5)) s.vcpu(1, F.vcpu1);
  if (maybe(0.1)) s.ask(F.vm, 'KVM_CREATE_IRQCHIP', 0);
  if (maybe(0.5)) s.gicv3({ lines: pick(0, 64), init: maybe(0.7) });
  else s.device(7, F.gic);
  gicDeeds(s, F.gic, 25);
  if (maybe(0.4)) return;
  s.run(F.vcpu0);
  gicDeeds(s, F.gic, 4);
}

const GICD2_OFFSETS = [
  0, 4, 8, 0x80, 0x100, 0x104, 0x200, 0x280, 0x300, 0x380, 0x400, 0x410, 0x800, 0x820, 0xc00, 0xc08, 0xf00, 0xf10,
  0xf20, 2, 0x1000,
];
/** GICv2, where the host has one to offer. */
function gicv2(s) {
  const { pick, maybe, verb } = s;
  s.newVm();
  s.vcpu(0, F.vcpu0);
  if (maybe(0.6)) s.vcpu(1, F.vcpu1);
  if (maybe(0.3)) s.ask(F.vm, 'KVM_CREATE_IRQCHIP', 0);
  else s.device(5, F.gic);
  if (maybe(0.5)) {
    s.attr(F.gic, 'SET', 0, 0, s.u64(0x800_0000));
    s.attr(F.gic, 'SET', 0, 1, s.u64(0x801_0000));
    if (maybe(0.7)) s.attr(F.gic, 'SET', 4, 0, s.u64(0));
  }
  const vcpu = () => pick(0, 0, 1, 2) * 2 ** 32;
  const deviceAddr = () => ({ id: pick(0n, 1n, 2n, 0x10000n), addr: pick(0x800_0000n, 0x801_0000n, 0x800_0800n) });
  const distValues = [0, 1, 0xffff_ffff, 0x1020_3040, 0x4b00_243b];
  const dist = () => s.attr(F.gic, verb(), 1, vcpu() + pick(...GICD2_OFFSETS), s.u32(pick(...distValues)));
  const gicc = () =>
    s.attr(
      F.gic,
      verb(),
      2,
      vcpu() + pick(0, 4, 8, 0xc, 0x10, 0x14, 0x18, 0x1c, 0x28, 0xd0, 0xfc, 2, 0x2000),
      s.u32(pick(0, 1, 0xff, 0xf8, 7, 0x20)),
    );
  s.times(20, [
    () => s.attr(F.gic, verb(), 0, pick(0, 1, 2, 3), s.u64(pick(0x800_0000, 0x801_0000, 0x800_0800, T))),
    () => s.give(F.vm, 'KVM_ARM_SET_DEVICE_ADDR', 'kvm_arm_device_addr', deviceAddr()),
    dist,
    dist,
    gicc,
    gicc,
    () => s.attr(F.gic, verb(), 3, 0, s.u32(pick(64, 32, 128, 1024))),
    () => s.attr(F.gic, verb(), pick(4, 4, 5, 6, 7), 0, s.u64(0)),
    () => s.irqLine(pick(0, 1, 2), pick(0, 1), pick(0, 1, 16, 27, 31, 32, 33, 64), pick(0, 1)),
    () => maybe(0.3) && s.run(F.vcpu0),
  ]);
}

const ITS_VALUES = [
  0n,
  1n,
  0x8000_0000_400f_0700n,
  0xb800_0000_400f_000fn,
  0x8000_0000_4001_0000n,
  0x8700_0000_4002_0000n,
  -1n,
  0x40n,
  0x20n,
  0x4b00_043bn,
  0x4b00_143bn,
];
function its(s) {
  const { pick, maybe, verb } = s;
  s.newVm();
  s.vcpu(0, F.vcpu0);
  const ram = { guest_phys_addr: 0x4000_0000n, memory_size: 0x40_0000n, userspace_addr: s.ram() };
  s.give(F.vm, 'KVM_SET_USER_MEMORY_REGION', 'kvm_userspace_memory_region', ram);
  s.gicv3({ init: false });
  s.device(8, F.dev);
  s.ask(F.vm, 'KVM_CHECK_EXTENSION', 131);
  if (maybe(0.3)) s.device(8, F.dev2);
  s.attr(F.gic, 'SET', 4, 0, s.u64(0));
  const offsets = [0, 4, 8, 0x80, 0x88, 0x90, 0x100, 0x108, 0x110, 0xffe8, 0xffd0, 0xc, 0x84, 0x10040, 2, 0x20];
  const register = () => s.attr(F.dev, verb(), 8, pick(...offsets), s.u64(pick(...ITS_VALUES)));
  const msi = () => ({
    address_lo: pick(0x809_0040, 0x809_0040, 0x808_0040, 0),
    data: pick(0, 1),
    flags: pick(0, 1, 2, 1),
    devid: pick(0, 1),
  });
  s.times(25, [
    register,
    register,
    register,
    register,
    () => s.attr(F.dev, verb(), 0, pick(4, 4, 4, 2), s.u64(pick(0x808_0000, 0x808_0000, 0x800_0000, 0x808_1000, T))),
    () => s.attr(F.dev, verb(), 4, pick(0, 1, 2, 4, 3, 9), s.u64(0)),
    () => s.give(F.vm, 'KVM_SIGNAL_MSI', 'kvm_msi', msi()),
    () =>
      s.attr(
        F.gic,
        verb(),
        5,
        pick(0x70, 0x74, 0x78, 0x7c, 0, 8, 0xc),
        s.u32(pick(0, 1, 0xffff_ffff, 0x4003_0000, 0x78f, 0x4000)),
      ),
  ]);
}

function interrupts(s) {
  const { pick, maybe } = s;
  s.newVm();
  s.vcpu(0, F.vcpu0);
  if (maybe(0.85)) s.gicv3({ init: maybe(0.85) });
  for (const e of F.event) s.line('E', e);
  const [a, b, c] = F.event;
  const irqfd = () => {
    s.putStruct('kvm_irqfd', { gsi: pick(0, 1, 32, 5000), flags: pick(0, 0, 1, 1, 2, 3, 4) });
    s.putFile(0, pick(a, a, b, c, F.vcpu0, F.vm, F.none));
    s.putFile(12, pick(a, b, c, F.vcpu0, F.none));
    s.ask(F.vm, 'KVM_IRQFD');
  };
  const ioeventfd = () => {
    const where = {
      datamatch: pick(0n, 1n),
      addr: pick(0x1000n, 0x1000n, 0x2000n, 0xffff_ffff_ffff_fffcn),
      len: pick(0, 1, 2, 4, 8, 3, 16),
    };
    s.putStruct('kvm_ioeventfd', { ...where, flags: pick(0, 0, 1, 1, 2, 4, 5, 32, 8) });
    s.putFile(20, pick(a, b, F.vcpu0, F.none));
    s.ask(F.vm, 'KVM_IOEVENTFD');
  };
  const route = () => {
    const type = pick(1, 1, 1, 2, 3, 0);
    const u = type === 1 ? [pick(0, 0, 1), pick(0, 1, 31, 987, 988), ...ZEROS(6)] : [0x809_0040, 0, 1, ...ZEROS(5)];
    const entry = { gsi: pick(0, 1, 2, 5, 4095, 4096), type, flags: pick(0, 0, 0, 1), u };
    return [...s.uapi.encode(s.uapi.structs.kvm_irq_routing_entry, entry)];
  };
  const routing = () => {
    const n = pick(0, 1, 2, 2, 3);
    const more = Array.from({ length: n }, route).flat();
    s.give(
      F.vm,
      'KVM_SET_GSI_ROUTING',
      'kvm_irq_routing',
      { nr: pick(n, n, n, 4097), flags: pick(0, 0, 0, 1) },
      { more },
    );
  };
  const zone = () => ({
    addr: pick(0x1000n, 0x1400n, 0x2000n),
    size: pick(0x1000, 0x100, 0, 0x8000_0000),
    pio: pick(0, 0, 1, 2),
  });
  const coalesced = ['KVM_REGISTER_COALESCED_MMIO', 'KVM_UNREGISTER_COALESCED_MMIO'];
  const line = () => {
    s.irqLine(pick(0, 1, 2), pick(0, 0, 1), pick(0, 1, 2, 16, 20, 27, 31, 32, 33, 63, 64), pick(0, 1));
    if (maybe(0.5)) s.attr(F.gic, 'GET', 7, 32, s.u32(0));
    if (maybe(0.5)) s.attr(F.gic, 'GET', 1, 0x204, s.u32(0));
  };
  s.times(30, [
    irqfd,
    irqfd,
    irqfd,
    routing,
    ioeventfd,
    line,
    () => s.line('W', pick(a, b, c), pick(1, 5)),
    () => s.line('R', pick(a, b, c)),
    () => s.give(F.vm, pick(...coalesced), 'kvm_coalesced_mmio_zone', zone()),
  ]);
}

function attributes(s) {
  const { pick, maybe } = s;
  const { encode, structs } = s.uapi;
  s.newVm();
  s.vcpu(0, F.vcpu0, pick(0xc, 0xc, 4, 0x8c, 4));
  s.vcpu(1, F.vcpu1, pick(0xc, 0xc, 4));
  if (maybe(0.7)) s.gicv3({ init: maybe(0.8) });
  for (const [slot, flags, base] of [
    [0, 0, 0x4000_0000n],
    [1, 2, 0x5000_0000n],
  ]) {
    const ram = { slot, flags, guest_phys_addr: base, memory_size: 0x10000n, userspace_addr: s.ram(slot * 0x10000) };
    s.give(F.vm, 'KVM_SET_USER_MEMORY_REGION', 'kvm_userspace_memory_region', ram);
  }
  const any = () => pick(F.vcpu0, F.vcpu0, F.vcpu1);
  const verb = () => pick('SET', 'SET', 'GET', 'HAS');
  const events = () => ({
    base_event: pick(0, 0x11, 0x3ff, 0xffff),
    nevents: pick(0, 1, 0x400, 0xffff),
    action: pick(0, 1, 2),
  });
  const pmuData = [
    () => s.u32(pick(23, 23, 16, 15, 32, 40, -1, 1020)),
    () => s.u64(0),
    () => encode(structs.kvm_pmu_event_filter, events()),
    () => s.u32(pick(0, 1, 99)),
    () => s.u32(pick(0, 1, 4, 6, 7, 31, 100)),
    () => s.u64(0),
  ];
  const pmu = () => {
    const attr = pick(0, 0, 0, 1, 1, 2, 3, 4, 5);
    s.attr(any(), verb(), 0, attr, pmuData[attr](), maybe(0.92) ? s.data() : BAD);
  };
  const timer = () => s.attr(any(), verb(), 1, pick(0, 1, 2, 3, 4), s.u32(pick(27, 30, 20, 16, 31, 15, 32, 23, 25)));
  const steal = () =>
    s.attr(
      any(),
      verb(),
      2,
      pick(0, 0, 1),
      s.u64(pick(0x4000_0000, 0x4000_0040, 0x4000_0020, 0x5000_0000, 0x6000_0000)),
    );
  const filter = () => {
    const attr = { group: pick(0, 0, 1), attr: pick(0n, 0n, 1n), addr: s.data() };
    s.give(F.vm, `KVM_${pick('SET', 'HAS', 'GET')}_DEVICE_ATTR`, 'kvm_device_attr', attr);
    const range = {
      base: pick(0x8600_0000, 0x8000_0000, 0xc000_1000, 0x8600_0010, 0xffff_ffff),
      nr_functions: pick(0, 1, 16, 0xffff_ffff),
    };
    s.put(
      DATA,
      encode(structs.kvm_smccc_filter, { ...range, action: pick(0, 1, 2, 3), pad: [pick(0, 0, 1), ...ZEROS(14)] }),
    );
    s.give(F.vm, 'KVM_SET_DEVICE_ATTR', 'kvm_device_attr', { addr: s.maybeBad() });
  };
  const offset = () => ({ counter_offset: pick(0n, 5n), reserved: pick(0n, 0n, 1n) });
  s.times(34, [
    pmu,
    pmu,
    pmu,
    pmu,
    timer,
    timer,
    timer,
    steal,
    filter,
    () => s.attr(any(), verb(), 3, 0, s.u64(0)),
    () => s.give(F.vm, 'KVM_ARM_SET_COUNTER_OFFSET', 'kvm_arm_counter_offset', offset()),
    () => maybe(0.3) && s.run(F.vcpu0),
  ]);
  s.run(F.vcpu1);
  s.ask(F.vcpu1, 'KVM_RUN', 0);
  s.run(F.vcpu0);
  s.attr(F.vcpu0, 'SET', 1, 0, s.u32(20));
  s.attr(F.vcpu0, 'SET', 0, 4, s.u32(2));
  s.irqLine(2, 0, 27, 1);
  s.irqLine(2, 0, 23, 1);
  s.attr(F.gic, 'GET', 7, 0, s.u32(0));
}

function systemAndVm(s) {
  const { pick, maybe } = s;
  s.newVm(pick(0, 1, 31, 32, 40, 52, 53, 255, 256, 2 ** 31, 2 ** 32, 0x8000_0028));
  const onVm = [
    'KVM_SET_MEMORY_ATTRIBUTES',
    'KVM_RUN',
    'KVM_GET_ONE_REG',
    'KVM_ARM_VCPU_INIT',
    'KVM_CREATE_IRQCHIP',
    'KVM_CREATE_VM',
  ];
  const onSystem = [
    'KVM_CREATE_VCPU',
    'KVM_RUN',
    'KVM_SET_USER_MEMORY_REGION',
    'KVM_CHECK_EXTENSION',
    'KVM_GET_STATS_FD',
  ];
  const caps = [177, 205, 216, 228, 239, 245, 168, 182, 223, 225, 1, 240, 192, 9];
  const memfd = () => {
    const how = {
      size: pick(0n, 0x1000n, 0x4000n, 0x1001n, 1n << 63n, 0x20_0000n),
      flags: pick(0n, 1n, 2n, 3n, 4n, 1n << 40n),
    };
    const reserved = [pick(0n, 0n, 1n), ...BIGZEROS(5)];
    s.give(F.vm, 'KVM_CREATE_GUEST_MEMFD', 'kvm_create_guest_memfd', { ...how, reserved }, { store: F.gmem });
    for (let i = 0; i < 3; i++) {
      s.line(
        'A',
        F.gmem,
        pick(1, 3, 3, 0, 2, 9),
        pick('0', '1000', '800', '4000'),
        pick('1000', '4000', '800', '8000', '0'),
      );
    }
    s.line('M', F.gmem, pick('0', '1000', '8000'), pick('1000', '4000'), 3, pick(0, 1, 1));
  };
  const stats = () => {
    s.ask(F.vm, 'KVM_GET_STATS_FD', 0, F.stats);
    for (const [offset, length] of [
      [72, 400],
      [1000, 8],
      [20, 8],
    ])
      s.line('P', F.stats, offset, length);
  };
  const tags = () => {
    const where = {
      guest_ipa: pick(0n, 0x1000n, 8n),
      length: pick(0n, 0x1000n, 8n),
      addr: s.data(),
      flags: pick(0n, 1n, 2n),
    };
    s.give(F.vm, 'KVM_ARM_MTE_COPY_TAGS', 'kvm_arm_copy_mte_tags', { ...where, reserved: [pick(0n, 1n), 0n] });
  };
  const masks = () => ({ addr: s.maybeBad(), range: pick(0, 0, 1), reserved: [pick(0, 1), ...ZEROS(12)] });
  s.times(25, [
    () => s.cap(pick(...caps), pick(0, 1, 2, 3, 4096, 2 ** 32), pick(0, 0, 0, 1)),
    () => s.ask(F.vm, 'KVM_CREATE_VCPU', pick(0, 1, 2), pick(F.vcpu0, F.vcpu1, F.vcpu2)),
    stats,
    memfd,
    tags,
    () => s.give(F.vm, 'KVM_ARM_GET_REG_WRITABLE_MASKS', 'reg_mask_range', masks()),
    () =>
      s.give(F.vm, 'KVM_ARM_SET_DEVICE_ADDR', 'kvm_arm_device_addr', {
        id: pick(0n, 1n, 2n, 0x10000n),
        addr: pick(0x800_0000n, 0x800_0800n),
      }),
    () => s.ask(F.vm, pick(...onVm), s.data()),
    () => s.ask(F.kvm, pick(...onSystem), pick(0n, s.data(), 10n)),
    () => s.ask(F.kvm, pick('KVM_GET_API_VERSION', 'KVM_GET_VCPU_MMAP_SIZE'), pick(0, 1)),
    () => s.line('I', pick(F.kvm, F.vm, F.vcpu0, F.stats), pick('5401', 'ae99', 'aeff', '40104b00'), 0),
    () => {
      s.give(F.vm, 'KVM_CREATE_DEVICE', 'kvm_create_device', { type: pick(4, 5, 7, 8, 10, 16, 17, 1000, 0), flags: 1 });
      s.ask(F.vm, 'KVM_CHECK_EXTENSION', pick(131, 66, 128, 243, 205, 244, 223));
    },
  ]);
  // The VM outlives its own file.
  s.line('C', F.vm);
  if (maybe(0.5)) s.ask(F.vcpu0, 'KVM_GET_MP_STATE', s.data());
  s.ask(F.vcpu0, 'KVM_GET_STATS_FD', 0, F.stats);
  s.line('C', F.vcpu0);
  s.line('P', F.stats, 0, 24);
}

/** Between the answers of a scenario, where they are kept. */
export const ANSWERS = ';';
const ANSWERED = new Set('DIWRPMYA');
/** How many of the lines are answered. */
export const answersOf = (lines) => lines.filter((l) => ANSWERED.has(l[0])).length;

export const KINDS = { memslots, vcpus, idRegisters, gic, gicv2, its, interrupts, attributes, systemAndVm };

/**
 * @param uapi what src/uapi/index.ts exports
 * @param kinds names in KINDS
 * @returns `count` scenarios, kinds in turn
 */
export function scenarios(uapi, { seed, count, kinds = Object.keys(KINDS) }) {
  const next = random(seed);
  return Array.from({ length: count }, (_, i) => {
    const kind = kinds[i % kinds.length];
    const s = script(uapi, next);
    KINDS[kind](s);
    return { kind, lines: s.lines };
  });
}
