// Series that were read: pixels for the page and the model.
import { readDicomSeries } from 'ct-multilabel/dicom';
import type { DisplayWindow, NamedFile, Problem, SeriesItem, Stack } from '../protocol';
import { reading } from './backend';
import { groupOf, type FileGroup } from './groups';
import type { LoadedStack } from './loaded_stack';
import { readPictures } from './pictures';
import { edgeLetters, whole, windowFor } from './pixels';
import type { Running } from './running';

/** Stacks of the last series only, since a thousand slices are a gigabyte. */
const stacks = new Map<string, LoadedStack>();

export const forgetStacks = (): void => stacks.clear();

/** Kinds of error with which a stack can be shown, but not scored. */
const SHOWN_ANYWAY = ['implausible-hu', 'not-hu', 'not-ct', 'one-position'] as const;

/** Reads all files of a series. */
export async function read(running: Running, id: string): Promise<SeriesItem[]> {
  const group = groupOf(id);
  forgetStacks();
  await reading();
  const loaded =
    group.kind === 'dicom' ? await readDicom(running, group) : [await readPictures(running, group)];
  for (const stack of loaded) stacks.set(stack.item.id, stack);
  return loaded.map(({ item }) => item);
}

/** A stack, which is read again if another series was read since. */
export async function loadedStack(running: Running, id: string): Promise<LoadedStack> {
  if (!stacks.has(id)) await read(running, id);
  const stack = stacks.get(id);
  if (stack === undefined)
    throw new Error('this series can no longer be read as it was: open its files again');
  return stack;
}

/** A stack for display. */
export async function stack(running: Running, id: string, picture: DisplayWindow): Promise<Stack> {
  const { item, kind, values, slices, ...loaded } = await loadedStack(running, id);
  const { rows, columns, spacing, letters, window = picture, notScored } = loaded;
  const isDicom = kind === 'dicom';
  const hu = isDicom ? values : values.map((gray) => picture.center + (gray - 0.5) * picture.width);
  const step = isDicom ? 1 : picture.width / 1000;
  return {
    ...{ id, title: item.title, names: slices.map(({ name }) => name), isDicom, isSample: item.isSample },
    ...{ values: whole(hu, step), step, rows, columns, spacing, letters, window, notScored },
  };
}

async function readDicom({ say, signal }: Running, group: FileGroup): Promise<LoadedStack[]> {
  const byPath = new Map(group.files.map((named) => [named.path, named]));
  const list = await readDicomSeries(group.files.map(withPath), {
    onBadFile: 'skip',
    padding: 'air', // as for the command line
    allow: SHOWN_ANYWAY,
    signal,
    onProgress: ({ done, total }) => say({ text: `Decoding slice ${done} of ${total}`, share: done / total }),
  });
  const leftOut: Problem[] = [
    ...list.skipped.map(({ error }) => ({ severity: 'warning' as const, message: `left out: ${error.message}` })),
    ...list.unlisted.map((file) => ({ severity: 'warning' as const, message: `left out: ${file}: a colour image, which has no HU` })),
  ]; // prettier-ignore
  if (list.length === 0) throw new Error(leftOut[0]?.message ?? 'no image can be read');
  const loaded: LoadedStack[] = [];
  for (const [i, { hu, ...info }] of list.entries()) {
    const values = (await hu.data()) as Float32Array;
    hu.dispose();
    const [between, row, column] = info.spacing;
    const { header } = info.slices[0]!;
    const error = info.problems.find(({ severity }) => severity === 'error');
    const notAxial = info.kind === 'axial' ? undefined : `it is no axial series, but ${info.kind}`;
    loaded.push({
      item: {
        ...group.item,
        id: list.length === 1 ? group.item.id : `${group.item.id}/${i + 1}`,
        title: list.length === 1 ? group.item.title : `${group.item.title} (${i + 1} of ${list.length})`,
        detail: [info.kind, `${info.slices.length} × ${info.columns} × ${info.rows}`, ...(between === undefined ? [] : [`${Number(between.toFixed(2))} mm`])].join(' · '),
        images: info.slices.length,
        problems: [...info.problems.map(({ severity, message }) => ({ severity, message })), ...(i === 0 ? leftOut : [])],
        isStack: true,
      },
      kind: 'dicom',
      values,
      slices: info.slices.map(({ file, frame }) => ({ name: frame === undefined ? file : `${file}, frame ${frame + 1}`, source: byPath.get(file)!, frame })),
      rows: info.rows,
      columns: info.columns,
      orientation: info.orientation,
      spacing: row === undefined || column === undefined ? undefined : [row, column],
      letters: info.orientation && edgeLetters(info.orientation),
      window: windowFor(header, values, info.kind === 'axial' && error === undefined),
      notScored: error?.message ?? notAxial,
    }); // prettier-ignore
  }
  return loaded;
}

/** The file with its path, which is lost when it is sent to a worker. */
const withPath = ({ path, file }: NamedFile): File =>
  Object.defineProperty(file, 'webkitRelativePath', { value: path, configurable: true });
