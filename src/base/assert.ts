/** An internal rule was broken: a fault of this program, never of its input. */
export class InternalError extends Error {
  override readonly name = 'InternalError';
}
/** The user gave something unusable: message says what and what to do; the CLI exits with 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InternalError(message);
}
export function unreachable(x: never): never {
  throw new InternalError(`not reachable: ${String(x)}`);
}
