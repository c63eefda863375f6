/** Watches a DICOMweb server: scores new CT studies, and stores the results with them. */
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { ArgumentError, DataError, NonFiniteError } from '../../index';
import { loadCheckpoint, useBackend } from '../../node';
import { DicomWeb, type FoundStudy } from '../../node/pacs/dicom_web';
import { exists } from '../../node/files/atomic_write';
import { Ledger } from '../../node/pacs/ledger';
import { RunLock } from '../../node/runs/run_lock';
import { positiveInteger } from '../../base/options';
import { command, options, type Args } from '../command_line';
import { checkOutputs } from '../outputs';
import { reportedModel } from '../dicom_results';
import { BACKEND, CHECKPOINT, STUDY } from '../options';
import { checkReports, scoreStudy, type StudyScorer } from '../score_study';

const OPTIONS = options({
  ...CHECKPOINT,
  server: { value: 'URL', help: "address of the server's DICOMweb service", required: true },
  state: { value: 'DIR', help: 'folder for the record of finished studies and the files of the current one', required: true },
  once: { help: 'score the studies on the server, then exit; with status 1 if a study failed' },
  interval: { value: 'N', rule: positiveInteger, default: 60, help: 'seconds between queries of the server' },
  query: { value: 'TEXT', help: 'filter for studies, e.g. StudyDate=20240101-&StudyDescription=*HEAD*' },
  authorization: { value: 'FILE', help: "file with the Authorization header's value, e.g. Bearer and a token" },
  workers: STUDY.workers,
  'skip-bad': { help: 'leave out files that cannot be read or have an error, and score the rest' },
  allow: STUDY.allow,
  ...BACKEND,
}); // prettier-ignore

export default command({
  examples: [
    '--checkpoint runs/dicom --server https://pacs.example/dicom-web --authorization token.txt --state watch',
    '--checkpoint runs/dicom --server http://localhost:8042/dicom-web --state watch --once',
  ],
  options: OPTIONS,
  run: watch,
  interrupted: () => 'to continue, start it again with the same --state',
});

/** The record of finished studies, which is there before any is fetched, and the current one's files. */
const LEDGER = 'ledger.jsonl';
const FETCHED = 'study';

/** Number of failures from which on the wait no longer grows. */
const MOST_FAILURES = 10;

async function watch(args: Args<typeof OPTIONS>): Promise<void> {
  const { authorization, once, interval, allow } = args;
  await checkState(args);
  const server = new DicomWeb({
    server: args.server,
    authorization: authorization === undefined ? undefined : () => readAuthorization(authorization),
    onRetry: log,
  });
  const lock = await takeState(args.state);
  const ledger = await Ledger.open(path.join(args.state, LEDGER));
  try {
    await useBackend(args.backend);
    const checkpoint = await loadCheckpoint(args.checkpoint);
    checkReports(checkpoint);
    const scorer: StudyScorer = {
      ...checkpoint,
      server,
      folder: path.join(args.state, FETCHED),
      options: {
        workers: args.workers,
        onBadFile: args.skipBad ? 'skip' : 'throw',
        allow,
      },
    };
    // a killed process leaves the files of its current study
    await rm(scorer.folder, { recursive: true, force: true });
    const { name, version } = await reportedModel(checkpoint);
    log(`watching ${args.server} with ${name}, version ${version}`);
    const watcher = new Watcher(scorer, ledger, version, once);
    const query = new URLSearchParams(args.query ?? '');
    if (once) {
      await watcher.look(query);
      if (watcher.failed > 0) process.exitCode = 1;
      return;
    }
    for (;;) {
      try {
        await watcher.look(query);
      } catch (error) {
        if (!isPassing(error)) throw error;
        log(`query for studies failed: ${(error as Error).message}`);
      }
      await wait(1000 * interval);
    }
  } finally {
    await ledger.close();
    await lock.release();
  }
}

/** State kept between queries. */
class Watcher {
  /** Number of studies that failed in the last query. */
  failed = 0;
  /** Number of CT images of each study at the last query: a study that is still growing is not scored. */
  private readonly growing = new Map<string, number>();
  private readonly failures = new Map<string, { count: number; next: number }>();

  constructor(
    private readonly scorer: StudyScorer,
    private readonly ledger: Ledger,
    private readonly version: string,
    private readonly once: boolean,
  ) {}

  /** Scores what is new on the server, one study after another. */
  async look(query: URLSearchParams): Promise<void> {
    this.failed = 0;
    for await (const found of this.scorer.server.studies(query)) {
      const failure = this.failures.get(found.uid);
      if (failure !== undefined && Date.now() < failure.next) continue;
      try {
        await this.study(found);
        this.failures.delete(found.uid);
      } catch (error) {
        if (!isPassing(error)) throw error;
        this.failed++;
        const count = Math.min((failure?.count ?? 0) + 1, MOST_FAILURES);
        this.failures.set(found.uid, { count, next: Date.now() + 60_000 * 2 ** (count - 1) });
        log(`study ${found.uid}: failed, will be retried: ${(error as Error).message}`);
      }
    }
  }

  private async study({ uid, instances }: FoundStudy): Promise<void> {
    const { scorer, ledger, version } = this;
    const known = ledger.entryOf(uid, version);
    // nothing was added since
    if (known?.instances !== undefined && known.instances === instances) return;
    const series = await scorer.server.series(uid);
    const images = series.reduce((sum, one) => sum + one.images, 0);
    if (known?.images === images) {
      // only our own results, or no CT, were added
      if (known.instances !== instances) await ledger.add({ ...known, instances });
      return;
    }
    if (images === 0) return;
    if (!this.once && this.growing.get(uid) !== images) {
      this.growing.set(uid, images);
      return;
    }
    const entry = { study: uid, model: version, images, instances };
    const time = () => new Date().toISOString();
    try {
      const stored = await scoreStudy(scorer, uid, series);
      await ledger.add({ ...entry, state: 'stored', time: time() });
      log(`study ${uid}: ${images} images scored, ${stored} objects stored`);
    } catch (error) {
      if (!isOfTheStudy(error)) throw error;
      const reason = withoutNames(error);
      await ledger.add({ ...entry, state: 'refused', time: time(), reason });
      log(`study ${uid}: cannot be scored: ${reason}`);
    }
    this.growing.delete(uid);
  }
}

/** Whether an error comes from the server or the network, and is not a defect. */
const isPassing = (error: unknown): boolean => error instanceof Error && error.name === 'CtMultilabelError';

/** Whether an error comes from the study's files, so that a retry would not help. */
const isOfTheStudy = (error: unknown): error is DataError | NonFiniteError =>
  error instanceof DataError || error instanceof NonFiniteError;

/** An error's message without the patient's name from the files. */
function withoutNames(error: DataError | NonFiniteError): string {
  const { patient } = error.location;
  return patient === undefined ? error.message : error.message.replaceAll(patient, '…');
}

async function readAuthorization(file: string): Promise<string> {
  const text = (await readFile(file, 'utf8')).trim();
  if (text === '' || /[\r\n]/.test(text)) {
    throw new ArgumentError(`--authorization: expected a file of one line, e.g. Bearer and a token: ${file}`);
  }
  return text;
}

/** Refuses a folder whose `study/` is not a fetched study, which is removed. */
async function checkState({ state, checkpoint, authorization }: Args<typeof OPTIONS>): Promise<void> {
  await checkOutputs({ folders: { state } }, { checkpoints: { checkpoint }, files: { authorization } });
  const isOurs = await exists(path.join(state, LEDGER));
  if (isOurs || !(await exists(path.join(state, FETCHED)))) return;
  throw new ArgumentError(
    `--state: expected a new folder or that of an earlier watch, received '${state}', which contains ${FETCHED} and no ${LEDGER}`,
  );
}

/** One process at a time. */
async function takeState(folder: string): Promise<RunLock> {
  try {
    return await RunLock.take(folder);
  } catch (cause) {
    throw new ArgumentError(`--state: expected a folder that no other process is using: ${folder}`, {
      cause,
    });
  }
}

const log = (line: string): void => console.log(`${new Date().toISOString()} ${line}`);
