// Loads the other chunks of the command, and keeps for later runs the code that V8 made of them (tools/load.cjs).
// What the command itself wants to keep (src/cli/kept.ts) lies there as well.
'use strict';
/** Milliseconds until what starting called is saved, whatever comes, and microseconds of CPU time of a program that is short. */
const STARTED = 1000;
const SHORT = 5e6;
/** What optimise.js gives: the length of a script's code in HEAD bytes, the code, the module. Milliseconds it is waited for. */
const OPTIMISED = 'interp.optimised';
const HEAD = 4;
/** The script whose code that is: restore.js. It is never parsed. */
const RESTORE = '@RESTORE@';
/** The chunk with which the first one comes. */
const EXEC = 'exec.js';
/** An empty file: there has been a run. */
const FIRST = 'first';
const PATIENCE = 20_000;

/** What load.cjs has and gives. */
exports.keep = ({ folders, options, room, name: firstName, script: firstScript, first, exec, require, __dirname }) => {
  const fs = require('node:fs');
  const { Script } = require('node:vm');
  const atEnd = [];
  const enabled = folders.length > 0;
  const isDebugged = options.includes('inspect');
  /** Scripts that were run, and those of them whose code is not kept, or no longer good. */
  const scripts = new Map();
  let unsaved = false;
  /** This is the first run of the build: known when code is to be saved. */
  let isFirst;
  /** By name of a file: what gives its contents when the process ends, and whether it has met much that is new. */
  const wanted = new Map();

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
  /** @returns what an earlier run has kept by that name */
  function kept(name, readFile = (file) => fs.readFileSync(file)) {
    for (const folder of folders) {
      try {
        return readFile(`${folder}/${name}`);
      } catch {
        // The next folder, or nothing.
      }
    }
    return undefined;
  }
  /** @returns the same, until the next file is read */
  const borrowed = (name) => kept(name, read);

  /**
   * The WebAssembly module of the interpreter, as optimise.js compiled it: then V8 need not.
   * @param {Uint8Array} bytes of the module
   * @param {() => Iterable<number>} used functions of its table that are worth it
   * @returns {WebAssembly.Module | undefined}
   */
  function optimised(bytes, used) {
    const made = borrowed(OPTIMISED);
    if (!made) atEnd.push(() => save(() => [[OPTIMISED, optimise(bytes, [...used()])]]));
    if (!made?.length) return undefined;
    const restored = restore(made, bytes);
    if (!restored) atEnd.push(() => save(() => [[OPTIMISED, Buffer.alloc(0)]]));
    return restored;
  }
  /** @param {Buffer} made what optimise.js gave for a module of these bytes */
  function restore(made, bytes) {
    try {
      const head = HEAD + made.readUInt32LE(0);
      const script = new Script(RESTORE, { cachedData: made.subarray(HEAD, head) });
      return script.runInThisContext()(new Uint8Array(made.subarray(head)).buffer, bytes);
    } catch {
      // The script is no JavaScript without its code.
      return undefined;
    }
  }

  /**
   * The WebAssembly module that a file which is kept has, as optimise.js compiled it: it does so, if it has not yet, when this
   * process has ended (programs.js).
   * @param {string} name of the file
   * @param {number} sum that both have, if it is the same module
   * @param {Uint8Array} bytes of the module
   * @returns {WebAssembly.Module | undefined}
   */
  function native(name, sum, bytes) {
    const { isOf, used, MADE } = require('./programs.js');
    const made = () => kept(`${name}${MADE}`);
    const before = made();
    const isMade = isOf(before, sum);
    atEnd.push(() => used(writable(), name, (now) => isDebugged || (isMade && now === sum) || isOf(made(), now)));
    return isMade ? restore(before.subarray(2 * HEAD), bytes) : undefined;
  }
  /** Where it fails once it is not tried again: an empty file says so. A debugger is not for this process. */
  function optimise(input, used) {
    if (isDebugged) return Buffer.alloc(0);
    const { spawnSync } = require('node:child_process');
    const { status, stdout } = spawnSync(
      process.execPath,
      [...process.execArgv, `${__dirname}/optimise.js`, '', used.join()],
      {
        input,
        stdio: ['pipe', 'pipe', 'ignore'],
        timeout: PATIENCE,
        maxBuffer: 1 << 26,
      },
    );
    return status === 0 && stdout.length > HEAD ? stdout : Buffer.alloc(0);
  }

  /**
   * The first run has everything else to make as well: its code has what later ones do not call, and not what they do. So the
   * code of the second one is kept. Another kind of program has called other functions: all code is kept again, with these.
   */
  function saveCode() {
    const isNew = [...wanted.values()].some(({ isMuchNew }) => isMuchNew());
    isFirst ??= unsaved && isNew && kept(FIRST) === undefined;
    if (isFirst) save(() => [[FIRST, '']]);
    else if (unsaved || isNew) save(() => [...scripts].map(([name, script]) => [name, script.createCachedData()]));
  }
  /** The first folder that can be written: with none, everything is made anew each time. */
  function writable() {
    return folders.find((folder) => {
      try {
        fs.mkdirSync(folder, { recursive: true });
        fs.accessSync(folder, fs.constants.W_OK);
        return true;
      } catch {
        return false;
      }
    });
  }
  /** @param make gives names of files and their contents */
  function save(make) {
    const into = writable();
    if (into === undefined) return;
    try {
      for (const [name, data] of make()) {
        // Others may start at the same moment: nobody finds half a file.
        const whole = `${into}/${name}`;
        const part = `${whole}.${process.pid}`;
        fs.writeFileSync(part, data);
        fs.renameSync(part, whole);
      }
    } catch {
      // The disk is full.
    }
  }
  function atExit() {
    // First, so that the code for it is there to be kept.
    const files = [...wanted].map(([name, { make }]) => [name, make()]).filter(([, data]) => data !== undefined);
    const { user, system } = process.cpuUsage();
    if (user + system < SHORT) saveCode();
    if (files.length > 0) save(() => files);
    if (files.some(([name]) => name.startsWith('program-'))) require('./programs.js').forget(writable());
    for (const act of atEnd) act();
  }

  const modules = new Map([['first.js', first]]);
  function load(name, isWhole = true) {
    const module = modules.get(name) ?? evaluated(name);
    if (isWhole && module.rest) {
      module.rest();
      module.rest = undefined;
    }
    return module.exports;
  }
  function evaluated(name) {
    // Hundreds of names, one after the other: not a shape for each.
    const made = { exports: Object.create(null) };
    modules.set(name, made);
    const filename = `${__dirname}/${name}`;
    const requires = (id) => (id.startsWith('./') ? load(id.slice(2)) : require(id));
    const start = (name === EXEC && exec) || compiled(name, filename);
    start(made.exports, requires, made, filename, __dirname);
    return made;
  }
  function compiled(name, filename) {
    // All in ASCII (tools/bundle.mjs).
    const source = read(filename).toString('latin1');
    const script = new Script(source, { filename, cachedData: borrowed(name) });
    note(name, script);
    const made = script.runInThisContext();
    return name === EXEC ? made[1] : made;
  }
  function note(name, script) {
    scripts.set(name, script);
    if (!enabled || script.cachedDataRejected === false) return;
    // V8 throws away the code of functions that are not called for long: that of starting is saved while it is there.
    if (!unsaved) setTimeout(saveCode, STARTED).unref();
    unsaved = true;
  }

  globalThis[Symbol.for('hypatia.kept')] = {
    read: (name) => kept(name),
    readText: (name) => borrowed(name)?.toString(),
    borrow: borrowed,
    optimised,
    native,
    keepAtEnd(name, make, isMuchNew) {
      wanted.set(name, { make, isMuchNew });
    },
  };
  note(firstName, firstScript);
  if (enabled) process.once('exit', atExit);
  return load;
};
