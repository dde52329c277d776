// How handlers of both sorts, in the loop and as functions, leave the run: with what status.

import { LEAVE, PAST } from './emit_frame.ts';
import { EXITS, REASON_SHIFT } from './exits.ts';

type Reason = (typeof EXITS)[keyof typeof EXITS];

export abstract class LeavingFrame {
  /** Has the run end with a status. */
  protected abstract end(status: number): void;

  raise(past: boolean): void {
    this.leave(EXITS.Exception, past);
  }
  exit(kind: string): void {
    if (kind === 'idle') this.leave(EXITS.Idle, true);
    else this.leave(kind === 'alone' ? EXITS.Alone : EXITS.System, false);
  }
  /** @param past PC is past the instruction */
  protected leave(reason: Reason, past: boolean): void {
    this.end((reason << REASON_SHIFT) | LEAVE | (past ? PAST : 0));
  }
}
