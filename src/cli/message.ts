// What the command itself says.

import { writeSync } from 'node:fs';

/** Lines of our own go to standard error, unbuffered and whole. */
export function message(line: string): void {
  try {
    writeSync(2, `${line}\n`);
  } catch {
    // Nobody reads our messages any more: the program's own output is what matters.
  }
}
