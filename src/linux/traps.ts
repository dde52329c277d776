// Why the engine came back from a program: a system call, or a fault that becomes a signal. @linux el0t_64_sync_handler

import { SiCode, Signal } from './abi/flags.ts';
import { deliverFault } from './deliver.ts';
import type { SigInfo } from './siginfo.ts';
import { dispatch } from './syscalls/dispatch.ts';
import type { Thread } from './thread.ts';
import { Wait } from './wait.ts';

/** Exception classes that EL0 can cause. @arm ESR_ELx.EC */
export const Ec = {
  UNKNOWN: 0x00,
  WFX: 0x01,
  FP: 0x07,
  BTI: 0x0d,
  ILLEGAL_STATE: 0x0e,
  SVC: 0x15,
  SYSREG: 0x18,
  SVE: 0x19,
  PAC: 0x1c,
  INSTRUCTION_ABORT: 0x20,
  PC_ALIGNMENT: 0x22,
  DATA_ABORT: 0x24,
  SP_ALIGNMENT: 0x26,
  MOPS: 0x27,
  FP_EXCEPTION: 0x2c,
  GCS: 0x2d,
  BRK: 0x3c,
} as const;
const IL = 1 << 25;
const FSC_MASK = 0x3f;
const FSC_ALIGNMENT = 0x21;

/** Handles an exception by its class, syndrome and fault address. */
export function handleException(t: Thread, ec: number, iss: number, far: bigint): void {
  if (ec === Ec.SVC) {
    dispatch(t);
    return;
  }
  const info = toSignal(t, ec, iss, far);
  if (info === undefined) return;
  t.faultEsr = ec * 0x400_0000 + (IL | iss);
  t.faultAddress = ec === Ec.DATA_ABORT || ec === Ec.INSTRUCTION_ABORT ? far : 0n;
  deliverFault(t, info);
}

function toSignal(t: Thread, ec: number, iss: number, far: bigint): SigInfo | undefined {
  const pc = t.state.pc;
  const ill = (code: number): SigInfo => ({ signo: Signal.SIGILL, code, addr: pc });
  switch (ec) {
    case Ec.DATA_ABORT:
    case Ec.INSTRUCTION_ABORT:
      return abort(t, iss, far);
    case Ec.PC_ALIGNMENT:
      return { signo: Signal.SIGBUS, code: SiCode.BUS_ADRALN, addr: pc };
    case Ec.SP_ALIGNMENT:
      return { signo: Signal.SIGBUS, code: SiCode.BUS_ADRALN, addr: t.state.sp };
    case Ec.BRK:
      return { signo: Signal.SIGTRAP, code: SiCode.TRAP_BRKPT, addr: pc };
    case Ec.FP_EXCEPTION:
      return { signo: Signal.SIGFPE, code: fpCode(iss), addr: pc };
    case Ec.PAC:
      return ill(SiCode.ILL_ILLOPN);
    case Ec.GCS:
      return { signo: Signal.SIGSEGV, code: SiCode.SEGV_CPERR, addr: pc };
    default:
      return ill(SiCode.ILL_ILLOPC);
  }
}

function abort(t: Thread, iss: number, far: bigint): SigInfo | undefined {
  if ((iss & FSC_MASK) === FSC_ALIGNMENT) return { signo: Signal.SIGBUS, code: SiCode.BUS_ADRALN, addr: far };
  const fault = t.mm.lastFault;
  switch (fault?.kind) {
    case 'userfault': {
      const { addr, write, vma } = fault;
      waitForPage(t, addr, write, vma.userfault!);
      return undefined;
    }
    case 'accerr':
      return { signo: Signal.SIGSEGV, code: SiCode.SEGV_ACCERR, addr: far };
    case 'adrerr':
      return { signo: Signal.SIGBUS, code: SiCode.BUS_ADRERR, addr: far };
    case 'oom':
      t.machine.outOfMemory(t);
      return undefined;
    default:
      return { signo: Signal.SIGSEGV, code: SiCode.SEGV_MAPERR, addr: far };
  }
}

/** Sleeps until a userfaultfd reader supplied the page; then the access is simply made again. */
function waitForPage(
  t: Thread,
  addr: number,
  write: boolean,
  u: NonNullable<import('./mm/vma.ts').Vma['userfault']>,
): void {
  u.report(addr, write, t.tid);
  t.op = pageWait(t, addr, write, u.resolved);
  t.syscall = -1;
}
/** Done (with 0) when the page is there or can never be. */
export function pageWait(t: Thread, addr: number, write: boolean, resolved: import('./wait.ts').WaitQueue): Wait {
  return new Wait(
    () => {
      if (t.mm.fault(addr, write) !== 0) return 0;
      return t.mm.lastFault?.kind === 'userfault' ? 'wait' : 0;
    },
    { queues: [resolved], interrupted: 0 },
  );
}

/** si_code from the trapped-exception bits IOF, DZF, OFF, UFF, IXF of the syndrome. */
function fpCode(iss: number): number {
  const TFV = 1 << 23;
  if ((iss & TFV) === 0) return SiCode.FPE_FLTUNK;
  if ((iss & 1) !== 0) return SiCode.FPE_FLTINV;
  if ((iss & 2) !== 0) return SiCode.FPE_FLTDIV;
  if ((iss & 4) !== 0) return SiCode.FPE_FLTOVF;
  if ((iss & 8) !== 0) return SiCode.FPE_FLTUND;
  return (iss & 16) !== 0 ? SiCode.FPE_FLTRES : SiCode.FPE_FLTUNK;
}
