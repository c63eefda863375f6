// The page: actions of buttons, keys and drops.
import { byId } from './dom';
import { droppedFiles, filesOf } from './dropped_files';
import { listenToHeat, toggleHeat } from './heat_panel';
import { listenToImage, setWindow, showSlice, view } from './image';
import { listenToModels } from './model_panel';
import { listenOn } from './stage_input';
import { showError } from './status';
import {
  keepModel,
  open,
  openModel,
  openSample,
  save,
  scoreAgain,
  setPictureWindow,
  showHeat,
} from './study';
import { PICTURE_WINDOW, PRESETS } from './windows';

window.addEventListener('error', ({ message }) => showError(new Error(message)));
window.addEventListener('unhandledrejection', ({ reason }) => showError(reason));
listen();

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
      void open(given);
    });
  }
  listenToImage();
  listenOn(byId('stage'), {
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
  byId('score-again').addEventListener('click', () => void scoreAgain());
  for (const id of ['save-report', 'save-heat'] as const)
    byId(id).addEventListener('click', () => void save(id));
  listenToPictureWindow();
  listenToDrops();
}

/** The window of pictures; changing it shows and scores them again. */
function listenToPictureWindow(): void {
  const select = byId<HTMLSelectElement>('picture');
  select.append(
    ...PRESETS.map(({ name, center, width }, i) => new Option(`${name} (${center}/${width} HU)`, String(i))),
  );
  select.value = String(PRESETS.findIndex((preset) => preset === PICTURE_WINDOW));
  select.addEventListener('change', () => {
    const { center, width } = PRESETS[Number(select.value)]!;
    setPictureWindow({ center, width });
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
