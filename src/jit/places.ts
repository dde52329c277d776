// Places of a region: instructions, counted from the beginning of the page that its root lies in.

import { FRAME_SIZE } from '../cpu/physmem.ts';

export const PLACES_PER_PAGE = FRAME_SIZE / 4;
const PAGE_SHIFT = Math.log2(PLACES_PER_PAGE);
/** How many pages after the root's a place lies in. */
export const pageOf = (place: number): number => place >> PAGE_SHIFT;
export const indexOf = (place: number): number => place & (PLACES_PER_PAGE - 1);

/** A hook says in the upper byte of the entry's number which page the entry lies in, counted from 128 before the root's. */
export const PAGE_BIAS = 128;
/** An entry can lie so many pages after the root's. */
export const isNear = (page: number): boolean => page >= -PAGE_BIAS && page < PAGE_BIAS;
/** @param index of the entry among those of the region */
export const entryNumber = (index: number, place: number): number => index | ((pageOf(place) + PAGE_BIAS) << 8);
/** Which of the entries, from an entry number. */
export const ENTRY_INDEX = 0xff;
