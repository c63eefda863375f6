import { DataError } from '../../base/errors';
import { mapAtMost } from '../../base/map_at_most';
import type { ParsedDicom } from '../../dicom/dicom_header';
import { decodeFrame, stopAtError } from '../../dicom/pixels/decode_slice';
import { implausibleRange, rangeOf, type Range } from '../../dicom/pixels/plausible';
import { mergeProblems, PROBLEM_KINDS, type DicomProblem, type DicomProblemKind } from '../../dicom/problems';
import type { DicomSeriesInfo } from '../../dicom/series/series';
import type { SkippedFile } from '../files/file_bytes';
import { readDicom } from '../files/read_dicom';

/** Stacks examined at the same time. */
const STACKS_AT_ONCE = 4;

/** Relative positions of slices to examine, in turn until air and tissue are found. */
const PLACES = [0.5, 0.3, 0.7];

/**
 * Examines the values of stacks: the middle slice of each, and two more if that one has no air or no tissue.
 *
 * @returns The stacks with the problems found; with `onBadFile: 'skip'` without those that have an error.
 * @throws DataError for an error that is not allowed, with `onBadFile: 'throw'`.
 */
export async function examineStacks(
  series: readonly DicomSeriesInfo[],
  paths: ReadonlyMap<string, string>,
  { allow, onBadFile }: { allow: readonly DicomProblemKind[]; onBadFile: 'throw' | 'skip' },
): Promise<{ series: DicomSeriesInfo[]; skipped: SkippedFile[] }> {
  const skipped: SkippedFile[] = [];
  const examined = await mapAtMost(series, STACKS_AT_ONCE, async (info) => {
    try {
      // errors in the headers stop before any pixel is read
      stopAtError(info.problems, allow, { file: info.slices[0]!.file });
      const problems = mergeProblems([...info.problems, ...(await problemsOfValues(info, paths, onBadFile))]);
      stopAtError(problems, allow, { file: info.slices[0]!.file });
      return { ...info, problems };
    } catch (error) {
      if (!(error instanceof DataError) || onBadFile === 'throw') throw error;
      skipped.push(...[...new Set(info.slices.map(({ file }) => file))].map((file) => ({ file, error })));
      return undefined;
    }
  });
  return { series: examined.filter((info) => info !== undefined), skipped };
}

async function problemsOfValues(
  { slices, kind }: DicomSeriesInfo,
  paths: ReadonlyMap<string, string>,
  onBadFile: 'throw' | 'skip',
): Promise<DicomProblem[]> {
  const problems: DicomProblem[] = [];
  let range: Range | undefined;
  let opened: { file: string; parsed: ParsedDicom } | undefined;
  for (const index of new Set(PLACES.map((place) => Math.floor(place * slices.length)))) {
    const { file, frame } = slices[index]!;
    try {
      if (opened?.file !== file) opened = { file, parsed: await readDicom(paths.get(file)!, { file }) };
      const options = { padding: 'air', allow: PROBLEM_KINDS, frame } as const;
      const slice = await decodeFrame(opened.parsed, { file }, options);
      problems.push(...slice.problems);
      range = rangeOf(slice.hu, range);
    } catch (error) {
      // single slices are skipped later, when all are read
      if (!(error instanceof DataError) || onBadFile === 'throw') throw error;
      continue;
    }
    if (implausibleRange(range, file).length === 0) break;
  }
  const isHead = kind === 'axial' && range !== undefined;
  return isHead ? [...problems, ...implausibleRange(range!, slices[0]!.file)] : problems;
}
