// Preloaded into a training (node --import): kills its process at the n-th operation on files in a folder.
//
// KILL_FOLDER is the folder, KILL_AT the operation's number (0: never), KILL_MODE its point in time: `before`, `after`, or `torn`, when
// half is written or removed. The last line on stderr is the operation's name, or at the end of the process their number.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const { KILL_FOLDER: folder, KILL_AT: killAt, KILL_MODE: mode } = process.env;
let operations = 0;

/** Operations of node:fs/promises, with the index of the path among their arguments (of two, the new one). */
const BY_PATH = {
  ...{ mkdir: 0, open: 0, readdir: 0, readFile: 0, rm: 0, stat: 0, writeFile: 0 },
  ...{ copyFile: 1, link: 1, rename: 1 },
};
for (const [name, place] of Object.entries(BY_PATH)) wrap(fs.promises, name, (args) => args[place]);

// operations on an open file, whose path is unknown; a training opens none outside its folder
const handle = await fs.promises.open('/dev/null');
await handle.close();
for (const name of ['writeFile', 'sync']) wrap(Object.getPrototypeOf(handle), name, () => folder);

syncBuiltinESMExports();
process.on('exit', () => fs.writeSync(2, `${operations}\n`));

function wrap(object, name, pathOf) {
  const original = object[name];
  object[name] = async function (...args) {
    const isOurs = String(pathOf(args)).startsWith(folder);
    if (isOurs) operations += 1;
    if (!isOurs || operations !== Number(killAt)) return original.apply(this, args);
    if (mode === 'torn' && name === 'writeFile') await original.apply(this, args.map(firstHalf));
    else if (mode === 'torn' && name === 'rm') removeOneOf(args[0]);
    else if (mode !== 'before') await original.apply(this, args);
    fs.writeSync(2, `${name}\n`);
    process.kill(process.pid, 'SIGKILL');
    for (;;); // nothing else may happen until the signal arrives
  };
}

/** Of bytes; of text, where it is none of the paths. */
function firstHalf(value) {
  if (typeof value === 'string') return value.startsWith(folder) ? value : value.slice(0, value.length / 2);
  return ArrayBuffer.isView(value) ? value.subarray(0, value.length / 2) : value;
}

function removeOneOf(removed) {
  const isFolder = fs.statSync(removed, { throwIfNoEntry: false })?.isDirectory();
  const [first] = isFolder ? fs.readdirSync(removed) : [];
  if (first !== undefined) fs.rmSync(`${removed}/${first}`, { recursive: true });
}
