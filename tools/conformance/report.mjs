// What a run says: a table for the terminal, and docs/conformance.md from the measurements that are checked in.

const s1 = (n) => (n === undefined ? '' : n.toFixed(1));
const isSlow = (r) => r.verdict === 'timeout';
/** Under this many seconds on the reference, a program counts for the sum. */
const COUNTED = 60;

/** What the programs that the reference finishes in time take there and here, in seconds. */
export function sums(results) {
  const counted = results.filter(
    (r) => r.reference && !isSlow(r.reference) && !isSlow(r) && r.reference.seconds <= COUNTED,
  );
  const sum = (f) => counted.reduce((n, r) => n + (f(r) ?? 0), 0);
  return {
    programs: counted.length,
    ours: sum((r) => r.seconds),
    reference: sum((r) => r.reference.seconds),
    oursCpu: sum((r) => r.cpuSeconds),
    referenceCpu: sum((r) => r.reference.cpuSeconds),
  };
}
const ratio = (r) =>
  r.reference && !isSlow(r) && r.seconds > 0
    ? `${isSlow(r.reference) ? '> ' : ''}${(r.reference.seconds / r.seconds).toFixed(1)}`
    : '';
export const titleOf = (r) => [...r.options, r.name, ...r.args].join(' ');

/** @param why (result) -> what is not as expected, or undefined */
export function table(results, why) {
  const withReference = results.some((r) => r.reference);
  const width = Math.max(...results.map((r) => titleOf(r).length), 4);
  const head = withReference ? '  seconds  reference  ratio  verdict there' : '  seconds';
  const lines = [`${'test'.padEnd(width)}  verdict  as expected${head}  reason`];
  for (const r of results) {
    const there = withReference
      ? `  ${s1(r.reference?.seconds).padStart(9)}  ${ratio(r).padStart(5)}  ${(r.reference?.verdict ?? '').padEnd(13)}`
      : '';
    lines.push(
      `${titleOf(r).padEnd(width)}  ${r.verdict.padEnd(7)}  ${(why(r) ? 'NO' : 'yes').padEnd(11)}  ${s1(r.seconds).padStart(7)}${there}  ${r.reason.slice(0, 110)}`,
    );
  }
  return `${lines.join('\n')}\n`;
}
/** Sums as a sentence. */
export function sumLine(results) {
  const t = sums(results);
  const times = (a, b) => (b / a).toFixed(1);
  return `${t.programs} programs end within ${COUNTED} s on the reference: ${s1(t.ours)} s here, ${s1(t.reference)} s there, ${times(t.ours, t.reference)} times as fast here (CPU time: ${s1(t.oursCpu)} s, ${s1(t.referenceCpu)} s, ${times(t.oursCpu, t.referenceCpu)} times)`;
}

const cell = (text) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
/** @param measured {kernel, ours, reference, boot, results}[]. @param expectations by kernel */
export function markdown(measured, expectations) {
  const out = [
    "# The kernel's own selftests",
    '',
    '<!-- Made by `npm run conformance -- --report` from test/conformance/measured*.json: do not edit. -->',
    '',
    "Linux's KVM selftests for arm64, built from Debian's kernel source, unmodified, under `hypatia exec`. *Reference* is the",
    "same binary on a real KVM: Debian's arm64 kernel booted under QEMU on the same machine, one boot for all programs; its",
    "boot is not counted. Seconds are of wall clock, Node's start included. Each table comes from one run:",
    '',
    '```sh',
    'npm run conformance -- --reference --json test/conformance/measured.json',
    'npm run conformance -- --reference --only a,b,c --json test/conformance/measured-selected.json',
    'npm run conformance -- --reference --kernel 6.12 --json test/conformance/measured-6.12.json',
    'npm run conformance -- --report        # this page',
    '```',
    '',
    'The machine is shared with other work, so absolute times vary by a factor of two and more; the ratios vary less. CPU time',
    'is given with the sums: of the `node` process here, of all threads of QEMU there.',
    '',
  ];
  for (const m of measured) {
    const { tests } = expectations(m.kernel);
    out.push(`## Linux ${m.version}${m.selected ? ', selected programs' : ''}`, '');
    out.push(
      `${m.results.length} runs on a machine with ${m.machine}; the reference ran the same kernel, and booted in ${s1(m.boot)} s.`,
    );
    out.push(`${sumLine(m.results)}.`, '');
    out.push(
      '| program and arguments | here | reference | here, s | reference, s | ratio | remarks |',
      '|---|---|---|--:|--:|--:|---|',
    );
    for (const r of m.results) {
      const e = tests[r.name] ?? {};
      const slow = r.reference && isSlow(r.reference) ? `> ${s1(r.reference.seconds)}` : s1(r.reference?.seconds);
      const remarks = [r.verdict === 'pass' ? '' : r.reason, r.options.length > 0 ? '' : (e.why ?? ''), e.slower ?? ''];
      const text = [...new Set(remarks.filter(Boolean))].join('; ');
      out.push(
        `| ${cell(titleOf(r))} | ${r.verdict} | ${r.reference?.verdict ?? ''} | ${s1(r.seconds)} | ${slow} | ${ratio(r)} | ${cell(text)} |`,
      );
    }
    out.push('');
  }
  return out.join('\n');
}
