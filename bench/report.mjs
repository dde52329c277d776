// Tables of a run of the benchmarks: ratios to QEMU, pair by pair within a round.
import { cpus, totalmem } from 'node:os';

export const median = (list) => {
  const s = [...list].sort((a, b) => a - b);
  return s.length % 2 ? s[(s.length - 1) / 2] : (s[s.length / 2 - 1] + s[s.length / 2]) / 2;
};
export const geomean = (list) => Math.exp(list.reduce((a, b) => a + Math.log(b), 0) / list.length);
export const machine = () => ({
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  node: process.version,
  date: new Date().toISOString().slice(0, 10),
});
/** How many times as fast as `base` a column is: the median over the rounds, each compared with its own round. */
export function speed(row, key, base) {
  const a = row.ms[base];
  const b = row.ms[key];
  if (!a || !b) return undefined;
  return median(b.map((t, i) => (a[i] ?? median(a)) / t));
}
const cell = (v, digits = 2) => (v === undefined ? '-' : v.toFixed(digits));

/** Markdown: one table of speeds beside `base`, geometric means below. */
export function table(result, base) {
  const keys = Object.keys(result.engines).filter((k) => k !== base);
  if (!result.engines[base]) return '';
  let out = `Speed beside ${result.engines[base]} (above 1: faster):\n\n`;
  out += `| kernel | ${base} ms | ${keys.map((k) => result.engines[k]).join(' | ')} |\n|---|---|${keys.map(() => '---').join('|')}|\n`;
  for (const row of result.kernels) {
    const ms = row.ms[base] ? median(row.ms[base]) : undefined;
    out += `| ${row.name} | ${cell(ms, 1)} | ${keys.map((k) => cell(speed(row, k, base))).join(' | ')} |\n`;
  }
  for (const group of new Set(result.kernels.map((r) => r.group))) {
    const rows = result.kernels.filter((r) => r.group === group);
    const means = keys.map((k) => {
      const s = rows.map((r) => speed(r, k, base)).filter((v) => v !== undefined);
      return s.length === rows.length ? geomean(s) : undefined;
    });
    out += `| **${group}, geometric mean** | | ${means.map((m) => cell(m)).join(' | ')} |\n`;
  }
  return `${out}\n`;
}
export const summary = (result) => table(result, 'qemu-system') + table(result, 'qemu-user');
