// The results as DICOM objects.
import { dicomHeatMaps, dicomReport, parseDicomHeader } from 'ct-multilabel/dicom';
import { zipSync } from 'fflate';
import type { HeatMethod } from '../protocol';
import { heatOf } from './explain';
import { HEADER_BYTES } from './groups';
import type { LoadedStack } from './loaded_stack';
import { openedModel } from './models';
import { preparedStack } from './prepared';
import { scoresOf } from './score';
import { loadedStack } from './stacks';
import { turn, type Running } from './running';

/** The Structured Report of a stack, as from `ct-multilabel predict --dicom-out`. */
export async function report(running: Running, id: string): Promise<Uint8Array> {
  running.say({ text: 'Writing the report' });
  const { info } = openedModel();
  const images = await sourceImages(await dicomStack(running, id), running.signal);
  const { name, version, labels, thresholds } = info;
  return dicomReport(images, { model: { name, version }, labels, thresholds, probabilities: scoresOf(id) });
}

/** A Secondary Capture of each slice with a label's heat map, in a ZIP file. */
export async function heatMapFiles(
  running: Running,
  id: string,
  label: number,
  method: HeatMethod,
): Promise<Uint8Array> {
  const { say, signal } = running;
  const stack = await dicomStack(running, id);
  const { info } = openedModel();
  const maps = await heatOf(running, id, label, method);
  const heat = await maps.data();
  maps.dispose();
  const { images, model } = preparedStack(id);
  const [slices, rows, columns, channels] = images.shape;
  // with neighbours as channels, the first ones belong to the slice below
  const { neighbors } = model.manifest.preprocessing;
  const own = (neighbors * channels) / (2 * neighbors + 1);
  const seen = await images.data();
  say({ text: `Writing ${slices} pictures` });
  await turn(signal);
  const area = rows * columns;
  const sources = await sourceImages(stack, signal);
  const named = info.labels[label]!;
  // UIDs derive from it, and those of the command line's maps are of Grad-CAM
  const version = method === 'grad-cam' ? info.version : `${info.version} ${method}`.slice(0, 64);
  const files = await dicomHeatMaps(
    sources.map((source, i) => ({
      ...source,
      pixels: Float32Array.from({ length: area }, (_, pixel) => seen[(i * area + pixel) * channels + own]!),
      map: heat.slice(i * area, (i + 1) * area),
    })),
    {
      ...{ model: { name: info.name, version }, label: named, rows, columns },
      orientation: stack.orientation,
    },
  );
  const digits = String(files.length).length;
  const entries = files.map((bytes, i) => [`${named}_${String(i + 1).padStart(digits, '0')}.dcm`, bytes]);
  return zipSync(Object.fromEntries(entries) as Record<string, Uint8Array>, { level: 1 });
}

async function dicomStack(running: Running, id: string): Promise<LoadedStack> {
  const stack = await loadedStack(running, id);
  if (stack.kind === 'dicom') return stack;
  throw new Error('results as DICOM refer to DICOM images: pictures have no study that they could belong to');
}

/** The beginnings of files up to their pixels, each read once. */
async function sourceImages({ slices }: LoadedStack, signal: AbortSignal) {
  const heads = new Map<string, Uint8Array>();
  const images: { bytes: Uint8Array; file: string; frame: number | undefined }[] = [];
  for (const { source, frame } of slices) {
    signal.throwIfAborted();
    const { path, file } = source;
    const bytes = heads.get(path) ?? (await headOf(file, path));
    heads.set(path, bytes);
    images.push({ bytes, file: path, frame });
  }
  return images;
}

async function headOf(file: File, path: string): Promise<Uint8Array> {
  const start = new Uint8Array(await file.slice(0, HEADER_BYTES).arrayBuffer());
  try {
    parseDicomHeader(start, { file: path });
    return start;
  } catch {
    return new Uint8Array(await file.arrayBuffer()); // a longer header, or a deflated file
  }
}
