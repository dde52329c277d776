// How dist/bin starts (tools/bundle.mjs): runs a chunk of the bundle, and keeps the code that V8 made of it for later runs,
// with all functions that were called, which is most of what starting costs otherwise. On by itself, off with
// NODE_DISABLE_COMPILE_CACHE as Node's own. Kept beside the bundle or, where that cannot be written, in the user's cache.
// What the command itself wants to keep (src/cli/kept.ts) lies there as well.
'use strict';
const fs = require('node:fs');
const { Script } = require('node:vm');

/** The build puts a digest of all chunks here: V8 itself compares no more than their lengths. */
const BUILD = '@BUILD@';
/** Milliseconds: what is called later than this is not part of starting. */
const STARTED = 1000;

const enabled = !process.env.NODE_DISABLE_COMPILE_CACHE;
/** Code is good for one V8 with one set of options. V8 itself refuses what it cannot use; this only keeps apart. */
const options = [...process.execArgv, process.env.NODE_OPTIONS ?? ''].join('').replace(/[^\w-]/g, '');
const folder = `${BUILD}-${process.version}-${process.arch}${options.slice(0, 100)}`;
const home = process.env.XDG_CACHE_HOME || `${process.env.HOME || __dirname}/.cache`;
const folders = [`${__dirname}/code/${folder}`, `${home}/hypatia/code/${folder}`];

function kept(name) {
  for (const folder of enabled ? folders : []) {
    try {
      return fs.readFileSync(`${folder}/${name}`);
    } catch {
      // The next folder, or nothing.
    }
  }
  return undefined;
}

/** By name of the file, what gives its contents: undefined if there is nothing to write. */
const unsaved = new Map();
const atEnd = new Map();
function keepAtEnd(name, make) {
  if (!enabled) return;
  if (atEnd.size === 0) process.once('exit', () => save(atEnd));
  atEnd.set(name, make);
}
globalThis[Symbol.for('hypatia.kept')] = { read: kept, keepAtEnd };

function save(what) {
  const made = [...what].map(([name, make]) => [name, make()]).filter(([, data]) => data !== undefined);
  what.clear();
  for (const into of made.length > 0 ? folders : []) {
    try {
      fs.mkdirSync(into, { recursive: true });
      for (const [name, data] of made) {
        // Others may start at the same moment: nobody finds half a file.
        const whole = `${into}/${name}`;
        const part = `${whole}.${process.pid}`;
        fs.writeFileSync(part, data);
        fs.renameSync(part, whole);
      }
      return;
    } catch {
      // The next folder, or none: the code is made anew then.
    }
  }
}

const modules = new Map();
module.exports = function load(name) {
  const known = modules.get(name);
  if (known) return known.exports;
  const made = { exports: {} };
  modules.set(name, made);
  const filename = `${__dirname}/${name}`;
  const cachedData = kept(name);
  const script = new Script(fs.readFileSync(filename, 'utf8'), { filename, cachedData });
  if (enabled && (!cachedData || script.cachedDataRejected)) {
    if (unsaved.size === 0) {
      setTimeout(save, STARTED, unsaved).unref();
      process.once('exit', () => save(unsaved));
    }
    unsaved.set(name, () => script.createCachedData());
  }
  const requires = (id) => (id.startsWith('./') ? load(id.slice(2)) : require(id));
  script.runInThisContext()(made.exports, requires, made, filename, __dirname);
  return made.exports;
};
