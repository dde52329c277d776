// Cases as text: what a block starts from and what it leaves, for numbered cases and for the recorded answers in
// golden/a64. One parser reads both (src/isa/golden.test.ts).

const hex = (v) => `0x${v.toString(16)}`;

/** Registers of a state: those that are not zero, or, given what was before, those that differ. */
export function registers(s, before) {
  const out = [];
  const note = (name, v, old) => {
    if (v !== old) out.push(`${name}=${hex(v)}`);
  };
  s.x.forEach((v, i) => {
    note(`x${i}`, v, before?.x[i] ?? 0n);
  });
  note('sp', s.sp, before?.sp ?? 0n);
  for (const k of ['nzcv', 'fpcr', 'fpsr']) note(k, s[k], before?.[k] ?? 0);
  note('fpmr', s.fpmr ?? 0n, before?.fpmr ?? 0n);
  s.v.forEach((v, i) => {
    note(`v${i}`, v, before?.v[i] ?? 0n);
  });
  return out.join(' ');
}

/** `end +8 x3=0x1 [0x40]=0x2`: how and where it ended, registers that changed, 8-byte words of the window that changed. */
export function endText(end, before) {
  const memory = [...end.memory].map(([i, v]) => `[${hex(i * 8)}]=${hex(v)}`).join(' ');
  const addr = end.addr === undefined ? '' : `addr=${hex(end.addr)}`;
  return [`${end.how.replace(' ', ':')} +${end.at}`, addr, registers(end.state, before), memory]
    .filter((t) => t)
    .join(' ');
}

/** `x1=0x2 nzcv=0x3`. @returns a state with everything else zero */
export function parseState(text) {
  const state = { x: Array(31).fill(0n), sp: 0n, nzcv: 0, fpcr: 0, fpsr: 0, fpmr: 0n, v: Array(32).fill(0n) };
  for (const [, name, value] of text.matchAll(/([a-z]+\d*)=(0x[0-9a-f]+)/g)) {
    const m = /^([xv])(\d+)$/.exec(name);
    if (m) state[m[1]][Number(m[2])] = BigInt(value);
    else state[name] = name === 'sp' || name === 'fpmr' ? BigInt(value) : Number(value);
  }
  return state;
}
