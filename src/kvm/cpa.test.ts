// ID_AA64ISAR3_EL1.CPA offered to VMs: guests that turn the checks of FEAT_CPA2 on get them, through KVM's switch of
// SCTLR2_EL1; a VM that was not offered CPA gets none.

import { describe, expect, test } from 'vitest';
import { DEVICE, DONE, type GuestOptions, SET_VECTORS, TestGuest, VECTORS } from '../../test/kit/guest.ts';

const OFFER = { kvm: { offer: ['ID_AA64ISAR3_EL1.CPA'] } } as const satisfies GuestOptions;
const CPTA = 0x200;
const SET = (v: number): string => `mov x9, #${v}\n msr s3_0_c1_c0_3, x9\n isb\n`;
/** X1: DATA with a top byte; X2: an offset that changes it. Top bytes are ignored. */
const POINTERS = `${SET_VECTORS} mov x0, #1\n lsl x0, x0, #37\n msr tcr_el1, x0\n isb
  adr x1, data\n mov x3, #0x12\n orr x1, x1, x3, lsl #56\n mov x2, #0x34\n lsl x2, x2, #56\n mov x28, #0\n`;
const DATA = `\n .balign 16\ndata: .quad 0x1234\n`;
const ABORT = 0x25n;

function load(sctlr2: number, options: GuestOptions): { readonly ec: bigint; readonly value: bigint } {
  const g = new TestGuest(`${POINTERS}${SET(sctlr2)} ldr x4, [x1, x2]\n ${DONE}${VECTORS}${DATA}`, options);
  g.finish();
  return { ec: g.x(28) >> 26n, value: g.x(4) };
}

describe('a load whose offset changes the top byte', () => {
  test('faults where the VM has CPA and the guest has set CPTA', () => {
    expect(load(CPTA, OFFER).ec).toBe(ABORT);
  });
  test('does not with CPTA0 alone, without either, or in a VM that was not offered CPA', () => {
    for (const [sctlr2, options] of [
      [0, OFFER],
      [0x400, OFFER],
      [CPTA, {}],
    ] as const)
      expect(load(sctlr2, options)).toMatchObject({ ec: 0n, value: 0x1234n });
  });
  test('is of each guest by itself', () => {
    const code = (sctlr2: number): string =>
      `${POINTERS}${SET(sctlr2)}1: mov x4, #0\n mov x28, #0\n ldr x4, [x1, x2]\n mov x27, #${DEVICE}\n strb w27, [x27]\n b 1b\n${VECTORS}${DATA}`;
    const checked = new TestGuest(code(CPTA), OFFER);
    const plain = new TestGuest(code(0), { ...OFFER, beside: checked });
    for (const g of [checked, plain, plain, checked]) {
      g.finish();
      expect([g.x(28) >> 26n, g.x(4)]).toEqual(g === checked ? [ABORT, 0n] : [0n, 0x1234n]);
    }
  });
});
