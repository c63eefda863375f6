/**
 * Reports patients, series, sizes, spacing, labels and which occur together, and problems of files and labels, and
 * draws a contact sheet of slices with their labels, for any layout that `openStudy` knows.
 */
import {
  createPreprocessing,
  findDuplicateSlices,
  labelRuns,
  labelStatistics,
  type PatientSource,
} from '../../index';
import {
  detectStudy,
  openStudy,
  readGrayImage,
  useBackend,
  writeContactSheet,
  type DicomFolder,
} from '../../node';
import { positiveInteger } from '../../base/options';
import { command, options, type Args } from '../command_line';
import { LABELS, STUDY, TABLE, WINDOWS } from '../options';
import { checkOutputs } from '../outputs';
import { problemLines } from '../studies/study_problems';
import { progressLine, textTable } from '../terminal';

const OPTIONS = options({
  data: { value: 'DIR', help: 'a folder of patients: images with train.csv, or DICOM', required: true, once: true },
  images: { value: 'NAME', help: 'folder of patients inside --data, e.g. test' },
  ...TABLE,
  ...LABELS,
  sheet: { value: 'FILE', default: 'contact-sheet.png', help: 'file for the contact sheet' },
  patients: { value: 'N', rule: positiveInteger, default: 12, help: 'patients on the contact sheet; those with labels first' },
  slices: { value: 'N', rule: positiveInteger, default: 16, help: 'maximum slices per patient on the contact sheet' },
  'tile-size': { value: 'N', rule: positiveInteger, default: 128, help: 'height and width of a slice on the contact sheet' },
  window: { value: 'NAME', choices: WINDOWS, default: 'brainWide', help: 'window for drawing DICOM' },
  duplicates: { help: 'read every slice, and look for equal ones across patients' },
  'cache-dir': STUDY['cache-dir'],
  'follow-links': STUDY['follow-links'],
  'skip-bad': { help: 'read every file, and list those that cannot be read instead of stopping' },
  workers: STUDY.workers,
}); // prettier-ignore

export default command({
  examples: ['--data DIR'],
  options: OPTIONS,
  json: 'series, labels and problems',
  run: inspect,
});

/** Size at which slices are compared: at a smaller one, different slices may look the same. */
const DUPLICATES_SIZE = 512;

async function inspect(args: Args<typeof OPTIONS>): Promise<unknown> {
  const { data: dir, images } = args;
  await checkOutputs({ files: { sheet: args.sheet } }, { studies: { data: dir } });
  await useBackend('wasm');
  const { layout, format } = await detectStudy(dir, { followLinks: args.followLinks });
  const files = progressLine('files');
  const open = (size: number, cacheFolder?: string) =>
    openStudy(dir, {
      preprocessing: createPreprocessing({
        imageSize: [size, size],
        clahe: false,
        windows: format === 'dicom' ? [args.window] : false,
      }),
      labels: args.labels,
      table: args.table,
      requireLabels: false,
      onBadFile: args.skipBad ? 'skip' : 'throw',
      workers: args.workers,
      cacheFolder,
      followLinks: args.followLinks,
      // errors are listed instead of thrown
      allow: ['not-hu', 'not-ct', 'implausible-hu', 'one-position'],
      onProgress: ({ done, total }) => files.show(done, total),
      images,
    });
  const study = await open(args.tileSize, args.cacheDir);
  files.end();

  const statistics = labelStatistics(study);
  const { slicesPerPatient: counts } = statistics;
  const people = new Set(study.patients.map((patient) => study.groupOf?.(patient) ?? patient)).size;
  const stacks = people === study.patients.length ? '' : ` in ${study.patients.length} series`;
  console.log(`${dir}: ${layout} layout, ${format === 'dicom' ? 'DICOM' : 'JPEG or PNG images'}`);
  console.log(`${people} patient${people === 1 ? '' : 's'}${stacks}, ${statistics.slices} slices`);
  console.log(
    `slices of a ${stacks ? 'series' : 'patient'}: ${counts.min} to ${counts.max}, median ${counts.median}`,
  );

  if ('seriesOf' in study) printSeries(study);
  else await printImageSizes(study);
  printLabels(study);
  const problems = printProblems(study);
  // not cached: full-size slices would fill the disk
  const duplicates = args.duplicates ? await printDuplicates(await open(DUPLICATES_SIZE)) : undefined;

  const drawing = progressLine('contact sheet');
  const sheet = await writeContactSheet(args.sheet, study, {
    patients: interesting(study).slice(0, args.patients),
    slices: args.slices,
    onProgress: ({ done, total }) => drawing.show(done, total),
  });
  drawing.end();
  console.log(
    `\n${args.sheet}: ${sheet.slices} slices of ${sheet.patients} patients, ${sheet.width} x ${sheet.height} pixels`,
  );
  await study.close();
  return {
    ...{ folder: dir, layout, format, people, statistics, problems, duplicates, sheet: args.sheet },
    ...('seriesOf' in study && {
      series: study.patients.map((patient) => ({ patient, ...study.seriesOf(patient) })),
      otherSeries: study.otherSeries,
    }),
  };
}

type Study = Awaited<ReturnType<typeof openStudy>>;

/** One line per series, from its headers. */
function printSeries(study: DicomFolder): void {
  const mm = (value: number | undefined) => value?.toFixed(2) ?? '?';
  const rows = study.patients.map((patient) => {
    const { description, slices, rows: height, columns, spacing, tilt = 0 } = study.seriesOf(patient);
    return [
      patient,
      description || '-',
      String(slices.length),
      `${height} x ${columns}`,
      spacing.map(mm).join(' x '),
      `${tilt.toFixed(1)}`,
    ];
  });
  const header = ['series', 'description', 'slices', 'rows x columns', 'mm (slice x row x column)', 'tilt'];
  console.log(`\n${textTable(header, rows)}`);
  for (const { description, kind, slices } of study.otherSeries) {
    console.log(`left out: ${kind} series '${description}' of ${slices.length} slices`);
  }
}

/** Sizes of the patients' first slices. */
async function printImageSizes(study: Study): Promise<void> {
  const sizes = new Map<string, number>();
  for (const patient of study.patients) {
    const { height, width } = await readGrayImage(study.fileOf(patient, 0));
    const size = `${height} x ${width}`;
    sizes.set(size, (sizes.get(size) ?? 0) + 1);
  }
  const list = [...sizes]
    .sort(([, a], [, b]) => b - a)
    .map(([size, patients]) => `${size} (${patients} patients)`);
  console.log(`rows x columns, by each patient's first slice: ${list.join(', ')}`);
}

function printLabels(study: Study): void {
  const { labels, sliceCooccurrence, patientCooccurrence, unlabelled } = labelStatistics(study);
  if (unlabelled.length === study.patients.length) {
    console.log('\nno labels');
    return;
  }
  const known = study.patients.some((patient) => study.sliceLabels(patient) !== undefined);
  const share = (positive: number, negative: number) =>
    `${((100 * positive) / (positive + negative || 1)).toFixed(1)}%`;
  console.log(
    `\n${textTable(
      ['label', ...(known ? ['slices', ''] : []), 'patients', ''],
      labels.map(({ label, slices, patients }) => [
        label,
        ...(known ? [String(slices.positive), share(slices.positive, slices.negative)] : []),
        String(patients.positive),
        share(patients.positive, patients.negative),
      ]),
    )}`,
  );
  const table = (title: string, counts: number[][]) => {
    const rows = counts.map((row, i) => [study.labels[i]!, ...row.map(String)]);
    console.log(`\n${textTable([title, ...study.labels], rows)}`);
  };
  if (known) table('slices with both', sliceCooccurrence);
  table('patients with both', patientCooccurrence);
  if (unlabelled.length > 0) console.log(`\nwithout labels: ${unlabelled.join(', ')}`);
}

function printProblems(study: Study): string[] {
  const lines: string[] = [];
  for (const { patient, label, gaps } of labelRuns(study).interrupted) {
    const slices = gaps.flatMap((gap) => gap.slices).join(', ');
    lines.push(`${patient}: ${label} stops and starts again; off on ${slices}`);
  }
  lines.push(...problemLines(study));
  for (const file of study.unlisted) lines.push(`not part of the study: ${file}`);
  for (const problem of study.tableProblems) lines.push(`table: ${problem}`);
  for (const name of study.withoutFile) lines.push(`table: no file for ${name}`);
  const most = 40;
  console.log(`\n${lines.length === 0 ? 'nothing unusual' : `to check (${lines.length}):`}`);
  for (const line of lines.slice(0, most)) console.log(`- ${line}`);
  if (lines.length > most) console.log(`- and ${lines.length - most} more`);
  return lines;
}

async function printDuplicates(study: Study): Promise<unknown> {
  const reading = progressLine('looking for equal slices');
  const found = await findDuplicateSlices(study, {
    onProgress: ({ done, total }) => reading.show(done, total),
  });
  reading.end();
  await study.close();
  console.log(`\nequal slices across patients: ${found.length === 0 ? 'none' : found.length}`);
  for (const { slices } of found) {
    console.log(`- ${slices.map(({ patient, slice }) => `${patient}/${slice}`).join(' = ')}`);
  }
  return found;
}

/** Patients by number of labels, most first. */
function interesting(study: PatientSource): string[] {
  const labelsOf = (patient: string) =>
    new Set(
      study
        .sliceLabels(patient)
        ?.flatMap((labels) => labels.flatMap((label, i) => (label === 1 ? [i] : []))) ??
        study.labelsOf?.(patient)?.flatMap((label, i) => (label === 1 ? [i] : [])),
    ).size;
  const counts = new Map(study.patients.map((patient) => [patient, labelsOf(patient)]));
  return [...study.patients].sort((a, b) => counts.get(b)! - counts.get(a)!);
}
