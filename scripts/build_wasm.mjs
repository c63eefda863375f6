// Compiles src/backends/wasm/assembly to WebAssembly and writes the result as base64 into src/backends/wasm/generated/.
// Does nothing if the sources have not changed.
import asc from 'assemblyscript/asc';
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const sources = path.join(root, 'src/backends/wasm/assembly');
const target = path.join(root, 'src/backends/wasm/generated');

// warning 112 concerns vectors in exported functions, which we do not have
const COMMON = [
  '--disableWarning=112',
  '-O3',
  '--noAssert',
  '--runtime',
  'stub',
  '--importMemory',
  '--noExportMemory',
  '--enable',
  'simd',
];
const MEMORY = {
  // on the host's heap
  host: ['--initialMemory', '0'],
  // on shared memory, for threads
  shared: ['--initialMemory', '1', '--maximumMemory', '65536', '--sharedMemory', '--enable', 'threads'],
};
const ARITHMETIC = { base: [], fma: ['--enable', 'relaxed-simd'] };

/** Compiles if the sources have changed. (Vitest calls it before the tests.) */
export async function setup() {
  const hash = createHash('sha256');
  const files = readdirSync(sources, { recursive: true }).map(String).sort();
  for (const file of files.filter((name) => name.endsWith('.ts'))) {
    hash.update(file).update(readFileSync(path.join(sources, file)));
  }
  hash.update(readFileSync(fileURLToPath(import.meta.url)));
  hash.update(readFileSync(path.join(root, 'node_modules/assemblyscript/package.json')));
  const stamp = `// ${hash.digest('hex')}`;

  mkdirSync(target, { recursive: true });
  writeSignatures(stamp);
  for (const [memory, memoryOptions] of Object.entries(MEMORY)) {
    const out = path.join(target, `${memory}_kernels.ts`);
    if (existsSync(out) && readFileSync(out, 'utf8').startsWith(stamp)) continue;
    const lines = [stamp, '// Made by scripts/build_wasm.mjs from ../assembly.', ''];
    for (const [arithmetic, options] of Object.entries(ARITHMETIC)) {
      const binary = await compile([...COMMON, ...memoryOptions, ...options]);
      lines.push(`export const ${arithmetic} =`, `  '${Buffer.from(binary).toString('base64')}';`, '');
    }
    writeFileSync(out, lines.join('\n'));
    console.log(`compiled ${path.relative(root, out)}`);
  }
}

/** Writes the names of every kernel's parameters, so that the compiler checks calls with named arguments. */
function writeSignatures(stamp) {
  const out = path.join(target, 'signatures.ts');
  if (existsSync(out) && readFileSync(out, 'utf8').startsWith(stamp)) return;
  const index = readFileSync(path.join(sources, 'index.ts'), 'utf8');
  const lines = [...index.matchAll(/from '\.\/([\w/]+)'/g)].flatMap(([, file]) => {
    const text = readFileSync(path.join(sources, `${file}.ts`), 'utf8');
    return [...text.matchAll(/^export function (\w+)\(([^)]*)\)/gm)].map(([, name, list]) => {
      const parameters = [...list.matchAll(/(\w+):/g)].map(([, parameter]) => `'${parameter}'`);
      return `  ${name}: [${parameters.join(', ')}],`;
    });
  });
  const head = [stamp, '// Made by scripts/build_wasm.mjs from ../assembly.', ''];
  writeFileSync(out, [...head, 'export const PARAMETERS = {', ...lines, '} as const;', ''].join('\n'));
}

async function compile(options) {
  let binary;
  const { error, stderr } = await asc.main(['index.ts', '--outFile', 'out.wasm', ...options], {
    readFile: (name, base) => {
      const file = path.resolve(base === '.' ? sources : base, name);
      return existsSync(file) ? readFileSync(file, 'utf8') : null;
    },
    writeFile: (_name, contents) => {
      binary = contents;
    },
    listFiles: () => [],
  });
  if (error || binary === undefined) throw new Error(`asc: ${error?.message}\n${stderr.toString()}`);
  const warnings = stderr.toString();
  if (warnings !== '') throw new Error(`asc warns:\n${warnings}`);
  if (hasSection(binary, DATA)) {
    throw new Error(
      'the compiled kernels have a data segment, which would overwrite the memory they are put on',
    );
  }
  return binary;
}

const DATA = 11;

/** Whether a WebAssembly binary has a section of this id. */
function hasSection(binary, wanted) {
  let at = 8; // after the magic number and the version
  while (at < binary.length) {
    const id = binary[at++];
    let size = 0;
    for (let shift = 0, more = true; more; shift += 7) {
      const byte = binary[at++];
      size |= (byte & 0x7f) << shift;
      more = (byte & 0x80) !== 0;
    }
    if (id === wanted) return true;
    at += size;
  }
  return false;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await setup();
