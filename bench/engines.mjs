// What a kernel is run on. A program prints a line for each repetition; the time of a repetition is the time between two
// lines as it is seen from outside, so that start-up is not in it and no clock of an emulator is believed.
import { spawn, spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const qemuScript = join(root, 'tools/debian/qemu-aarch64');
const shown = spawnSync(qemuScript, { env: { ...process.env, SHOW_COMMAND: '1' }, encoding: 'utf8' });
/** The words before a program's: without the shell of the script, which takes part of the time of a short program. */
export const qemuUser = shown.status === 0 ? shown.stdout.trimEnd().split('\n') : [qemuScript];
export const hypatia = (node, engine, rest) => [
  node,
  join(root, 'dist/bin/hypatia.js'),
  'exec',
  ...(engine === 'default' ? [] : ['--engine', engine]),
  ...rest,
];

/** key -> title and command for the binaries of a kernel. */
export function engines({ nodes, vmm, times, list }) {
  const out = {
    native: { title: 'native', command: (b) => [b.native, `${times}`] },
    'qemu-user': { title: 'qemu-aarch64', command: (b) => [...qemuUser, b.process, `${times}`] },
    'qemu-system': {
      title: 'qemu-system-aarch64',
      command: (b) => [
        join(root, 'tools/debian/qemu-system-aarch64'),
        ...['-M', 'virt,gic-version=3', '-cpu', 'max', '-m', '512', '-nographic', '-kernel', b.bare],
      ],
    },
  };
  for (const [label, node] of Object.entries(nodes)) {
    for (const engine of list) {
      out[`process-${engine}-${label}`] = {
        title: `process, ${engine}, Node ${label}`,
        command: (b) => hypatia(node, engine, [b.process, `${times}`]),
      };
      out[`guest-${engine}-${label}`] = {
        title: `guest, ${engine}, Node ${label}`,
        command: (b) => hypatia(node, engine, [vmm, b.bare]),
      };
    }
  }
  return out;
}

/** Runs a program once. @returns milliseconds of each repetition, and the checksums */
export function runOnce(command, limitMs) {
  return new Promise((resolve) => {
    const started = performance.now();
    const child = spawn(command[0], command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
    const times = [];
    const sums = [];
    let last = started;
    let startup = 0;
    let rest = '';
    let errors = '';
    child.stdout.setEncoding('latin1');
    child.stdout.on('data', (text) => {
      const now = performance.now();
      rest += text;
      const lines = rest.split('\n');
      rest = lines.pop();
      for (const line of lines) {
        if (line.trim() === 'start') startup = now - started;
        else if (line.startsWith('sum ')) {
          times.push(now - last);
          sums.push(line.slice(4).trim());
        }
        last = now;
      }
    });
    child.stderr.setEncoding('latin1');
    child.stderr.on('data', (text) => {
      errors = (errors + text).slice(-2000);
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
    child.on('error', (e) => {
      clearTimeout(timer);
      resolve({ times, sums, startup, total: 0, error: e.message });
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const total = performance.now() - started;
      const error = code === 0 ? undefined : `ended with ${signal ?? code}: ${errors.trim().split('\n').at(-1) ?? ''}`;
      resolve({ times, sums, startup, total, ...(error && { error }) });
    });
  });
}
