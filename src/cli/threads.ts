// Threads of Node for CPUs that execute at the same time.

import { Worker } from 'node:worker_threads';
import { UsageError } from '../base/assert.ts';
import { WebAssemblyHost } from '../base/webassembly.ts';
import type { StartThread } from '../interp/crew.ts';

/** @throws UsageError where there are none, or no memory that they could share */
export function checkThreads(): void {
  if (typeof SharedArrayBuffer === 'undefined')
    throw new UsageError('--parallel: this JavaScript engine has no SharedArrayBuffer; leave the option out');
  try {
    const { buffer } = new WebAssemblyHost.Memory({ initial: 1, maximum: 1, shared: true });
    Atomics.wait(new Int32Array(buffer), 0, 1, 0);
  } catch (e) {
    throw new UsageError(`--parallel: threads cannot be used here (${String(e)}); leave the option out`);
  }
}

/** The thread ends with the process: it sleeps whenever it has nothing to do. */
export const startThread: StartThread = (source, data) => {
  const program = `const { workerData: data, parentPort, receiveMessageOnPort } = require('node:worker_threads');
(${source})({ data, receive: () => receiveMessageOnPort(parentPort)?.message });`;
  const worker = new Worker(program, { eval: true, workerData: data });
  worker.unref();
  return { post: (message) => worker.postMessage(message) };
};
