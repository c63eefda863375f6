// The series in a folder, from headers only: a thousand files take a second or two.
import { decodeDicomSlice, NoImageError, parseDicomHeader, type DicomHeader } from 'ct-multilabel/dicom';
import type { Listing, NamedFile, SeriesItem } from '../protocol';
import { addGroup, forgetGroups, HEADER_BYTES, naturally, withOwnPaths } from './groups';
import { firstPixels } from './pixels';
import { sampleFiles } from './sample';
import { forgetStacks } from './stacks';
import type { Running } from './running';

/** Files examined at the same time. */
const AT_ONCE = 16;

/** The series among files. When a series is read, its line is replaced by its stacks. */
export async function listFiles(
  { say, signal }: Running,
  files: NamedFile[],
  isSample = false,
): Promise<Listing> {
  forgetGroups();
  forgetStacks();
  const leftOut: Listing['leftOut'] = [];
  const headers = new Map<string, { header: DicomHeader; file: NamedFile }[]>();
  const pictures = new Map<string, NamedFile[]>();
  const isHidden = (part: string) => part.startsWith('.');
  const seen = withOwnPaths(files.filter(({ path }) => !path.split('/').some(isHidden)));
  seen.sort((a, b) => naturally(a.path, b.path));
  await preview(seen, say);
  for (let i = 0; i < seen.length; i += AT_ONCE) {
    signal.throwIfAborted();
    say({ text: `Looking at file ${i + 1} of ${seen.length}`, share: i / seen.length });
    const some = seen.slice(i, i + AT_ONCE);
    const found = await Promise.all(some.map((file) => lookAt(file).catch((error: Error) => error)));
    for (const [j, file] of some.entries()) {
      const one = found[j]!;
      if (one instanceof Error) leftOut.push({ file: file.path, reason: one.message });
      else if (one === 'picture') push(pictures, file.path.split('/').slice(0, -1).join('/'), file);
      else push(headers, keyOf(one, file), { header: one, file });
    }
  }
  const series: SeriesItem[] = [];
  const add = (...group: Parameters<typeof addGroup>) => series.push(addGroup(...group));
  for (const members of headers.values()) {
    const { header } = members[0]!;
    const images = members.reduce((sum, one) => sum + one.header.pixels.frames, 0);
    add('dicom', members.map(({ file }) => file), {
      title: titleOf(header),
      detail: detailOf(header, images),
      images,
      problems: [],
      isSample,
    }); // prettier-ignore
  }
  for (const [folder, members] of pictures) {
    const title = folder === '' ? 'Pictures' : folder.split('/').at(-1)!;
    const detail = `JPEG or PNG · ${members.length} ${members.length === 1 ? 'picture' : 'pictures'}`;
    add('pictures', members, { title, detail, images: members.length, problems: [], isSample });
  }
  return { series, leftOut };
}

/** A synthetic head as DICOM files. */
export async function listSample(running: Running): Promise<Listing> {
  return listFiles(running, await sampleFiles(running), true);
}

/** Shows a first image from the middle of the stack, where there is most to see. */
async function preview(files: readonly NamedFile[], say: Running['say']): Promise<void> {
  const middle = Math.floor(files.length / 2);
  for (const { path, file } of files.slice(middle, middle + 4)) {
    try {
      const bytes = new Uint8Array(await file.arrayBuffer());
      const slice = await decodeDicomSlice(bytes, { file: path }, { padding: 'air' });
      say({ text: 'A first slice', preview: firstPixels(slice) });
      return;
    } catch {
      // its problems are reported when all files are read
    }
  }
}

async function lookAt({ path, file }: NamedFile): Promise<DicomHeader | 'picture'> {
  if (file.size === 0) throw new Error('the file is empty');
  const start = new Uint8Array(await file.slice(0, HEADER_BYTES).arrayBuffer());
  const isDicom =
    String.fromCharCode(...start.subarray(128, 132)) === 'DICM' || /\.(dcm|ima|dicom)$/i.test(path);
  if (!isDicom && isPicture(start)) return 'picture';
  if (/(^|\/)DICOMDIR$/i.test(path))
    throw new Error('an index of a disc: its files are looked at themselves');
  try {
    return parseDicomHeader(start, { file: path });
  } catch (error) {
    if (error instanceof NoImageError)
      throw new Error('DICOM without an image, such as a report', { cause: error });
    if (!isDicom) throw new Error('neither DICOM nor a JPEG or PNG picture', { cause: error });
    return parseDicomHeader(new Uint8Array(await file.arrayBuffer()), { file: path });
  }
}

/** JPEG or PNG, by the first bytes. */
const isPicture = ([a, b, c]: Uint8Array): boolean =>
  (a === 0xff && b === 0xd8 && c === 0xff) || (a === 0x89 && b === 0x50 && c === 0x4e);

/** Key of a file's series; reading separates files that do not form one stack. */
function keyOf({ studyUid, seriesUid, seriesNumber, patientId }: DicomHeader, { path }: NamedFile): string {
  const series = seriesUid || [seriesNumber, path.split('/').slice(0, -1).join('/')];
  return JSON.stringify([patientId, studyUid, series]);
}

const titleOf = ({ seriesDescription, seriesNumber }: DicomHeader): string =>
  seriesDescription?.trim() ||
  (seriesNumber === undefined ? 'Series without a name' : `Series ${seriesNumber}`);

function detailOf({ modality = 'no modality', pixels, sliceThickness }: DicomHeader, images: number): string {
  return [
    modality,
    `${images} ${images === 1 ? 'image' : 'images'}`,
    `${pixels.columns} × ${pixels.rows}`,
    ...(sliceThickness === undefined ? [] : [`${Number(sliceThickness.toFixed(2))} mm`]),
  ].join(' · ');
}

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
