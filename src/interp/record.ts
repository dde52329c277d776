// What a pre-decoded instruction looks like in memory: 16 bytes, of which the first two say which handler runs it and
// the others hold its operands (emit_layout.ts).

export const RECORD_SIZE = 16;
export const RECORD_SHIFT = 4;
export const RECORDS_PER_PAGE = 1024;
/** Where a record has the address of the operands that do not fit it, if there are any. */
export const POINTER_AT = 12;
/**
 * After a page of records and the one behind it (EndRecord): a byte for each place, with a bit for each way that indirect
 * branches have been found to be allowed to land there in a guarded page (FEAT_BTI).
 */
export const LANDINGS = (RECORDS_PER_PAGE + 1) * RECORD_SIZE;
export const RECORD_PAGE_SIZE = LANDINGS + RECORDS_PER_PAGE;
/** Of the number of a bit of a landing: the type of the branch (BranchType), and bit 2: from a guarded page. */
export const LANDING_GUARDED = 4;
/**
 * Fields of the record after a page: u16, whether anything is known of it; where its hooks are (region.ts), which frame it is of; the
 * sum of what the frame held when the records were last asked for.
 */
export const EndRecord = { used: 2, hooks: 4, frame: 8, sum: 12 } as const;

/** Handlers that are not instructions. */
export const Special = { Decode: 0, End: 1, Stop: 2, Region: 3 } as const;
export const FIRST_HANDLER = 4;
/** So many records are done by one handler at most. */
export const LONGEST = 5;
