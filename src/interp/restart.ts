// Handlers in the loop call nothing. Where one would have to (an access that the TLB does not answer, a result that the host
// does not give, an exception) it begins anew as a function: it must not have changed anything before.

import { type Block, type Node, type NodeOf, OPS, type Place } from '../ir/ops.ts';
import type { Recording } from '../isa/record.ts';
import { isCrc } from './emit_crc.ts';

const ASKS = /^(mem\.(r|w|rw)|fpv?)$/;
const CALLS = /^(sys\..*|helperV?|routine|ptr\.check)$/;

export const onlyRaises = (n: NodeOf<'if'>): boolean => n.attr.no.length === 0 && n.attr.yes.at(-1)?.op === 'raise';
/** Needs tables that may not be there yet. */
const looksUp = (n: Node): boolean => n.op === 'helper' && isCrc(n.attr.name);
const mayBeginAnew = (n: Node): boolean => ASKS.test(n.op) || looksUp(n) || (n.op === 'if' && onlyRaises(n));
const changes = (n: Node): boolean =>
  n.op === 'if'
    ? [...n.attr.yes, ...n.attr.no].some(changes)
    : OPS[n.op].effect === 'write' && !n.op.startsWith('local.');
const anywhere = (block: Block, test: (n: Node) => boolean): boolean =>
  block.some((n) => test(n) || (n.op === 'if' && anywhere([...n.attr.yes, ...n.attr.no], test)));

/** A handler can be in the loop. */
export function fitsLoop(block: Block): boolean {
  if (anywhere(block, (n) => CALLS.test(n.op) && !looksUp(n))) return false;
  let changed = false;
  for (const n of block) {
    if (mayBeginAnew(n)) {
      if (changed) return false;
    } else if (n.op === 'if' && anywhere([n], (m) => m !== n && mayBeginAnew(m))) return false;
    else changed ||= changes(n);
  }
  return true;
}
/** Something in a handler of the loop may begin anew. */
export const needsFunction = ({ code }: { readonly code: Recording }): boolean =>
  writesVector(code) || code.block.some(mayBeginAnew);

export const isVector = (code: Recording, place: Place): boolean =>
  'slot' in place ? /^V\d/.test(place.slot) : code.operands[place.operand]!.kind === 'v';
export const writesVector = (code: Recording): boolean =>
  anywhere(code.block, (n) => n.op === 'set.v128' && isVector(code, n.attr));
