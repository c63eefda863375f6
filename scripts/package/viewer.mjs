// Uses the viewer like its users: a synthetic head, hostile files and, if available, a real head; no data may leave the page.
import { Buffer } from 'node:buffer';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { repository, run } from './project.mjs';
import { visit, waitUntil } from './visit.mjs';

/** A program that reads a report and heat maps that the page saved. */
const SAVED = `import { readFileSync } from 'node:fs';
import { unzipSync } from 'fflate';
import dcmjs from 'dcmjs';
import { parseDicomHeader } from 'ct-multilabel/dicom';
const [report, zip] = process.argv.slice(1).map((file) => readFileSync(file));
const { dict } = dcmjs.data.DicomMessage.readFile(report.buffer.slice(report.byteOffset, report.byteOffset + report.length));
const { Modality, PatientID, StudyInstanceUID, ContentSequence } = dcmjs.data.DicomMetaDictionary.naturalizeDataset(dict);
const maps = Object.entries(unzipSync(zip)).map(([name, bytes]) => [name, parseDicomHeader(bytes)]);
const studies = new Set([StudyInstanceUID, ...maps.map(([, { studyUid }]) => studyUid)]);
console.log(JSON.stringify({ Modality, PatientID, text: JSON.stringify(ContentSequence), studies: studies.size, maps: maps.map(([name, { pixels }]) => [name, pixels.samplesPerPixel]) }));
`;

/** Writes an untrained checkpoint of SqueezeNet, of which only the speed is measured. */
const CHECKPOINT = `import { buildCtBrainModel, CT_LABELS, createPreprocessing, saveCtBrainModel } from 'ct-multilabel';
import { fileSystem, useBackend } from 'ct-multilabel/node';
await useBackend('wasm');
const preprocessing = createPreprocessing({ windows: ['brain', 'subdural', 'bone'] });
const built = { variant: 'recommended', backbone: 'squeezenet1_1', inputShape: [224, 224, 3] };
const model = buildCtBrainModel({ ...built, seed: 1 });
const description = { labels: CT_LABELS, preprocessing, model: built, includeOptimizer: false };
await saveCtBrainModel(model, fileSystem(process.argv[1]), description);
`;

/** Opens the page and uses it. @returns Lines describing what was done. */
export async function checkViewer(browser, url, project) {
  const lines = [];
  let watch;
  const prepare = async (page) => (watch = watchPage(page, url));
  const use = async (page) => {
    await ready(page);
    await checkHostileFiles(page);
    lines.push(await checkSample(page, project));
    await checkCodecs(page);
    const data = process.env.CT_MULTILABEL_DATA;
    const head = data && path.join(data, 'ge-head-dicom');
    if (head && existsSync(head)) lines.push(await checkRealHead(page, head));
    lines.push(await checkCheckpoint(page, project));
    await checkNothingCanLeave(page);
    lines.push(watch.end());
  };
  await visit('the viewer', browser, url, use, { prepare });
  return lines;
}

const status = (page) => page.textContent('#status');
const state = (page) => page.evaluate(() => document.getElementById('stage').dataset.state);
const isScored = (page) => page.evaluate(() => !document.getElementById('summary').hidden);

async function ready(page) {
  await waitUntil(async () => (await status(page)) === 'Ready.');
}

/** Every request, and every error that the page or its worker writes to the console. */
function watchPage(page, url) {
  const { origin } = new URL(url);
  const [requests, errors] = [[], []];
  page.context().on('request', (request) => requests.push(request.url()));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  return {
    end() {
      const elsewhere = requests.filter(
        (one) => !one.startsWith(`${origin}/`) && !one.startsWith(`blob:${origin}/`),
      );
      if (elsewhere.length > 0) throw new Error(`the viewer asked elsewhere: ${elsewhere}`);
      // including the worker's: backend, codecs, DICOM writer
      for (const part of ['.wasm', 'openjpegjs', 'charlsjs', 'libjpegturbojs', 'dcmjs']) {
        if (!requests.some((one) => one.includes(part)))
          throw new Error(`no request for ${part} among ${requests}`);
      }
      // requests made on purpose are refused in the console too
      const unexpected = errors.filter((text) => !/Content Security Policy/.test(text));
      if (unexpected.length > 0) throw new Error(`the viewer's console: ${unexpected}`);
      return `viewer: ${requests.length} requests, none of another origin; what tries to leave is stopped`;
    },
  };
}

/** Damaged and foreign files are reported, and the page remains usable. */
async function checkHostileFiles(page) {
  await page.evaluate(() => {
    const bytes = new Uint8Array(5000).fill(0x41);
    bytes.set([0x44, 0x49, 0x43, 0x4d], 128);
    const data = new DataTransfer();
    data.items.add(new File([bytes], 'hostile.dcm'));
    data.items.add(new File([bytes.subarray(0, 700)], 'picture.png'));
    data.items.add(new File(['<script>alert(1)</script>'], '<img src=x onerror=alert(1)>.txt'));
    window.dispatchEvent(new DragEvent('drop', { dataTransfer: data, cancelable: true }));
  });
  await waitUntil(() => page.evaluate(() => !document.getElementById('alert').hidden));
  const error = await page.textContent('#error');
  const listed = await page.evaluate(() => document.querySelectorAll('#left-out li').length);
  if (!/^Nothing to show: .+: .+/.test(error) || listed !== 3) {
    throw new Error(`the viewer, given hostile files, says: ${error}, and lists ${listed}`);
  }
  if ((await state(page)) !== 'empty') throw new Error('the viewer shows something of hostile files');

  const picture = Buffer.from('89504e470d0a1a0a0000000d494844527fffffff7fffffff0800000000', 'hex');
  await page.setInputFiles('#files', { name: 'huge.png', mimeType: 'image/png', buffer: picture });
  await waitUntil(async () => /huge\.png/.test(await page.textContent('#error')));
  const broken = await page.evaluate(() => document.querySelectorAll('#series .problems.error').length);
  if (broken !== 1) throw new Error(`the viewer's list, given a damaged picture, has ${broken} errors`);
}

/** The bundled sample: slices, strips, keys, a heat map, and results as DICOM. */
async function checkSample(page, project) {
  await page.click('#open-sample');
  await waitUntil(() => isScored(page));
  const text = await page.textContent('#slice-text');
  const strips = await page.evaluate(() => document.querySelectorAll('.strip').length);
  if (!/^\d+ \/ 20$/.test(text) || strips !== 5)
    throw new Error(`the viewer: slice ${text}, ${strips} strips`);
  if (!(await page.evaluate(() => document.getElementById('caution').hidden))) throw new Error('the sample is cautioned against'); // prettier-ignore

  // keys on the image, and a click on a strip
  await page.focus('#stage');
  await page.keyboard.press('Home');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('3');
  const shown = await page.getAttribute('#stage', 'aria-valuetext');
  if (!/^slice 2 of 20, (nothing found|.*hem.*), window 80\/200 HU$/.test(shown)) throw new Error(`the viewer's image is: ${shown}`); // prettier-ignore
  const strip = page.locator('.strip').first();
  const { width, height } = await strip.boundingBox();
  await strip.click({ position: { x: width - 2, y: height / 2 } });
  const last = await strip.getAttribute('aria-valuetext');
  if (!/^slice 20: 0\.\d{3}, .* the threshold/.test(last))
    throw new Error(`the viewer's strip says: ${last}`);

  const before = await imageSum(page);
  await page.click('#heat');
  await waitUntil(async () => /^Heat map of/.test(await status(page)));
  await page.locator('#summary tr.found .link').first().click();
  const [plain, hot] = [before, await imageSum(page)];
  if (plain.colored || !hot.colored) throw new Error('the heat map is not there, or was before');

  const saved = [];
  for (const id of ['save-report', 'save-heat']) {
    const [download] = await Promise.all([page.waitForEvent('download'), page.click(`#${id}`)]);
    const file = path.join(project.work, download.suggestedFilename());
    await download.saveAs(file);
    saved.push(file);
  }
  const { stdout } = await run(
    process.execPath,
    ['--input-type=module', '-e', SAVED, ...saved],
    project.folder,
  );
  const { Modality, PatientID, text: content, studies, maps } = JSON.parse(stdout);
  const isReport = Modality === 'SR' && PatientID === 'SYNTHETIC' && /Not for clinical use/.test(content);
  if (!isReport || studies !== 1) throw new Error(`the viewer's report: ${stdout.slice(0, 300)}`);
  if (maps.length !== 20 || !maps.every(([, samples]) => samples === 3)) throw new Error(`the viewer's heat maps: ${JSON.stringify(maps)}`); // prettier-ignore
  if (hasDsrdump()) execFileSync('dsrdump', ['-Er', saved[0]], { stdio: 'pipe' });
  return `viewer: synthetic head scored, explained and saved as DICOM (${maps.length} heat maps)`;
}

/** Whether the image contains colours. */
const imageSum = (page) =>
  page.evaluate(async () => {
    await new Promise((resolve) => setTimeout(resolve, 200));
    const canvas = document.getElementById('canvas');
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let colored = false;
    for (let i = 0; i < data.length; i += 4) colored ||= Math.abs(data[i] - data[i + 2]) > 60;
    return { colored };
  });

/** Reads files of every transfer syntax, dropped as a folder, under the page's policy, which forbids `eval`. */
async function checkCodecs(page) {
  await dropFolder(page, path.join(repository, 'test', 'golden', 'dicom'));
  // they share a series, which becomes two stacks
  await waitUntil(async () => (await page.locator('.series').count()) > 1 && (await isScored(page)));
  const said = await page.textContent('#series');
  const failed = said.match(/left out: [^:]*cannot be decoded[^)]*\)/g);
  if (failed?.length !== 1 || !failed[0].includes('jpeg_extended_12')) {
    throw new Error(`the viewer's codecs: expected jpeg_extended_12.dcm alone to fail, found ${failed}`);
  }
  const leftOut = await page.textContent('#left-out');
  if (!leftOut.includes('dicom/make_dicom.py')) throw new Error(`the viewer's dropped folder: left out are ${leftOut}`); // prettier-ignore
}

/** Drops a local folder, as from a file manager. */
async function dropFolder(page, folder) {
  const browser = await page.context().newCDPSession(page);
  const data = { items: [], files: [folder], dragOperationsMask: 1 };
  // the second drop is on what the first made visible
  for (const type of ['dragEnter', 'dragOver', 'dragOver', 'drop']) {
    await browser.send('Input.dispatchDragEvent', { type, x: 600, y: 400, data });
  }
  await browser.detach();
}

/** A real study, with a user's waiting times. */
async function checkRealHead(page, folder) {
  const files = readdirSync(folder).filter((name) => name.endsWith('.dcm'));
  const started = Date.now();
  const seconds = () => ((Date.now() - started) / 1000).toFixed(1);
  await page.setInputFiles('#files', files.map((name) => path.join(folder, name))); // prettier-ignore
  await waitUntil(async () => (await state(page)) !== 'empty');
  const first = seconds();
  await waitUntil(() => isScored(page));
  const scored = seconds();
  const text = await page.textContent('#slice-text');
  if (!text.endsWith(`/ ${files.length}`))
    throw new Error(`the viewer shows slice ${text} of a head of ${files.length}`);
  if (!(await page.isVisible('#caution')))
    throw new Error('nothing says that the model has seen synthetic heads alone');
  return `viewer: a real head of ${files.length} slices: first slice after ${first} s, scored after ${scored} s`;
}

/** Another model: opened from files, stored in the browser, and opened from there. It is untrained: only the time of scoring matters. */
async function checkCheckpoint(page, { work, folder }) {
  const saved = path.join(work, 'squeezenet');
  await run(process.execPath, ['--input-type=module', '-e', CHECKPOINT, saved], folder);
  const files = ['model.json', 'weights.bin'].map((name) => path.join(saved, name));
  await page.setInputFiles('#model-files', files);
  await waitUntil(
    async () => /recommended/.test(await page.textContent('#model-name')) && (await isScored(page)),
  );
  const scored = await page.textContent('#summary caption');
  const shown = () => page.evaluate(() => document.querySelector('#summary tbody').textContent);
  const before = await shown();

  await page.click('#keep-model');
  await waitUntil(async () => /is kept in this browser/.test(await status(page)));
  await page.selectOption('#stored', { index: 1 });
  await waitUntil(async () => !(await isScored(page)));
  await waitUntil(() => isScored(page));
  if ((await shown()) !== before)
    throw new Error('a model that the viewer kept scores otherwise than before');
  return `viewer: SqueezeNet, opened from files and kept: ${scored}`;
}

/** Neither page nor worker can reach another origin, although its server would answer. */
async function checkNothingCanLeave(page) {
  let asked = 0;
  const server = createServer((_, response) => {
    asked += 1;
    response.setHeader('Access-Control-Allow-Origin', '*').end('caught');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const elsewhere = `http://127.0.0.1:${server.address().port}/`;
  const leave = (to) => fetch(to).then(() => 'it left', () => 'stopped'); // prettier-ignore
  // its threads, which start from files of the server, only compute
  const workers = page.workers().filter((worker) => worker.url().startsWith('blob:'));
  const tried = [await page.evaluate(leave, elsewhere)];
  for (const worker of workers) tried.push(await worker.evaluate(leave, elsewhere));
  server.close();
  if (workers.length !== 1 || asked > 0 || tried.some((one) => one !== 'stopped')) {
    throw new Error(`the viewer lets requests out: ${tried} (${workers.length} workers, ${asked} arrived)`);
  }
}

function hasDsrdump() {
  try {
    execFileSync('dsrdump', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
