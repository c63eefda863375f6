// A second copy of TensorFlow.js, as it comes about when two packages want different versions.
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { repository, run } from './project.mjs';

const PACKAGES = ['', '-core', '-layers', '-converter', '-data', '-backend-cpu', '-backend-webgl'];

/** The library says so once, in one sentence, whichever copy is loaded first; with one copy it says nothing. */
export async function checkSecondTfjs(project) {
  const other = copyTfjs(path.join(project.work, 'second', 'other'));
  const ours = `import 'ct-multilabel';`;
  const theirs = `import ${JSON.stringify(other)};`;
  const programs = {
    'copy_before.mjs': [`${theirs}\n${ours}`, 1],
    'copy_after.mjs': [`${ours}\n${theirs}`, 1],
    'copy_none.mjs': [`import '@tensorflow/tfjs';\nimport '@tensorflow/tfjs-backend-wasm';\n${ours}`, 0],
  };
  for (const [name, [text, times]] of Object.entries(programs)) {
    const { stderr } = await run('node', [project.write(name, text)], project.folder);
    const lines = stderr.split('\n').filter((line) => line.startsWith('ct-multilabel:'));
    if (lines.length !== times || !lines.every((line) => line.includes('second copy of @tensorflow/tfjs'))) {
      throw new Error(`${name} warned ${lines.length} times, not ${times}:\n${stderr}`);
    }
  }
}

/** What Node loads of TensorFlow.js, copied to `folder`; the rest of its dependencies by a link. */
function copyTfjs(folder) {
  const installed = path.join(repository, 'node_modules');
  for (const suffix of PACKAGES) {
    const name = `@tensorflow/tfjs${suffix}`;
    const manifest = readFileSync(path.join(installed, name, 'package.json'), 'utf8');
    const { main } = JSON.parse(manifest);
    const target = path.join(folder, 'node_modules', name);
    mkdirSync(path.dirname(path.join(target, main)), { recursive: true });
    writeFileSync(path.join(target, 'package.json'), manifest);
    copyFileSync(path.join(installed, name, main), path.join(target, main));
  }
  symlinkSync(installed, path.join(path.dirname(folder), 'node_modules'));
  return path.join(folder, 'node_modules/@tensorflow/tfjs/dist/tf.node.js');
}
