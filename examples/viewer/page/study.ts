// The open study and the actions on it. The worker does everything that takes time.
import type { DisplayWindow, Listing, ModelInfo, ModelOrigin, NamedFile, Progress, SeriesItem, Stack } from '../protocol'; // prettier-ignore
import { byId, download, showText } from './dom';
import { isCheckpoint } from './dropped_files';
import { disableHeat, heatChoice, isHeatShown, offerHeat, showHeatText, type HeatChoice } from './heat_panel';
import { clearImage, redraw, showPreview, showSlice, showStackImage, strips, view } from './image';
import { showModel, showStored } from './model_panel';
import { showLeftOut, showSeries } from './series_list';
import { cancelRunning, clearError, follow, say, showError, showProgress } from './status';
import { showCaution, showNoSummary, showSummary } from './summary';
import { PICTURE_WINDOW } from './windows';
import { ask } from './worker_client';

let series: SeriesItem[] = [];
let model: ModelInfo | undefined;
let stack: Stack | undefined;
let picture: DisplayWindow = PICTURE_WINDOW;

/** Counts requests: results of earlier ones are not shown. */
let wishes = 0;

/** A request, valid until the next one. */
interface Wish {
  isCurrent: () => boolean;
  onProgress: (progress: Progress) => void;
}

/** Runs an action; errors are shown, and the page remains usable. */
async function run(action: (wish: Wish) => Promise<void>): Promise<void> {
  const own = ++wishes;
  const isCurrent = () => own === wishes;
  clearError();
  cancelRunning();
  const onProgress = (progress: Progress) => {
    if (!isCurrent()) return;
    showProgress(progress);
    if (progress.preview !== undefined) showPreview(progress.preview);
  };
  try {
    await action({ isCurrent, onProgress });
  } catch (error) {
    if (isCurrent()) showError(error);
  }
}

/** Opens a study, or a checkpoint if the files are one. */
export async function open(files: NamedFile[]): Promise<void> {
  if (files.length === 0) return;
  if (isCheckpoint(files)) await openModel({ files: files.map(({ file }) => file) });
  else await run((wish) => openListing(ask('list', [files], wish.onProgress), `Opening ${files.length} files`, wish)); // prettier-ignore
}

export const openSample = () =>
  run((wish) => openListing(ask('sample', [], wish.onProgress), 'Making a synthetic head', wish));

async function openListing(
  task: ReturnType<typeof ask<'list' | 'sample'>>,
  text: string,
  wish: Wish,
): Promise<void> {
  forgetStack();
  series = [];
  showSeries(series, undefined, choose);
  showLeftOut([]);
  const listing: Listing = await follow(task, text);
  if (!wish.isCurrent()) return;
  series = listing.series;
  showLeftOut(listing.leftOut);
  const [largest] = [...series].sort((a, b) => b.images - a.images);
  showSeries(series, largest?.id, choose);
  if (largest === undefined) {
    const [first] = listing.leftOut;
    throw new Error(`Nothing to show: ${first ? `${first.file}: ${first.reason}` : 'there are no files'}`);
  }
  await openSeries(largest, wish);
}

const choose = (item: SeriesItem) => void run((wish) => openSeries(item, wish));

/** Reads a series, shows the largest of its stacks, and scores it. */
async function openSeries(item: SeriesItem, wish: Wish): Promise<void> {
  const { isCurrent, onProgress } = wish;
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
  await scoreStack(wish);
}

/** Shows in the list why a series cannot be read. */
function markBroken(item: SeriesItem, { name, message }: Error): void {
  if (name === 'AbortError') return;
  forgetStack();
  const problems = [{ severity: 'error' as const, message }];
  series = series.map((one) => (one.id === item.id ? { ...one, problems } : one));
  showSeries(series, item.id, choose);
}

function forgetStack(): void {
  stack = undefined;
  clearImage();
  forgetScores('Open a study: its slices are scored by the model below.');
  showCaution(model, undefined);
}

function forgetScores(why: string): void {
  view.heat = undefined;
  strips.clear();
  disableHeat();
  showNoSummary(why);
  for (const id of ['save-report', 'save-heat']) byId<HTMLButtonElement>(id).disabled = true;
  byId('score-again').hidden = true;
}

function showStack(opened: Stack): void {
  stack = opened;
  forgetScores(opened.notScored === undefined ? 'Not scored yet.' : `Not scored: ${opened.notScored}.`);
  byId('picture-field').hidden = opened.isDicom;
  showCaution(model, opened);
  showStackImage(opened);
}

async function scoreStack({ isCurrent, onProgress }: Wish): Promise<void> {
  if (stack === undefined || stack.notScored !== undefined) {
    say(`${stack?.names.length ?? 0} slices.`);
    return;
  }
  await modelOpened;
  if (!isCurrent()) return;
  if (model === undefined) {
    showNoSummary('Not scored: no model is open. Open a checkpoint below.');
    return;
  }
  forgetScores('Being scored …');
  const task = ask('score', [stack.id, picture], onProgress);
  const found = await follow(task, `Scoring ${stack.names.length} slices`).catch((error: Error) => {
    if (isCurrent()) showNoSummary('Not scored.');
    byId('score-again').hidden = !isCurrent();
    throw error;
  });
  if (!isCurrent()) return;
  if (found.assumed !== undefined) byId('picture-field').hidden = false;
  if (model.level === 'slices') strips.show(model, found);
  showSummary(model, found, stack, showSlice);
  offerHeat(model, found, model.isSample);
  for (const id of ['save-report', 'save-heat']) byId<HTMLButtonElement>(id).disabled = !stack.isDicom;
  showText(byId('save-text'), stack.isDicom ? SAVED_FOR : NO_STUDY);
  showSlice(view.slice);
  say(`${stack.names.length} slices scored in ${found.seconds.toFixed(1)} s.`);
}

const NO_STUDY = 'Pictures have no DICOM study that results could belong to.';
const SAVED_FOR = 'For a PACS, beside the study. Each object says that it is not for clinical use.';

export async function showHeat(choice: HeatChoice | undefined): Promise<void> {
  view.heat = undefined;
  redraw();
  if (choice === undefined || stack === undefined || model === undefined) return;
  const { id } = stack;
  const label = model.labels[choice.label]!;
  await run(async ({ isCurrent, onProgress }) => {
    const task = ask('explain', [id, choice.label, choice.method], onProgress);
    const map = await follow(task, `Looking for what speaks for ${label}`);
    if (!isCurrent() || !isHeatShown()) return;
    view.heat = { ...map, label };
    showHeatText(map);
    say(`Heat map of ${label}, in ${map.seconds.toFixed(1)} s.`);
    redraw();
  });
}

/** Opens a model, and scores the shown stack with it. */
export const openModel = (origin: ModelOrigin) =>
  run(async (wish) => {
    takeModel(await follow(ask('openModel', [origin], wish.onProgress), 'Opening the model'));
    if (stack !== undefined && wish.isCurrent()) await scoreStack(wish);
  });

function takeModel(opened: ModelInfo): void {
  model = opened;
  showModel(opened);
  showCaution(opened, stack);
  say(`Model: ${opened.name}.`);
}

/** Opens the bundled model. Opening a study meanwhile does not cancel this. */
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

export const keepModel = (name: string) =>
  run(async ({ onProgress }) => {
    showStored(await follow(ask('storeModel', [name], onProgress), 'Keeping the model'));
    say('The model is kept in this browser.');
  });

export function save(what: 'save-report' | 'save-heat'): Promise<void> {
  return run(async ({ onProgress }) => {
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

export const scoreAgain = () => run(scoreStack);

/** Sets the window of pictures, and shows and scores them again. */
export function setPictureWindow(window: DisplayWindow): void {
  picture = window;
  const item = series.find(({ id }) => id === stack?.id);
  if (item !== undefined) choose(item);
}

forgetStack();
const modelOpened = openBundled();
void ask('storedModels', []).done.then(showStored, showError);
