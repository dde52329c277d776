// How dist/bin starts (tools/bundle.mjs), the command itself: as little as brings the first chunk to life, because nothing is
// kept of what stands here. A chunk has with it the code that V8 made of it in an earlier run, with all functions that were called,
// which is most of what starting costs otherwise. tools/keep.cjs, a part of the first chunk, sees to that.
// On by itself, off with NODE_DISABLE_COMPILE_CACHE as Node's own.
'use strict';
const fs = require('node:fs');
const { Script } = require('node:vm');

/** The build puts a digest of all chunks here: V8 itself compares no more than their lengths. */
const BUILD = '@BUILD@';
const { env, execArgv, version, arch } = process;
/** Code is good for one V8 with one set of options. V8 itself refuses what it cannot use; this only keeps apart. */
let options = execArgv.join('') + (env.NODE_OPTIONS ?? '');
if (options !== '') options = options.replace(/[^\w-]/g, '').slice(0, 100);
const folder = `${BUILD}-${version}-${arch}${options}`;
/** Beside the bundle or, where that cannot be written, in the user's cache. */
const folders = env.NODE_DISABLE_COMPILE_CACHE
  ? []
  : [
      `${__dirname}/code/${folder}`,
      `${env.XDG_CACHE_HOME || `${env.HOME || __dirname}/.cache`}/hypatia/code/${folder}`,
    ];

/** Where files are read to, one after the other: pages that are used for the first time cost more than reading does. */
let room = Buffer.allocUnsafeSlow(1 << 20);
/** @returns the contents of a file, until the next one is read */
function read(file) {
  const fd = fs.openSync(file);
  try {
    for (let size = 0; ; ) {
      size += fs.readSync(fd, room, size, room.length - size, null);
      if (size < room.length) return room.subarray(0, size);
      room = Buffer.concat([room], 2 * size);
    }
  } finally {
    fs.closeSync(fd);
  }
}
/** @returns what an earlier run has kept by that name, until the next file is read */
function borrowed(name) {
  for (const folder of folders) {
    try {
      return read(`${folder}/${name}`);
    } catch {
      // The next folder, or nothing.
    }
  }
  return undefined;
}
/** @returns a chunk, which has ASCII only */
function chunk(name) {
  const filename = `${__dirname}/${name}`;
  const source = read(filename).toString('latin1');
  return new Script(source, { filename, cachedData: borrowed(name) });
}

const script = chunk('first.js');
const first = { exports: Object.create(null) };
const requires = (id) => (id.startsWith('./') ? load(id.slice(2), false) : require(id));
script.runInThisContext()(first.exports, requires, first, `${__dirname}/first.js`, __dirname);
const load = first.keep({ folders, options, borrowed, chunk, script, first, require, __dirname });
module.exports = load;
if (require.main === module) first.start();
