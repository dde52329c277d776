// `npm run crosscheck -- <linux tree>`: does our register table say what the kernel's own list says? Reads
// arch/arm64/tools/sysreg and the encodings of arch/arm64/include/asm/sysreg.h from the tree at run time, compares
// names, encodings, fields and enumerated values with dist/arch, and prints our row for each difference. Differences
// that are meant stand with their reason in crosscheck.exceptions.json; one that no longer occurs is an error too.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { enc, encParts } from '../dist/arch/schema.js';
import { REGISTERS, SYSTEM_OPS } from '../dist/arch/sysregs.js';

const tree = process.argv[2];
if (!tree) {
  process.stderr.write('usage: npm run crosscheck -- <linux source tree>\n');
  process.exit(2);
}
const read = (path) => {
  try {
    return readFileSync(join(tree, path), 'utf8');
  } catch {
    process.stderr.write(`crosscheck: ${join(tree, path)} is not readable; give the root of a Linux source tree.\n`);
    process.exit(2);
  }
};

/** @typedef {{hi: number, lo: number, kind: string, values: Map<number, string>}} KernelField */

/** The kernel's list: registers, shared field blocks; in a block, fields by name (with `PREFIX:` in front of a layout's). */
function parseList(text) {
  const registers = new Map();
  const shared = new Map();
  let block;
  let field;
  let prefix = '';
  for (const line of text.split('\n')) {
    const [word, ...rest] = line.replace(/#.*/, '').trim().split(/\s+/);
    const [first, second] = rest;
    const range = () => {
      const [hi, lo] = first.split(':').map(Number);
      return { hi, lo: lo ?? hi };
    };
    if (!word) continue;
    else if (word === 'Sysreg' || word === 'SysregFields') {
      block = { name: first, fields: new Map(), res1: 0n, raz: 0n };
      if (word === 'Sysreg') {
        block.enc = enc(...rest.slice(1).map(Number));
        registers.set(first, block);
      } else shared.set(first, block);
    } else if (word === 'Mapping') block.mapping = first;
    else if (word === 'Fields') block.shared = first;
    else if (word === 'Prefix') prefix = `${first}:`;
    else if (word === 'EndPrefix') prefix = '';
    else if (['Field', 'Enum', 'UnsignedEnum', 'SignedEnum'].includes(word)) {
      const kind = { Field: 'number', Enum: 'choice', UnsignedEnum: 'unsigned', SignedEnum: 'signed' }[word];
      field = { ...range(), kind, values: new Map() };
      block.fields.set(prefix + second, field);
    } else if (word.startsWith('0b')) field.values.set(Number(word), first);
    else if (word === 'Res1') block.res1 |= mask(range());
    else if (word === 'Raz') block.raz |= mask(range());
    else if (!['Res0', 'Unkn', 'EndEnum', 'EndSysreg', 'EndSysregFields'].includes(word))
      throw new Error(`unknown word in the list: ${line}`);
  }
  for (const r of registers.values()) {
    // Some "shared" blocks are only a hint to read Arm's page: nothing to compare then.
    const block = shared.get(r.shared) ?? registers.get(r.shared);
    if (block) Object.assign(r, pick(block));
    else if (r.shared) r.opaque = true;
  }
  return registers;
}
const pick = ({ fields, res1, raz }) => ({ fields, res1, raz });
const mask = ({ hi, lo }) => ((1n << BigInt(hi - lo + 1)) - 1n) << BigInt(lo);

/** `#define SYS_X sys_reg(…)`, `SYS_X(n)` and `OP_X sys_insn(…)` of the header: name (with `<n>`) -> n -> encoding. */
function parseHeader(text) {
  const macros = new Map();
  const joined = text.replace(/\\\n/g, ' ').replace(/\/\*.*?\*\//gs, ' ');
  for (const m of joined.matchAll(/^#define\s+(\w+)(?:\((\w+)\))?\s+(.+)$/gm))
    macros.set(m[1], { arg: m[2], body: m[3] });
  const evaluate = (source, n, arg) => {
    // Integers, the argument, + & | << >> and parentheses: all that the header's formulas use.
    const tokens = source.match(/0x[\da-f]+|\d+|\w+|<<|>>|[()+&|-]/gi) ?? [];
    let i = 0;
    const atom = () => {
      const t = tokens[i++];
      if (t === '(') {
        const v = or();
        i++;
        return v;
      }
      if (t === arg) return n;
      if (/^\d|^0x/.test(t)) return Number(t);
      throw new Error(`cannot evaluate ${source}`);
    };
    const binary = (next, ops) => () => {
      let v = next();
      while (ops[tokens[i]]) {
        const op = ops[tokens[i++]];
        v = op(v, next());
      }
      return v;
    };
    const sum = binary(atom, { '+': (a, b) => a + b, '-': (a, b) => a - b });
    const shift = binary(sum, { '<<': (a, b) => a << b, '>>': (a, b) => a >> b });
    const and = binary(shift, { '&': (a, b) => a & b });
    const or = binary(and, { '|': (a, b) => a | b });
    return or();
  };
  const args = (body) => {
    const out = [];
    let depth = 0;
    let start = body.indexOf('(') + 1;
    for (let i = start; i < body.length; i++) {
      if (body[i] === '(') depth++;
      else if (body[i] === ')' && depth-- === 0) return [...out, body.slice(start, i)];
      else if (body[i] === ',' && depth === 0) {
        out.push(body.slice(start, i));
        start = i + 1;
      }
    }
    return out;
  };
  // DBGBVRn_EL1(n) -> DBGBVR<n>_EL1, BRBINF_EL1(n) -> BRBINF<n>_EL1, TRCACVR(m) -> TRCACVR<n>.
  const family = (short) =>
    /n_EL\d$/.test(short) ? short.replace(/n(_EL\d)$/, '<n>$1') : short.replace(/(_EL\d)?$/, '<n>$1');
  const result = new Map();
  const resolve = (name, n) => {
    const m = macros.get(name);
    if (!m) return undefined;
    const head = /^(\w+)\s*\(/.exec(m.body)?.[1];
    if (head === 'sys_reg' || head === 'sys_insn') return enc(...args(m.body).map((a) => evaluate(a, n, m.arg)));
    // One macro over another, with the first argument as the number: SYS_ICC_AP0Rn_EL1(0).
    const inner = macros.get(head);
    if (!inner?.arg || m.body.includes(',')) return undefined;
    return resolve(head, evaluate(args(m.body)[0], n, m.arg));
  };
  for (const [name, m] of macros) {
    const short = /^(?:SYS|OP|GICV5_OP)_(\w+)$/.exec(name)?.[1];
    if (!short) continue;
    try {
      if (resolve(name, 0) !== undefined) result.set(m.arg ? family(short) : short, (n) => resolve(name, n));
    } catch {
      // A formula over other macros: not part of the comparison.
    }
  }
  return result;
}

// What we say, in the same shape.
const differences = [];
const differ = (key, text, row) => differences.push({ key, text, row });
const quote = (name) => (/^[A-Za-z_]\w*$/.test(name) ? name : `'${name}'`);
const builder = { unsigned: 'idField', signed: 'signedField', choice: 'choice', number: 'count' };
const rowOf = (name, f) =>
  `    ${quote(name)}: ${builder[f.kind]}(${f.hi}, ${f.lo}${
    f.values.size > 0 ? `, { ${[...f.values].map(([v, n]) => `${quote(n)}: ${v}`).join(', ')} }` : ''
  }),`;

function compareRegister(theirs, ours) {
  const { name } = theirs;
  if (ours.enc !== theirs.enc)
    differ(
      `${name}: encoding`,
      `we say ${encParts(ours.enc)}, the kernel ${encParts(theirs.enc)}`,
      `  [${encParts(theirs.enc).join(', ')}]`,
    );
  if (theirs.mapping) {
    if (ours.aliasOf !== theirs.mapping)
      differ(`${name}: alias`, `we say ${ours.aliasOf ?? 'no alias'}, the kernel ${theirs.mapping}`, '');
    return;
  }
  if (ours.aliasOf || theirs.opaque) return;
  const layouts = Object.entries(ours.layouts ?? {}).flatMap(([feat, l]) =>
    Object.entries(l).map(([k, f]) => [`${feat}:${k}`, f]),
  );
  const left = new Map([...Object.entries(ours.fields), ...layouts]);
  const byCase = new Map([...left.keys()].map((k) => [k.toUpperCase(), k]));
  for (const [fieldName, k] of theirs.fields) {
    // The kernel writes some of Arm's mixed-case names in capitals.
    const own = left.has(fieldName)
      ? fieldName
      : fieldName === fieldName.toUpperCase()
        ? byCase.get(fieldName)
        : undefined;
    const key = `${name}.${fieldName}`;
    if (own === undefined) {
      differ(key, 'the kernel has a field that we lack', rowOf(fieldName, k));
      continue;
    }
    const f = left.get(own);
    left.delete(own);
    if (f.hi !== k.hi || f.lo !== k.lo)
      differ(key, `we say ${f.hi}:${f.lo}, the kernel ${k.hi}:${k.lo}`, rowOf(own, k));
    // The kernel's Enum says nothing about order.
    if (k.kind !== 'choice' && k.kind !== 'number' && (f.kind === 'signed') !== (k.kind === 'signed'))
      differ(`${key} sign`, `we say ${f.kind}, the kernel ${k.kind}`, rowOf(own, k));
    const values = new Map(Object.entries(f.values).map(([n, v]) => [v, n]));
    const wrong = [...k.values].flatMap(([v, n]) => {
      const mine = values.get(v);
      // A value that brings a feature has the feature's name with us; the kernel shortens it.
      return mine === n.replace(/^FEAT_/, '') || mine?.startsWith('FEAT_')
        ? []
        : [`${v} is ${mine ?? 'nothing'}, in the kernel ${n}`];
    });
    if (wrong.length > 0) differ(`${key} values`, wrong.join('; '), rowOf(own, k));
  }
  for (const fieldName of left.keys())
    differ(
      `${name}.${fieldName} extra`,
      `we have a field (${left.get(fieldName).hi}:${left.get(fieldName).lo}) that the kernel lacks`,
      '',
    );
  if ((ours.res1 ?? 0n) !== theirs.res1)
    differ(`${name}: res1`, `we say ${(ours.res1 ?? 0n).toString(16)}, the kernel ${theirs.res1.toString(16)}`, '');
  if ((ours.raz ?? 0n) !== theirs.raz)
    differ(`${name}: raz`, `we say ${(ours.raz ?? 0n).toString(16)}, the kernel ${theirs.raz.toString(16)}`, '');
}

const list = parseList(read('arch/arm64/tools/sysreg'));
let fields = 0;
for (const [name, theirs] of list) {
  fields += theirs.fields.size;
  const ours = REGISTERS.get(name);
  if (ours) compareRegister(theirs, ours);
  else
    differ(name, `the kernel has a register that we lack`, `  ${name}: reg([${encParts(theirs.enc).join(', ')}], …),`);
}
const header = parseHeader(read('arch/arm64/include/asm/sysreg.h'));
let encodings = 0;
for (const [name, at] of header) {
  if (name.includes('<n>')) {
    const first = [0, 1, 2].find((n) => REGISTERS.has(name.replace('<n>', String(n)))) ?? 0;
    for (let n = first; ; n++) {
      const ours = REGISTERS.get(name.replace('<n>', String(n)));
      if (!ours) {
        if (n === first)
          differ(name, 'the kernel header has a family that we lack', `  '${name}': [${encParts(at(0)).join(', ')}] …`);
        break;
      }
      encodings++;
      if (ours.enc !== at(n))
        differ(`${name}: encoding`, `n=${n}: we say ${encParts(ours.enc)}, the kernel ${encParts(at(n))}`, '');
    }
    continue;
  }
  encodings++;
  const theirs = at(0);
  const ours = REGISTERS.get(name) ?? SYSTEM_OPS.get(name);
  if (!ours)
    differ(name, 'the kernel header has an encoding that we lack', `  ${name}: […] [${encParts(theirs).join(', ')}]`);
  else if (ours.enc !== theirs)
    differ(`${name}: encoding`, `we say ${encParts(ours.enc)}, the kernel ${encParts(theirs)}`, '');
}

// Where NV2 keeps a register in memory.
let offsets = 0;
for (const [, name, offset] of read('arch/arm64/include/asm/vncr_mapping.h').matchAll(
  /VNCR_(\w+)\s+(0x[\da-fA-F]+)/g,
)) {
  offsets++;
  const ours = REGISTERS.get(name);
  if (ours?.vncr !== Number(offset))
    differ(
      `${name}: vncr`,
      `we say ${ours?.vncr?.toString(16)}, the kernel ${offset}`,
      `  ${name}: … vncr: ${offset.toLowerCase()}`,
    );
}

const exceptions = JSON.parse(readFileSync(new URL('./crosscheck.exceptions.json', import.meta.url), 'utf8'));
const used = new Set();
let failures = 0;
for (const d of differences) {
  const excused = Object.keys(exceptions).find(
    (k) => k === d.key || (k.endsWith('*') && d.key.startsWith(k.slice(0, -1))),
  );
  if (excused !== undefined) {
    used.add(excused);
    continue;
  }
  failures++;
  process.stdout.write(`${d.key}: ${d.text}\n${d.row ? `${d.row}\n` : ''}`);
}
for (const k of Object.keys(exceptions)) {
  if (used.has(k)) continue;
  failures++;
  process.stdout.write(`${k}: stands in crosscheck.exceptions.json but does not occur\n`);
}
process.stdout.write(
  `crosscheck: ${list.size} registers, ${fields} fields, ${encodings} further encodings, ${offsets} VNCR offsets; ${differences.length - failures} excused, ${failures} to look at\n`,
);
process.exit(failures > 0 ? 1 : 0);
