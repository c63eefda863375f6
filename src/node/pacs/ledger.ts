import { mkdir, open, readFile, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { isRecord } from '../../base/checks';

/** What became of a study. */
export interface LedgerEntry {
  study: string;
  /** Version of the model that scored it. */
  model: string;
  /** CT images that it had. */
  images: number;
  /** Objects of all kinds that it had, as far as the server reported. */
  instances?: number | undefined;
  /** `'stored'`: its results are; `'refused'`: it cannot be scored as it is. */
  state: 'stored' | 'refused';
  /** When, as ISO 8601. */
  time: string;
  /** Why it was refused. */
  reason?: string;
}

/**
 * Which studies are done: a file of one line per study, written to the end and synced to disk. The last line of a study is what holds;
 * a line that a kill cut short is left out of account.
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
