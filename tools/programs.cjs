// Looks after what is kept of programs (src/jit/kept.ts, tools/keep.cjs): has a module compiled as V8 does it for code that
// runs often, by a process that nobody waits for when a program has ended, and forgets what has not been used for long.
'use strict';
const fs = require('node:fs');
const path = require('node:path');

/** What the name of a file is followed by, when its module has been compiled: the number of the module, a sum, what optimise.js gives. */
exports.MADE = '.native';
const Head = { module: 0, sum: 4, size: 8 };
/** Words of a file that is kept: Head of src/jit/kept.ts. */
const Kept = { number: 1, json: 2, words: 3, module: 4, size: 6 };
const wordOf = (file, i) => file.readUInt32LE(4 * i);
/** Bytes that all programs may take, of all builds. */
const MOST = 1 << 28;
const IS_PROGRAM = /^program-/;
/** Of so many bytes one is looked at: files are whole or torn. */
const STEP = 61;

function sumOf(bytes) {
  let sum = bytes.length;
  for (let at = bytes.length - 1; at >= 0; at -= STEP) sum = (Math.imul(sum, 0x01000193) ^ bytes[at]) >>> 0;
  return sum;
}
/** @param {number} number of the module @param {Buffer} made @returns what is to be written */
exports.together = (number, made) => {
  const head = Buffer.alloc(Head.size);
  head.writeUInt32LE(number, Head.module);
  head.writeUInt32LE(sumOf(made), Head.sum);
  return Buffer.concat([head, made]);
};
/** @param {Buffer | undefined} file @param {number} number of the module */
exports.isOf = (file, number) =>
  file !== undefined &&
  file.length > Head.size &&
  file.readUInt32LE(Head.module) === number &&
  file.readUInt32LE(Head.sum) === sumOf(file.subarray(Head.size));

/** @param {Buffer} file that is kept @returns the module in it, and its number */
exports.moduleOf = (file) => {
  const from = 4 * (Kept.size + wordOf(file, Kept.words)) + wordOf(file, Kept.json);
  const bytes = new Uint8Array(file.subarray(from, from + wordOf(file, Kept.module)));
  return { bytes, number: wordOf(file, Kept.number) };
};

/** The number of the module in a file that is kept, which is all that is read of it. */
function numberIn(file) {
  const head = Buffer.alloc(4 * Kept.size);
  const open = fs.openSync(file);
  try {
    fs.readSync(open, head);
  } finally {
    fs.closeSync(open);
  }
  return wordOf(head, Kept.number);
}
/**
 * @param {string | undefined} folder where files of this build are
 * @param {string} name of what was used
 * @param {(number: number) => boolean} isMade the module of that number has been compiled
 */
exports.used = (folder, name, isMade) => {
  if (folder === undefined) return;
  const file = path.join(folder, name);
  try {
    const now = new Date();
    fs.utimesSync(file, now, now);
    if (isMade(numberIn(file))) return;
  } catch {
    // Others have forgotten it.
    return;
  }
  const { spawn } = require('node:child_process');
  const words = [...process.execArgv, path.join(__dirname, 'optimise.js'), file];
  spawn(process.execPath, words, { detached: true, stdio: 'ignore' }).unref();
};

/** @param {string | undefined} folder where files of this build are: those of others are beside it */
exports.forget = (folder) => {
  if (folder === undefined) return;
  const parent = path.dirname(folder);
  const all = [];
  try {
    for (const build of fs.readdirSync(parent)) {
      for (const name of fs.readdirSync(path.join(parent, build))) {
        if (!IS_PROGRAM.test(name)) continue;
        const file = path.join(parent, build, name);
        const { size, mtimeMs } = fs.statSync(file);
        all.push({ file, size, mtimeMs });
      }
    }
    let size = all.reduce((sum, one) => sum + one.size, 0);
    for (const one of all.sort((a, b) => a.mtimeMs - b.mtimeMs)) {
      if (size <= MOST) break;
      fs.rmSync(one.file, { force: true });
      size -= one.size;
    }
  } catch {
    // Others are at it.
  }
};
