// How dist/bin starts (tools/bundle.mjs), the command itself: as little as brings the first chunk to life, without a function,
// because nothing is kept of what stands here. A chunk has with it the code that V8 made of it in an earlier run, with all functions
// that were called, which is most of what starting costs otherwise. tools/keep.cjs, a part of the first chunk, sees to that.
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

/** The chunk of `exec` has the first one with it: a file less. */
const name = process.argv[2] === 'exec' ? 'exec.js' : 'first.js';
/** Where files are read to, one after the other: pages that are used for the first time cost more than reading does. */
const room = Buffer.allocUnsafeSlow(1 << 21);
let source;
let cachedData;
for (const place of [__dirname, ...folders]) {
  let fd;
  try {
    fd = fs.openSync(`${place}/${name}`);
  } catch (e) {
    if (source === undefined) throw e;
    continue;
  }
  const size = fs.readSync(fd, room, 0, room.length, null);
  fs.closeSync(fd);
  if (source === undefined) source = room.toString('latin1', 0, size);
  else {
    cachedData = room.subarray(0, size);
    break;
  }
}
const filename = `${__dirname}/${name}`;
const script = new Script(source, { filename, cachedData });
const made = script.runInThisContext();
const [start, exec] = name === 'exec.js' ? made : [made];
const first = { exports: Object.create(null) };
const requires = (id) => (id.startsWith('./') ? load(id.slice(2), false) : require(id));
start(first.exports, requires, first, filename, __dirname);
const load = first.keep({ folders, options, room, name, script, first, exec, require, __dirname });
module.exports = load;
if (require.main === module) first.start();
