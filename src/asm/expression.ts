// Integer expressions in operands and directives: numbers, characters, symbols, :lo12:, + - * / % << >> & | ^ ~ ( ).

import type { Cursor } from './form.ts';

const LEVELS: readonly (readonly [RegExp, (op: string, a: bigint, b: bigint) => bigint])[] = [
  [/[|^]/, (op, a, b) => (op === '|' ? a | b : a ^ b)],
  [/&/, (_, a, b) => a & b],
  [/<<|>>/, (op, a, b) => (op === '<<' ? a << b : a >> b)],
  [/[+-]/, (op, a, b) => (op === '+' ? a + b : a - b)],
  [/[*/%]/, (op, a, b) => (op === '*' ? a * b : op === '/' ? a / b : a % b)],
];

function primary(c: Cursor): bigint {
  const low = c.take(/:(lo12|abs_g[0-3](?:_nc)?|hi21):/);
  if (low) {
    const v = primary(c);
    const name = low[1]!.toLowerCase();
    if (name === 'lo12') return v & 0xfffn;
    if (name === 'hi21') return (v >> 12n) & 0x1fffffn;
    return (v >> (16n * BigInt(name[5]!))) & 0xffffn;
  }
  if (c.take(/-/)) return -primary(c);
  if (c.take(/~/)) return ~primary(c);
  if (c.take(/\+/)) return primary(c);
  if (c.take(/\(/)) {
    const v = expression(c);
    if (!c.take(/\)/)) c.fail("')'");
    return v;
  }
  const number = c.take(/0x[0-9a-f]+|0b[01]+|0o[0-7]+|\d+(?![\w.])/);
  if (number) return BigInt(number[0].toLowerCase());
  const char = c.take(/'(?:\\(.)|([^'\\]))'/);
  if (char)
    return BigInt((char[1] ? ({ n: '\n', t: '\t', r: '\r', '0': '\0' }[char[1]] ?? char[1]) : char[2]!).charCodeAt(0));
  const at = c.pos;
  const local = c.take(/\d+[fb]\b/) ?? c.take(/[a-z_.$][\w.$]*/);
  if (!local) return c.fail('a number or a symbol');
  const v = c.scope.lookup(local[0]);
  if (v === undefined) {
    c.pos = at;
    return c.fail(`a defined symbol ('${local[0]}' is not defined)`);
  }
  return v;
}

/** @throws Mismatch where the text is no expression or names an unknown symbol. */
export function expression(c: Cursor, level = 0): bigint {
  const row = LEVELS[level];
  if (!row) return primary(c);
  let v = expression(c, level + 1);
  for (let m = c.take(row[0]); m; m = c.take(row[0])) v = row[1](m[0], v, expression(c, level + 1));
  return v;
}
