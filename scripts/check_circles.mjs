// Fails if files of src import one another in a circle, including type imports, which the lint rule ignores.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../src');
const files = readdirSync(root, { recursive: true })
  .map(String)
  .filter((file) => file.endsWith('.ts') && !file.includes('/assembly/') && !file.includes('/generated/'));

/** The files that a file imports or re-exports. */
const imports = new Map(
  files.map((file) => {
    const text = readFileSync(path.join(root, file), 'utf8');
    const targets = [...text.matchAll(/^(?:import|export|\}) ?[^;'"]*['"](\.[^'"]+)['"]/gm)].map(
      ([, target]) => path.posix.join(path.posix.dirname(file), target),
    );
    return [
      file,
      targets.flatMap(
        (target) => [`${target}.ts`, `${target}/index.ts`].find((name) => files.includes(name)) ?? [],
      ),
    ];
  }),
);

/** Strongly connected components of more than one file (Tarjan). */
const circles = [];
const place = new Map();
const low = new Map();
const stack = [];
function visit(file) {
  place.set(file, place.size);
  low.set(file, place.get(file));
  stack.push(file);
  for (const target of imports.get(file)) {
    if (!place.has(target)) visit(target);
    if (stack.includes(target)) low.set(file, Math.min(low.get(file), low.get(target)));
  }
  if (low.get(file) !== place.get(file)) return;
  const members = stack.splice(stack.indexOf(file));
  if (members.length > 1) circles.push(members);
}
for (const file of files) if (!place.has(file)) visit(file);

for (const members of circles) console.error(`circle: ${members.join(', ')}`);
console.log(`${files.length} files, ${circles.length} circles`);
process.exitCode = circles.length > 0 ? 1 : 0;
