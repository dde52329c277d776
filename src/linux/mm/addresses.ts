// Addresses of user memory: where they end, and arithmetic that numbers beyond 32 bits need.

import { InternalError } from '../../base/assert.ts';
import { highHalf, joined, lowHalf } from '../../base/bits.ts';
import { PAGE } from './pages.ts';

/** User addresses have 48 bits. @linux TASK_SIZE */
export const TASK_SIZE = 2 ** 48;
/** Addresses below are never mapped. @linux mmap_min_addr */
export const MMAP_MIN_ADDR = 65536;

// Most addresses of most programs are small integers, for which V8 allocates nothing as long as they are not divided with a
// remainder or multiplied by what is none. And a field whose first value is a small integer is made anew, with all that come
// after it, by the first value that is none, and is a new object whenever it is read: unless it was undefined before, as fields
// are that get their values in a constructor. Before code is optimised, all that is noticed.

/** An address argument as a number: the top byte is ignored, as for loads and stores. */
export function userAddress(addr: bigint): number {
  return joined(highHalf(addr) & 0x00ff_ffff, lowHalf(addr));
}
/** Of an address in its page. */
export const offsetIn = (address: number): number => address & (PAGE - 1);
/** The page of an address. */
export const pageOf = (address: number): number => (address - offsetIn(address)) / PAGE;
/** Rounds up to whole pages. @throws InternalError when not finite */
export function pageUp(n: number): number {
  if (!Number.isFinite(n)) throw new InternalError('page arithmetic');
  return Math.ceil(n / PAGE) * PAGE;
}
