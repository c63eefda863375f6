import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { parse } from 'csv-parse';
import { parse as parseSync } from 'csv-parse/sync';
import { DataError } from '../../base/errors';

/** Options of the CSV parser. */
const FORMAT = {
  record_delimiter: ['\r\n', '\n', '\r'],
  relax_column_count: true, // the table's reader checks the columns
  skip_empty_lines: false, // so that indices are row numbers
};

/**
 * Fields of every record of a table, header first; record `i` is row `i + 1`.
 *
 * @param path - The file.
 * @param file - Its name in messages.
 * @throws DataError if it cannot be read, has more than 256 MiB, or is not CSV text in UTF-8.
 */
export async function readCsvFile(path: string, file = path): Promise<string[][]> {
  try {
    await checkTableFile(path, MAX_TABLE_BYTES, file);
    // also removes the byte order mark
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
    return parseSync(text, FORMAT);
  } catch (error) {
    throw unreadable(error, file);
  }
}

/** Largest table that is read at once, far above one row of text per slice. */
const MAX_TABLE_BYTES = 256 * 2 ** 20;

/** Largest record of a streamed table in bytes, in case a quote is not closed. */
const MAX_RECORD_BYTES = 64 * 2 ** 10;

/**
 * Passes the records of a table to `add` one by one, without keeping them in memory.
 *
 * @param add - Called with a record's fields and its row, where the header is row 1; its errors end the reading.
 * @throws DataError like {@link readCsvFile}, also for a record of more than 64 KiB; errors of `add`.
 */
export async function eachCsvRecord(
  path: string,
  add: (fields: string[], row: number) => void,
  file = path,
): Promise<void> {
  let row = 0;
  let refused = false;
  const parser = parse({ ...FORMAT, max_record_size: MAX_RECORD_BYTES });
  try {
    await checkTableFile(path, Infinity, file);
    await pipeline(createReadStream(path), decodeUtf8, parser, async (records) => {
      for await (const fields of records as AsyncIterable<string[]>) {
        row++;
        try {
          add(fields, row);
        } catch (error) {
          refused = true;
          throw error;
        }
      }
    });
  } catch (error) {
    throw refused ? error : unreadable(error, file);
  }
}

/** Checked before opening, which would block forever on a pipe. */
async function checkTableFile(path: string, mostBytes: number, file: string): Promise<void> {
  const found = await stat(path);
  if (!found.isFile()) throw new DataError('expected a table, found something else', { file });
  if (found.size > mostBytes) {
    throw new DataError(`the table has ${found.size} bytes, more than ${mostBytes}`, { file });
  }
}

/** Decodes chunks of bytes to text without byte order mark; throws if they are not UTF-8. */
async function* decodeUtf8(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for await (const chunk of chunks) yield decoder.decode(chunk, { stream: true });
  yield decoder.decode();
}

function unreadable(error: unknown, file: string): DataError {
  if (error instanceof DataError) return error;
  const { message, code, syscall } = error as NodeJS.ErrnoException;
  const problem = syscall === undefined ? 'is not CSV text in UTF-8' : `cannot be read (${code})`;
  return new DataError(`the table ${problem}: ${message}`, { file }, { cause: error });
}
