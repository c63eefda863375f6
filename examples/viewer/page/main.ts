// The page: what is open, and what is done with it. All that takes time is done by the worker.
import type { DisplayWindow, Listing, ModelInfo, ModelOrigin, NamedFile, Pixels, Progress, Scores, SeriesItem, Stack } from '../protocol'; // prettier-ignore
import { byId, download, element, showText } from './dom';
import { droppedFiles, filesOf, isCheckpoint } from './dropped_files';
import { disableHeat, heatChoice, isHeatShown, listenToHeat, offerHeat, showHeatText, toggleHeat, type HeatChoice } from './heat_panel'; // prettier-ignore
import { listenToModels, showModel, showStored } from './model_panel';
import { showLeftOut, showSeries } from './series_list';
import { SliceView } from './slice_view';
import { listenOn } from './stage_input';
import { cancelRunning, clearError, follow, say, showError, showProgress } from './status';
import { Strips } from './strips';
import { showCaution, showNoSummary, showSummary } from './summary';
import { PICTURE_WINDOW, PRESETS } from './windows';
import { ask } from './worker_client';

const stage = byId('stage');
const canvas = byId<HTMLCanvasElement>('canvas');
const slider = byId<HTMLInputElement>('slice');
const view = new SliceView(canvas);
const strips = new Strips(byId('strips'), (slice) => showSlice(slice));

let series: SeriesItem[] = [];
let model: ModelInfo | undefined;
let stack: Stack | undefined;
let scores: Scores | undefined;
let picture: DisplayWindow = PICTURE_WINDOW;

/** Counts what was asked for: what an earlier wish still brings is not shown. */
let wish = 0;

/** Runs what somebody asked for; what goes wrong is said, and the page goes on. */
async function run(action: (isCurrent: () => boolean) => Promise<void>): Promise<void> {
  const own = ++wish;
  clearError();
  cancelRunning();
  try {
    await action(() => own === wish);
  } catch (error) {
    if (own === wish) showError(error);
  }
}

const open = (files: NamedFile[]) => {
  if (files.length === 0) return;
  if (isCheckpoint(files)) void openModel({ files: files.map(({ file }) => file) });
  else void run((isCurrent) => openListing(ask('list', [files], onProgress), `Opening ${files.length} files`, isCurrent)); // prettier-ignore
};

const openSample = () =>
  run((isCurrent) => openListing(ask('sample', [], onProgress), 'Making a synthetic head', isCurrent));

async function openListing(
  task: ReturnType<typeof ask<'list' | 'sample'>>,
  text: string,
  isCurrent: () => boolean,
): Promise<void> {
  forgetStack();
  series = [];
  showSeries(series, undefined, choose);
  showLeftOut([]);
  const listing: Listing = await follow(task, text);
  if (!isCurrent()) return;
  series = listing.series;
  showLeftOut(listing.leftOut);
  const [largest] = [...series].sort((a, b) => b.images - a.images);
  showSeries(series, largest?.id, choose);
  if (largest === undefined) {
    const [first] = listing.leftOut;
    throw new Error(`Nothing to show: ${first ? `${first.file}: ${first.reason}` : 'there are no files'}`);
  }
  await openSeries(largest, isCurrent);
}

const choose = (item: SeriesItem) => void run((isCurrent) => openSeries(item, isCurrent));

/** Reads a series, shows the largest of its stacks, and scores it. */
async function openSeries(item: SeriesItem, isCurrent: () => boolean): Promise<void> {
  let chosen = item;
  if (!item.isStack) {
    let stacks: SeriesItem[];
    try {
      stacks = await follow(ask('read', [item.id], onProgress), `Reading ${item.title}`);
    } catch (error) {
      if (isCurrent()) markBroken(item, error as Error);
      throw error;
    }
    if (!isCurrent()) return;
    series = series.flatMap((one) => (one.id === item.id ? stacks : [one]));
    chosen = [...stacks].sort((a, b) => b.images - a.images)[0]!;
  }
  const opened = await follow(ask('stack', [chosen.id, picture], onProgress), `Reading ${item.title}`);
  if (!isCurrent()) return;
  showSeries(series, chosen.id, choose);
  showStack(opened);
  await scoreStack(isCurrent);
}

/** A series that cannot be read says why, where it stands in the list. */
function markBroken(item: SeriesItem, { name, message }: Error): void {
  if (name === 'AbortError') return;
  const problems = [{ severity: 'error' as const, message }];
  series = series.map((one) => (one.id === item.id ? { ...one, problems } : one));
  showSeries(series, item.id, choose);
}

function forgetStack(): void {
  stack = scores = undefined;
  Object.assign(view, { pixels: undefined, heat: undefined });
  strips.clear();
  disableHeat();
  slider.disabled = true;
  stage.dataset['state'] = 'empty';
  byId('welcome').hidden = false;
  forgetScores('Open a study: its slices are scored by the model below.');
  showCaution(model, undefined);
  view.draw();
}

function forgetScores(why: string): void {
  scores = undefined;
  view.heat = undefined;
  strips.clear();
  disableHeat();
  showNoSummary(why);
  for (const id of ['save-report', 'save-heat']) byId<HTMLButtonElement>(id).disabled = true;
  byId('score-again').hidden = true;
}

/** The first slice that can be had, while the others are read. */
function showPreview(pixels: Pixels): void {
  if (stack !== undefined) return;
  showPixels(pixels, 'preview');
  Object.assign(view, { slice: 0, corners: { topLeft: ['first slice'] } });
}

function showPixels(pixels: Pixels, state: 'preview' | 'stack'): void {
  byId('welcome').hidden = true;
  stage.dataset['state'] = state;
  view.pixels = pixels;
  setWindow(pixels.window);
}

function showStack(opened: Stack): void {
  stack = opened;
  forgetScores(opened.notScored === undefined ? 'Not scored yet.' : `Not scored: ${opened.notScored}.`);
  byId('picture-field').hidden = opened.isDicom;
  showPixels(opened, 'stack');
  Object.assign(slider, { disabled: false, max: String(opened.names.length) });
  showCaution(model, opened);
  showSlice(Math.floor(opened.names.length / 2));
  stage.focus({ preventScroll: true });
}

async function scoreStack(isCurrent: () => boolean): Promise<void> {
  if (stack === undefined || stack.notScored !== undefined) {
    say(`${stack?.names.length ?? 0} slices.`);
    return;
  }
  await modelOpened;
  if (model === undefined || !isCurrent()) return;
  forgetScores('Being scored …');
  byId('score-again').hidden = false;
  const found = await follow(
    ask('score', [stack.id, picture], onProgress),
    `Scoring ${stack.names.length} slices`,
  );
  if (!isCurrent()) return;
  scores = found;
  byId('score-again').hidden = true;
  if (found.assumed !== undefined) byId('picture-field').hidden = false;
  if (model.level === 'slices') strips.show(model, found);
  showSummary(model, found, stack, showSlice);
  offerHeat(model, found, model.isSample);
  for (const id of ['save-report', 'save-heat']) byId<HTMLButtonElement>(id).disabled = !stack.isDicom;
  showText(
    byId('save-text'),
    stack.isDicom ? SAVED_FOR : 'Pictures have no DICOM study that results could belong to.',
  );
  showSlice(view.slice);
  say(`${stack.names.length} slices scored in ${found.seconds.toFixed(1)} s.`);
}

const SAVED_FOR = 'For a PACS, beside the study. Each object says that it is not for clinical use.';

/** Shows a slice of the stack, from 0. */
function showSlice(slice: number): void {
  if (stack === undefined) return;
  const count = stack.names.length;
  view.slice = Math.min(count - 1, Math.max(0, slice));
  slider.value = String(view.slice + 1);
  byId('slice-text').textContent = `${view.slice + 1} / ${count}`;
  if (scores !== undefined) strips.move(view.slice);
  redraw();
}

/** Draws the image anew, with what is written on it. */
function redraw(): void {
  const { center, width } = view.window;
  byId('window').textContent = `C ${center}  W ${width} HU`;
  for (const [i, button] of [...byId('presets').children].entries()) {
    const isOn = PRESETS[i]!.center === center && PRESETS[i]!.width === width;
    button.setAttribute('aria-pressed', String(isOn));
  }
  if (stack !== undefined) {
    const { names, title, isSample } = stack;
    const place = `${view.slice + 1} / ${names.length}`;
    slider.setAttribute('aria-valuetext', `slice ${view.slice + 1} of ${names.length}`);
    canvas.setAttribute('aria-label', `${title}, slice ${view.slice + 1} of ${names.length}, window ${center}/${width} HU${view.heat ? `, heat map of ${view.heat.label}` : ''}`); // prettier-ignore
    view.corners = {
      topLeft: [place, names[view.slice]!.split('/').at(-1)!],
      topRight: isSample ? ['synthetic: no patient'] : [],
      bottomLeft: ['Research use only', `C ${center} W ${width}`],
    };
  }
  view.draw();
}

function setWindow(window: DisplayWindow): void {
  view.window = { center: Math.round(window.center), width: Math.max(1, Math.round(window.width)) };
  redraw();
}

async function showHeat(choice: HeatChoice | undefined): Promise<void> {
  view.heat = undefined;
  redraw();
  if (choice === undefined || stack === undefined || model === undefined) return;
  const { id } = stack;
  const label = model.labels[choice.label]!;
  await run(async (isCurrent) => {
    const task = ask('explain', [id, choice.label, choice.method], onProgress);
    const map = await follow(task, `Looking for what speaks for ${label}`);
    if (!isCurrent() || !isHeatShown()) return;
    view.heat = { ...map, label };
    showHeatText(map);
    say(`Heat map of ${label}, in ${map.seconds.toFixed(1)} s.`);
    redraw();
  });
}

/** Opens a model, and scores with it what is shown. */
const openModel = (origin: ModelOrigin) =>
  run(async (isCurrent) => {
    takeModel(await follow(ask('openModel', [origin], onProgress), 'Opening the model'));
    if (stack !== undefined && isCurrent()) await scoreStack(isCurrent);
  });

function takeModel(opened: ModelInfo): void {
  model = opened;
  showModel(opened);
  showCaution(opened, stack);
  say(`Model: ${opened.name}.`);
}

/** The model that comes with the page. A study may be opened meanwhile, which does not end this. */
async function openBundled(): Promise<void> {
  say('Opening the model …');
  try {
    const url = new URL('model/model.json', document.baseURI).href;
    takeModel(await ask('openModel', [{ bundled: url }]).done);
    say('Ready.');
  } catch (error) {
    showError(error);
  }
}

let modelOpened: Promise<void>;

const keepModel = (name: string) =>
  run(async () => {
    showStored(await follow(ask('storeModel', [name], onProgress), 'Keeping the model'));
    say('The model is kept in this browser.');
  });

function save(what: 'save-report' | 'save-heat'): Promise<void> {
  return run(async () => {
    if (stack === undefined || model === undefined) return;
    const { label, method } = heatChoice();
    const isReport = what === 'save-report';
    const task = isReport
      ? ask('report', [stack.id], onProgress)
      : ask('heatMapFiles', [stack.id, label, method], onProgress);
    const bytes = await follow(task, isReport ? 'Writing the report' : 'Writing heat maps');
    if (isReport) download('report.dcm', bytes, 'application/dicom');
    else download(`heat-maps-${model.labels[label]}.zip`, bytes, 'application/zip');
    say(isReport ? 'report.dcm is saved.' : `Heat maps of ${model.labels[label]} are saved.`);
  });
}

function onProgress(progress: Progress): void {
  showProgress(progress);
  if (progress.preview !== undefined) showPreview(progress.preview);
}

function listen(): void {
  const [files, folder] = [byId<HTMLInputElement>('files'), byId<HTMLInputElement>('folder')];
  const doing: Record<string, () => void> = {
    'open-files': () => files.click(),
    'open-folder': () => folder.click(),
    'open-sample': () => void openSample(),
  };
  for (const [id, action] of Object.entries(doing)) {
    byId(id).addEventListener('click', action);
    document.querySelector(`[data-does=${id}]`)!.addEventListener('click', action);
  }
  for (const input of [files, folder]) {
    input.addEventListener('change', () => {
      const given = filesOf(input.files);
      input.value = ''; // the same may be chosen again
      open(given);
    });
  }
  byId('presets').append(
    ...PRESETS.map((preset, i) => {
      const button = element('button', { title: `${preset.title}: ${preset.center}/${preset.width} HU (${i + 1})`, 'aria-pressed': 'false' }, preset.name); // prettier-ignore
      button.addEventListener('click', () => setWindow(preset));
      return button;
    }),
  );
  slider.addEventListener('input', () => showSlice(slider.valueAsNumber - 1));
  listenOn(stage, {
    move: (slices) => showSlice(view.slice + slices),
    moveToEnd: (end) => showSlice(end === 'first' ? 0 : Infinity),
    window: () => view.window,
    setWindow,
    preset: (i) => PRESETS[i] && setWindow(PRESETS[i]),
    toggleHeat,
    reset: () => view.pixels && setWindow(view.pixels.window),
  });
  listenToHeat(
    (choice) => void showHeat(choice),
    (share) => {
      view.opacity = share;
      view.draw();
    },
  );
  listenToModels(
    (origin) => void openModel(origin),
    (name) => void keepModel(name),
  );
  byId('score-again').addEventListener('click', () => void run(scoreStack));
  for (const id of ['save-report', 'save-heat'] as const)
    byId(id).addEventListener('click', () => void save(id));
  listenToPictureWindow();
  listenToDrops();
}

/** What pictures are taken to show; a choice shows and scores them anew. */
function listenToPictureWindow(): void {
  const select = byId<HTMLSelectElement>('picture');
  select.append(
    ...PRESETS.map(({ name, center, width }, i) => new Option(`${name} (${center}/${width} HU)`, String(i))),
  );
  select.value = String(PRESETS.findIndex((preset) => preset === PICTURE_WINDOW));
  select.addEventListener('change', () => {
    const { center, width } = PRESETS[Number(select.value)]!;
    picture = { center, width };
    const item = series.find(({ id }) => id === stack?.id);
    if (item !== undefined) choose(item);
  });
}

function listenToDrops(): void {
  const cover = byId('drop');
  window.addEventListener('dragover', (event) => {
    event.preventDefault();
    cover.hidden = false;
  });
  cover.addEventListener('dragleave', () => (cover.hidden = true));
  window.addEventListener('drop', (event) => {
    event.preventDefault();
    cover.hidden = true;
    if (event.dataTransfer) void droppedFiles(event.dataTransfer).then(open, showError);
  });
}

window.addEventListener('error', ({ message }) => showError(new Error(message)));
window.addEventListener('unhandledrejection', ({ reason }) => showError(reason));
listen();
forgetStack();
modelOpened = openBundled();
void ask('storedModels', []).done.then(showStored, showError);
