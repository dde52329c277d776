// Addresses of user memory: where they end, and arithmetic that numbers beyond 32 bits need.

import { InternalError } from '../../base/assert.ts';
import { PAGE } from './pages.ts';

/** User addresses have 48 bits. @linux TASK_SIZE */
export const TASK_SIZE = 2 ** 48;
/** Addresses below are never mapped. @linux mmap_min_addr */
export const MMAP_MIN_ADDR = 65536;

/** An address argument as a number: the top byte is ignored, as for loads and stores. */
export function userAddress(addr: bigint): number {
  return Number(addr & 0x00ff_ffff_ffff_ffffn);
}
/** Of an address in its page. Remainders of large numbers take long. */
export const offsetIn = (address: number): number => address - Math.floor(address / PAGE) * PAGE;
/** Rounds up to whole pages. @throws InternalError when not finite */
export function pageUp(n: number): number {
  if (!Number.isFinite(n)) throw new InternalError('page arithmetic');
  return Math.ceil(n / PAGE) * PAGE;
}
