// JPEG and PNG files as a stack of gray pictures.
import type { NamedFile, Problem } from '../protocol';
import type { FileGroup } from './groups';
import type { LoadedStack } from './loaded_stack';
import type { Running } from './running';

/** The pictures of a folder in the order of their names, without those of another size than the first. */
export async function readPictures(
  { say, signal }: Running,
  { files, item }: FileGroup,
): Promise<LoadedStack> {
  const problems: Problem[] = [];
  const planes: { gray: Float32Array; source: NamedFile }[] = [];
  let size: readonly [rows: number, columns: number] | undefined;
  for (const [i, source] of files.entries()) {
    signal.throwIfAborted();
    say({ text: `Decoding picture ${i + 1} of ${files.length}`, share: i / files.length });
    const leaveOut = (why: string) => problems.push({ severity: 'warning', message: `left out: ${source.path}: ${why}` }); // prettier-ignore
    try {
      const { gray, rows, columns, note } = await readPicture(source.file);
      size ??= [rows, columns];
      if (rows !== size[0] || columns !== size[1]) {
        leaveOut(`it has ${columns} × ${rows} pixels, the first ${size[1]} × ${size[0]}`);
        continue;
      }
      planes.push({ gray, source });
      if (note !== undefined && !problems.some(({ message }) => message === note)) problems.push({ severity: 'warning', message: note }); // prettier-ignore
    } catch (error) {
      leaveOut(`the picture cannot be read: ${(error as Error).message}`);
    }
  }
  if (size === undefined) throw new Error(problems[0]?.message ?? 'no picture can be read');
  const [rows, columns] = size;
  const values = new Float32Array(planes.length * rows * columns);
  planes.forEach(({ gray }, slice) => values.set(gray, slice * rows * columns));
  return {
    item: { ...item, detail: `pictures · ${planes.length} × ${columns} × ${rows}`, images: planes.length, problems, isStack: true }, // prettier-ignore
    kind: 'pictures',
    values,
    slices: planes.map(({ source }) => ({ name: source.path, source, frame: undefined })),
    ...{ rows, columns, orientation: undefined, notScored: undefined },
    ...{ spacing: undefined, letters: undefined, window: undefined },
  };
}

const NOT_GRAY = 'pictures in colour: their brightness is taken';
const DEEP = '16-bit pictures: browsers give 8 bits of them';

async function readPicture(file: File) {
  const start = new Uint8Array(await file.slice(0, 32).arrayBuffer());
  const isDeep = start[0] === 0x89 && start[24] === 16;
  const bitmap = await createImageBitmap(file, {
    ...{ colorSpaceConversion: 'none', premultiplyAlpha: 'none', imageOrientation: 'none' as never },
  });
  const { width: columns, height: rows } = bitmap;
  const context = new OffscreenCanvas(columns, rows).getContext('2d', { willReadFrequently: true })!;
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = context.getImageData(0, 0, columns, rows);
  const gray = new Float32Array(rows * columns);
  let isGray = true;
  for (let i = 0; i < gray.length; i++) {
    const [r, g, b] = [data[4 * i]!, data[4 * i + 1]!, data[4 * i + 2]!];
    isGray &&= Math.max(r, g, b) - Math.min(r, g, b) <= 8; // JPEG's rounding
    gray[i] = (0.299 * r + 0.587 * g + 0.114 * b) / 255;
  }
  return { gray, rows, columns, note: isGray ? (isDeep ? DEEP : undefined) : NOT_GRAY };
}
