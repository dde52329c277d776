// Instructions that differ in the names of their registers only: what is found out about one is known of all.

import type { FieldValues } from '../arch/a64/encoding.ts';
import type { Block, Node } from '../ir/ops.ts';
import type { Handler } from '../isa/handlers.ts';
import { vectorsOf } from './homes.ts';
import { distanceOf, type Lifted, named, placeOf, slotsOf } from './lift.ts';

/**
 * What instructions have in common that are lifted alike but for the names of registers: constants, and which registers
 * are the same, or none.
 */
export function patternOf({ code: { operands } }: Handler, fields: FieldValues): string {
  const slots: string[] = [];
  let text = '';
  for (let i = 0; i < operands.length; i++) {
    const o = operands[i]!;
    if (!('field' in o)) {
      if (o.kind !== 'branch') text += `${o.value(fields)},`;
      continue;
    }
    const { slot } = placeOf(o, fields);
    const same = slots.indexOf(slot);
    text += isNamed(slot) ? `${same < 0 ? 'r' : `r${same}`},` : `${slot},`;
    slots.push(slot);
  }
  return text;
}
const isNamed = (slot: string): boolean => slot !== 'ZERO' && slot !== 'SINK' && slot !== 'SP';
/** An instruction that has the same pattern as one that has been lifted. */
export function liftAlike(one: Lifted, { code: { operands } }: Handler, fields: FieldValues): Lifted {
  if (one.flow === 'stop') return one;
  const slots = slotsOf(operands, fields);
  const renamed = (slot: string): string => slots[one.slots.indexOf(slot)] ?? slot;
  const uses = one.uses.map(({ slot, how }) => ({ slot: renamed(slot), how }));
  let block: Block | undefined;
  return {
    ...one,
    block: () => {
      block ??= withNames(one.block(), renamed);
      return block;
    },
    distance: distanceOf(operands, fields),
    uses,
    vectors: one.vectors.length === 0 ? one.vectors : vectorsOf(uses),
    slots,
  };
}
/** The same nodes with other registers. */
function withNames(block: Block, renamed: (slot: string) => string): Block {
  const made: Node[] = [];
  const walk = (list: Block): Block =>
    list.map((n) => {
      let { attr } = n as { attr: unknown };
      if (n.op === 'if') attr = { yes: walk(n.attr.yes), no: walk(n.attr.no) };
      else if (typeof attr === 'object' && attr !== null && 'slot' in attr) attr = named(renamed(String(attr.slot)));
      const copy = { ...n, args: n.args.map((a) => made[a.id]!), attr } as Node;
      made[n.id] = copy;
      return copy;
    });
  return walk(block);
}
