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

/** Scripts that were run, and those of them whose code is not kept, or no longer good. */
const scripts = new Map();
let unsaved = false;
/** By name of a file: what gives its contents when the process ends, and whether it has met much that is new. */
const wanted = new Map();
globalThis[Symbol.for('hypatia.kept')] = {
  read: kept,
  keepAtEnd(name, make, isMuchNew) {
    wanted.set(name, { make, isMuchNew });
  },
};

/** Another kind of program has called other functions: all code is kept again, with these. */
function saveCode() {
  if (!unsaved && ![...wanted.values()].some(({ isMuchNew }) => isMuchNew())) return;
  save([...scripts].map(([name, script]) => [name, script.createCachedData()]));
}
if (enabled) {
  // V8 throws away the code of functions that are not called for long: that of starting is saved while it is there.
  let early = true;
  setTimeout(() => {
    early = false;
    saveCode();
  }, STARTED).unref();
  process.once('exit', () => {
    if (early) saveCode();
    save([...wanted].map(([name, { make }]) => [name, make()]).filter(([, data]) => data !== undefined));
  });
}

function save(made) {
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
  scripts.set(name, script);
  unsaved ||= !cachedData || script.cachedDataRejected;
  const requires = (id) => (id.startsWith('./') ? load(id.slice(2)) : require(id));
  script.runInThisContext()(made.exports, requires, made, filename, __dirname);
  return made.exports;
};
