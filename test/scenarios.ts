// What scenarios.test.ts asks of KVM, ours and a real one. Numbers are those of the project's list of invariants.

import { structs } from '../src/uapi/index.ts';
import { DEVICE, DONE, SET_VECTORS, VECTORS } from './kit/guest.ts';
import { GIC_FILE, type Scenario } from './kit/scenario.ts';

const FPMR = 's3_3_c4_c4_2';
const FP_ON = 'mov x0, #(3 << 20)\n msr cpacr_el1, x0\n isb\n';
const ENFPM = '#(1 << 34)';
const NOT_ENFPM = '#0xfffffffbffffffff';
/** Runs what follows `el0:` at EL0; whatever it does then comes to the vectors. */
const TO_EL0 = 'adr x0, el0\n msr elr_el1, x0\n msr spsr_el1, xzr\n isb\n eret\nel0:';
/** Where in kvm_run the data of an MMIO exit is. */
const MMIO_DATA = 40;
const IMMEDIATE_EXIT = 1;
const ONE = Uint8Array.of(1);
const DABT = { exception: { ext_dabt_pending: 1 } };
/** A guest that ends when it takes an exception: X28 is ESR_EL1, X29 ELR_EL1. */
const DIES = VECTORS.replace(/add x30[\s\S]*eret/, DONE);

export const SCENARIOS: readonly Scenario[] = [
  {
    name: '1, 2: FPMR of a fresh vCPU, and without ID_AA64PFR2_EL1.FPMR',
    talk: (t) => {
      t.vm();
      const vcpu = t.vcpu();
      t.get('PFR2', vcpu, 'ID_AA64PFR2_EL1');
      t.get('FPMR', vcpu, 'FPMR');
      t.list('all registers', vcpu, 1000);
      t.set('hide it', vcpu, 'ID_AA64PFR2_EL1', 0n);
      t.list('the others', vcpu, 1000);
      t.get('FPMR that is not there', vcpu, 'FPMR');
      t.set('writing it', vcpu, 'FPMR', 1n);
    },
  },
  {
    name: '3: FPMR that the VM does not have is UNDEFINED for its guest',
    talk: (t) => {
      for (const insn of [`mrs x1, ${FPMR}`, `msr ${FPMR}, x1`]) {
        const vcpu = t.guest(`${SET_VECTORS}${FP_ON} mov x1, #5\n ${insn}\n ${DONE} ${VECTORS}`);
        t.set(undefined, vcpu, 'ID_AA64PFR2_EL1', 0n);
        t.run(insn, vcpu);
        for (const x of ['X28', 'X29', 'X1']) t.get(`${insn}: ${x}`, vcpu, x);
      }
    },
  },
  {
    name: '3b, 22: SCTLR_EL1.EnFPM without FPMR',
    talk: (t) => {
      const vcpu = t.guest(`${SET_VECTORS}${FP_ON} mrs x1, sctlr_el1\n orr x1, x1, ${ENFPM}\n msr sctlr_el1, x1\n isb
        mrs x2, sctlr_el1\n and x2, x2, ${ENFPM}\n and x1, x1, ${NOT_ENFPM}\n msr sctlr_el1, x1\n ${TO_EL0} mrs x3, ${FPMR}\n ${DIES}`);
      t.set(undefined, vcpu, 'ID_AA64PFR2_EL1', 0n);
      t.run('run', vcpu);
      t.get('EnFPM as the guest reads it', vcpu, 'X2');
      t.get('ESR_EL1 for EL0 with EnFPM = 0', vcpu, 'X28');
    },
    deviates: {
      why: 'the register does not exist for this VM, so its enable is RES0 and there is nothing to trap',
      answers: { 'EnFPM as the guest reads it': '0x0', 'ESR_EL1 for EL0 with EnFPM = 0': '0x2000000' },
      compat: 'linux-7.2',
    },
  },
  {
    name: '4: FP8 conversions with and without FPMR',
    talk: (t) => {
      for (const [label, pfr2] of [
        ['without', 0n],
        ['with', 0x1_0000_0000n],
      ] as const) {
        const vcpu = t.guest(`${SET_VECTORS}${FP_ON} .inst 0x2e217820\n ${DONE} ${VECTORS}`); // F1CVTL v0.8h, v1.8b
        t.set(undefined, vcpu, 'ID_AA64FPFR0_EL1', 0n);
        t.set(undefined, vcpu, 'ID_AA64PFR2_EL1', pfr2);
        t.run(label, vcpu);
        t.get(`${label}: ESR_EL1`, vcpu, 'X28');
      }
    },
  },
  {
    name: '5, 6: EL0 and FPMR with EnFPM = 0, then with FP disabled as well',
    talk: (t) => {
      for (const [label, fpen, insn] of [
        ['MRS', 3, `mrs x3, ${FPMR}`], ['MSR', 3, `msr ${FPMR}, x4`], ['FP8', 3, '.inst 0x2e217820'], ['FP disabled', 0, `mrs x3, ${FPMR}`],
      ] as const) {
        const vcpu = t.guest(`${SET_VECTORS} mov x0, #(${fpen} << 20)\n msr cpacr_el1, x0\n isb\n mrs x1, sctlr_el1\n and x1, x1, ${NOT_ENFPM}
          msr sctlr_el1, x1\n ${TO_EL0} ${insn}\n b .\n ${DIES}`);
        t.run(label, vcpu);
        t.get(`${label}: ESR_EL1`, vcpu, 'X28');
      } // biome-ignore format: a table
    },
    deviates: {
      why: 'the architecture looks at CPACR_EL1.FPEN before SCTLR_EL1.EnFPM; the CPU that QEMU makes does not',
      answers: { 'FP disabled: ESR_EL1': '0x1fe00000' },
    },
  },
  {
    name: '7, 8: FPMR keeps what the program and the guest write',
    talk: (t) => {
      const vcpu = t.guest(`${FP_ON} mrs x1, ${FPMR}\n mov x2, #0x41\n msr ${FPMR}, x2\n ${DONE}`);
      t.set('all ones', vcpu, 'FPMR', 0xffff_ffff_ffff_ffffn);
      t.get('all ones: back', vcpu, 'FPMR');
      t.set(undefined, vcpu, 'FPMR', 5n);
      t.run('run', vcpu);
      t.get('seen by the guest', vcpu, 'X1');
      t.get('written by the guest', vcpu, 'FPMR');
    },
  },
  {
    name: '19: ID registers after the first run',
    talk: (t) => {
      const vcpu = t.guest(DONE);
      t.run('run', vcpu);
      t.set('the same value', vcpu, 'ID_AA64PFR2_EL1', 0x1_0000_0000n);
      t.set('a lower one', vcpu, 'ID_AA64PFR2_EL1', 0n);
      t.set('an invalid one', vcpu, 'ID_AA64PFR2_EL1', 0xffff_ffff_ffff_ffffn);
    },
  },
  {
    name: '31: what the guest left in FP registers is in a snapshot, and its own after it',
    talk: (t) => {
      const vcpu = t.guest(
        `${FP_ON} fmov d7, #1.0\n mov x1, #0x3000000\n msr fpcr, x1\n ${DONE.replace('b .', '')} fmov x2, d7\n ${DONE}`,
      );
      t.run('run', vcpu);
      for (const name of ['V7', 'FPCR', 'FPSR', 'FPMR']) t.get(name, vcpu, name);
      t.run('on', vcpu);
      t.get('D7 in the guest', vcpu, 'X2');
    },
  },
  {
    name: '51: immediate_exit with an MMIO read that waits for its data',
    talk: (t) => {
      const vcpu = t.guest(`mov x0, #${DEVICE}\n ldr x2, [x0]\n mov x2, #1\n ${DONE}`);
      t.run('read', vcpu);
      t.poke(vcpu, MMIO_DATA, Uint8Array.of(7, 0, 0, 0, 0, 0, 0, 0));
      t.poke(vcpu, IMMEDIATE_EXIT, ONE);
      t.ask('immediate', vcpu, 'KVM_RUN');
      t.get('X2', vcpu, 'X2');
      t.get('PC', vcpu, 'PC');
    },
  },
  {
    name: '52: KVM_GET_REG_LIST without room',
    talk: (t) => {
      t.vm();
      const vcpu = t.vcpu();
      t.list('no room', vcpu, 0);
      t.list('too little', vcpu, 5);
      t.list('enough', vcpu, 1000);
    },
  },
  {
    name: '53: a first run that fails to map the interrupt controller leaves the VM dead',
    talk: (t) => {
      for (const [label, redistributors] of [
        ['overlap', 0x800_0000n],
        ['in order', 0x80a_0000n],
      ] as const) {
        const vcpu = t.guest(DONE);
        t.gic(0x800_0000n, redistributors);
        t.attr(`${label}: init`, GIC_FILE, 4, 0n, new Uint8Array(8));
        t.run(label, vcpu);
        t.get(`${label}: a register`, vcpu, 'X0');
        t.vmRequest(`${label}: another vCPU`, 'KVM_CREATE_VCPU', 7);
        t.run(`${label}: again`, vcpu);
      }
      const vcpu = t.guest(DONE);
      t.gic(0x800_0000n, 0x80a_0000n);
      t.run('not initialised', vcpu);
      t.get('not initialised: a register', vcpu, 'X0');
    },
  },
  {
    name: '54: an abort that is injected takes the place of an MMIO read',
    talk: (t) => {
      const vcpu = t.guest(`${SET_VECTORS} mov x0, #${DEVICE}\n ldr x2, [x0]\n ${DONE} ${VECTORS}`);
      t.run('read', vcpu);
      t.poke(vcpu, MMIO_DATA, Uint8Array.of(7));
      t.give('inject', vcpu, 'KVM_SET_VCPU_EVENTS', structs.kvm_vcpu_events, DABT);
      t.run('on', vcpu);
      for (const x of ['X2', 'X28', 'X29']) t.get(x, vcpu, x);
    },
  },
  {
    name: '55: the line of a PPI that a timer owns',
    talk: (t) => {
      // ISPENDR0 of the redistributor, before and after.
      const vcpu =
        t.guest(`mov x1, #0x8000000\n add x1, x1, #0xb0, lsl #12\n ldr w2, [x1, #0x200]\n ${DONE.replace('b .', '')}
        ldr w3, [x1, #0x200]\n ${DONE}`);
      t.gic(0x800_0000n, 0x80a_0000n);
      t.attr(undefined, GIC_FILE, 4, 0n, new Uint8Array(8));
      t.run('before', vcpu);
      for (const ppi of [27, 30]) t.irqLine(`PPI ${ppi}`, (2 << 24) | ppi, 1);
      t.irqLine('a PPI of nobody', (2 << 24) | 20, 1);
      t.run('after', vcpu);
      t.get('pending before', vcpu, 'X2');
      t.get('pending after', vcpu, 'X3');
    },
  },
  {
    name: '57: cache maintenance and address translation where there is nothing',
    talk: (t) => {
      for (const insn of ['dc zva, x0', 'dc civac, x0', 'dc cvac, x0', 'at s1e1r, x0']) {
        const vcpu = t.guest(`${SET_VECTORS} mov x0, #${DEVICE}\n ${insn}\n mrs x3, par_el1\n ${DONE} ${VECTORS}`);
        t.run(insn, vcpu);
        t.get(`${insn}: PC`, vcpu, 'PC');
        t.get(`${insn}: ESR_EL1`, vcpu, 'X28');
      }
    },
  },
];
