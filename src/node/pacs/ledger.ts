import { mkdir, open, readFile, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { isRecord } from '../../base/checks';

/** The result for a study. */
export interface LedgerEntry {
  study: string;
  /** Version of the model that scored it. */
  model: string;
  /** Number of CT images. */
  images: number;
  /** Number of objects of all kinds, if the server reported it. */
  instances?: number | undefined;
  /** `'stored'`: its results were stored; `'refused'`: it could not be scored. */
  state: 'stored' | 'refused';
  /** Time of the result, as ISO 8601. */
  time: string;
  /** Why it was refused. */
  reason?: string;
}

/**
 * A record of processed studies: a file with one line per study, appended and synced to disk. The last line of a study
 * is valid; incomplete lines are ignored.
 */
export class Ledger {
  private constructor(
    private readonly handle: FileHandle,
    private readonly entries: Map<string, LedgerEntry>,
  ) {}

  static async open(file: string): Promise<Ledger> {
    await mkdir(path.dirname(file), { recursive: true });
    const handle = await open(file, 'a');
    const text = await readFile(file, 'utf8');
    const entries = new Map<string, LedgerEntry>();
    for (const line of text.split('\n')) {
      const entry = parsed(line);
      if (entry) entries.set(keyOf(entry), entry);
    }
    if (text !== '' && !text.endsWith('\n')) await handle.writeFile('\n');
    return new Ledger(handle, entries);
  }

  entryOf(study: string, model: string): LedgerEntry | undefined {
    return this.entries.get(keyOf({ study, model }));
  }

  async add(entry: LedgerEntry): Promise<void> {
    await this.handle.writeFile(`${JSON.stringify(entry)}\n`);
    await this.handle.sync();
    this.entries.set(keyOf(entry), entry);
  }

  async close(): Promise<void> {
    await this.handle.close();
  }
}

const keyOf = ({ study, model }: { study: string; model: string }) => `${study} ${model}`;

function parsed(line: string): LedgerEntry | undefined {
  try {
    const entry: unknown = JSON.parse(line);
    const isEntry =
      isRecord(entry) && typeof entry['study'] === 'string' && typeof entry['model'] === 'string';
    return isEntry ? (entry as unknown as LedgerEntry) : undefined;
  } catch {
    return undefined;
  }
}
