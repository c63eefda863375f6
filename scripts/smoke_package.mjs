// Packs the library and uses the tarball in the usual ways: in every supported version of Node, as ES modules, CommonJS and
// TypeScript, through bundlers, and in a page.
import { checkKernelsAreApart, checkRegistration, checkSizes, checkThreadFile } from './package/bundles.mjs';
import { nodeVersions } from './package/node_versions.mjs';
import { checkPages } from './package/page.mjs';
import { checkTypes, runCommands, runCommandsOn, runPrograms, writePrograms } from './package/programs.mjs';
import { packedProject } from './package/project.mjs';
import { checkSecondTfjs } from './package/second_tfjs.mjs';

const PACKED =
  /^(dist\/|docs\/|examples\/(starter\/|viewer\/(?!dist\/)|browser\/(?!dist\/)|[\w-]+\.ts$)|package\.json$|README\.md$|LICENSE$|(CHANGELOG|CONTRIBUTING|SECURITY)\.md$)/;

const started = Date.now();
const say = (line) => console.log(`${((Date.now() - started) / 1000).toFixed(0).padStart(3)} s  ${line}`);

const project = await packedProject();
try {
  const wrong = project.files.filter((file) => !PACKED.test(file));
  if (wrong.length > 0) throw new Error(`files that should not be packed: ${wrong.join(', ')}`);
  say(`${project.filename}: ${project.files.length} files`);

  await writePrograms(project);
  // downloads and compilations run in parallel where possible
  const versions = nodeVersions();
  for (const line of await checkSizes(project)) say(line);
  await checkKernelsAreApart(project);
  await checkThreadFile(project);
  say('the compiled kernels are files of their own, and so is what their threads run');
  await checkRegistration(project, process.execPath);
  say("after a bare import 'ct-multilabel' a saved model loads: ES modules, CommonJS, every bundler");
  await checkSecondTfjs(project);
  say('a second copy of TensorFlow.js is reported');
  for (const line of await checkPages(project)) say(line);
  await runCommands(project);
  say('the command line: demo, inspect, evaluate, predict, explain, calibrate, train, init');
  await checkTypes(project);
  say('types: NodeNext (ES modules and CommonJS) and Bundler');
  for (const { name, node, why } of await versions) {
    if (node === undefined) {
      say(`${name}: skipped: ${why}`);
      continue;
    }
    await runPrograms(project, node);
    await runCommandsOn(project, node, name);
    say(`${name}: ES modules, CommonJS, a worker thread, the wasm backend and the command line`);
  }
} finally {
  project.remove();
}
