// What `hypatia` does when it is told nothing.

import { UsageError } from '../base/assert.ts';

/** @returns the exit code. */
export function demo(): Promise<number> {
  throw new UsageError('this build has no embedded demonstration; see hypatia --help');
}
