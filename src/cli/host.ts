// The machine that `hypatia exec` runs on, as Node offers it: files, streams, clocks, the event loop, messages.

import type { HostServices } from '../linux/index.ts';
import { nodeFs, nodeStream } from '../linux/vfs/nodefs.ts';
import { message } from './message.ts';

/** How long the guest runs before the event loop (signals, terminal input) gets a turn. */
const SLICE_MS = 20;
/** How long to wait before asking again when everything waits for the outside. */
const IDLE_MS = 2;

/** Of a clock that only goes forward. Loading `performance` takes longer than many a program. */
function milliseconds(): number {
  const [s, ns] = process.hrtime();
  return s * 1e3 + ns / 1e6;
}

/** @param real `--clock real` */
export async function nodeHost(real: boolean): Promise<HostServices> {
  let since = milliseconds();
  return {
    fs: nodeFs,
    stdin: await nodeStream(0),
    stdout: await nodeStream(1),
    stderr: await nodeStream(2),
    message,
    ...(real
      ? {
          realClock: {
            monotonic: () => performance.now() * 1e6,
            realtime: () => BigInt(Math.floor((performance.timeOrigin + performance.now()) * 1000)) * 1000n,
          },
        }
      : {}),
    shouldYield: () => milliseconds() - since > SLICE_MS,
    pause: (idle) =>
      new Promise((resolve) => {
        const done = () => {
          since = milliseconds();
          resolve();
        };
        if (idle) setTimeout(done, IDLE_MS);
        else setImmediate(done);
      }),
  };
}
