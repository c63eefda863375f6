// A second copy of TensorFlow.js, as caused by a program that needs another version.
import { INSTALL, run } from './project.mjs';

/** Another version than the one installed with the library. */
const OTHER = '@tensorflow/tfjs@4.21.0';

/** The library warns once, in one sentence, whichever copy is loaded first; with one copy it does not warn. */
export async function checkSecondTfjs(project) {
  project.write('second/package.json', JSON.stringify({ name: 'second', private: true }));
  await run('npm', [...INSTALL, OTHER], `${project.folder}/second`);
  const [ours, theirs] = [`import 'ct-multilabel';`, `import '@tensorflow/tfjs';`];
  const programs = {
    'second/copy_before.mjs': [`${theirs}\n${ours}`, 1],
    'second/copy_after.mjs': [`${ours}\n${theirs}`, 1],
    'copy_none.mjs': [`${theirs}\nimport '@tensorflow/tfjs-backend-wasm';\n${ours}`, 0],
  };
  for (const [name, [text, times]] of Object.entries(programs)) {
    const { stderr } = await run('node', [project.write(name, text)], project.folder);
    const lines = stderr.split('\n').filter((line) => line.startsWith('ct-multilabel:'));
    if (lines.length !== times || !lines.every((line) => line.includes('second copy of @tensorflow/tfjs'))) {
      throw new Error(`${name} warned ${lines.length} times, not ${times}:\n${stderr}`);
    }
  }
}
