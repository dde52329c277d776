// One program under `hypatia exec`: its verdict, and what it took.
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const main = join(dirname(fileURLToPath(import.meta.url)), '../../dist/bin/hypatia.js');
/** Loaded before the command: says at the end how much CPU time it took. Programs never see descriptor 3 of Node. */
const METER = `data:text/javascript,import{writeSync}from'node:fs';process.on('exit',()=>{const{user,system}=process.cpuUsage();writeSync(3,String((user+system)/1e6))})`;
const KEEP = 1 << 20;

export const verdictOf = (code) => (code === 0 ? 'pass' : code === 4 ? 'skip' : 'fail');
/** The reason that a skipping program printed, or the last thing a failing one said. */
export function reasonOf(text, verdict) {
  if (verdict === 'pass') return '';
  const lines = text
    .split('\n')
    .map((l) => l.trim())
    .filter(Boolean);
  if (verdict === 'skip') {
    const l = lines.findLast((x) => /skip/i.test(x)) ?? lines.at(-1) ?? '';
    return l.replace(/^.*#\s*SKIP\s*/i, '').replace(/^Skip(ping|ped)?[:,]?\s*/i, '');
  }
  return lines.findLast((x) => /assert|error|not implemented|fail/i.test(x)) ?? lines.at(-1) ?? '';
}

/** @param run {name, args, options: for hypatia}. @param dir where the program is. @param limit seconds */
export const runOurs = (run, dir, limit) =>
  new Promise((done) => {
    const argv = ['--import', METER, main, 'exec', ...run.options, `./${run.name}`, ...run.args];
    const started = process.hrtime.bigint();
    const p = spawn(process.execPath, argv, { cwd: dir, stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
    let text = '';
    let cpu = '';
    const keep = (b) => {
      if (text.length < KEEP) text += b;
    };
    p.stdout.on('data', keep);
    p.stderr.on('data', keep);
    p.stdio[3].on('data', (b) => {
      cpu += b;
    });
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      p.kill('SIGKILL');
    }, limit * 1000);
    p.on('close', (code) => {
      clearTimeout(timer);
      const seconds = Number(process.hrtime.bigint() - started) / 1e9;
      const verdict = late ? 'timeout' : verdictOf(code);
      const reason = late ? `no end after ${limit} s` : reasonOf(text, verdict);
      done({ ...run, code, seconds, cpuSeconds: late ? undefined : Number(cpu), verdict, reason, text });
    });
  });
