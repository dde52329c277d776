// What the command itself says. `exec` never prints: a stream for standard output costs more than it seems.

import { writeSync } from 'node:fs';

/** Lines of our own go to standard error, unbuffered and whole. */
export function message(line: string): void {
  try {
    writeSync(2, `${line}\n`);
  } catch {
    // Nobody reads our messages any more: the program's own output is what matters.
  }
}

let printed = false;
/** To standard output. */
export function say(data: string | Uint8Array): void {
  printed = true;
  process.stdout.write(data);
}
/** Standard output may be a pipe that still holds something: waits for it, then ends whatever else is going on. */
export function leave(code: number): void {
  if (printed && process.stdout.writableLength > 0) process.stdout.write('', () => process.exit(code));
  else process.exit(code);
}
