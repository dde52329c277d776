// How a request is refused: one preallocated object for each errno, thrown by whoever finds the reason and turned
// into a negative number at the edge (answer). Cheap to throw, because programs refuse on purpose by the thousand.

import { Errno, type ErrnoName, type Result } from '../base/hostfile.ts';
import { OutOfFrames } from '../cpu/physmem.ts';

/** A request is refused with this errno. Shared: its stack says nothing. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly errno: number;
  constructor(name: ErrnoName) {
    super(name);
    this.errno = Errno[name];
  }
}

/** `throw refuse.EINVAL` */
export const refuse = Object.fromEntries((Object.keys(Errno) as ErrnoName[]).map((n) => [n, new Refusal(n)])) as {
  readonly [N in ErrnoName]: Refusal;
};
const byNumber = new Map(Object.values(refuse).map((r) => [r.errno, r]));

/** Passes on a result of 0 or more; throws the refusal that a negative one stands for. */
export function check(result: number): number {
  if (result >= 0) return result;
  throw byNumber.get(-result) ?? refuse.EINVAL;
}

/** Runs `body`; a refusal and the want of frames become the negative errno that the program sees. */
export function answer(body: () => Result): Result {
  try {
    return body();
  } catch (e) {
    if (e instanceof Refusal) return -e.errno;
    if (e instanceof OutOfFrames) return -Errno.ENOMEM;
    throw e;
  }
}
