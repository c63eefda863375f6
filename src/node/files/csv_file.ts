import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { parse } from 'csv-parse';
import { parse as parseSync } from 'csv-parse/sync';
import { DataError } from '../../base/errors';

/** How every table is split into records. */
const FORMAT = {
  record_delimiter: ['\r\n', '\n', '\r'],
  relax_column_count: true, // counted by the table's parser, which knows the columns
  skip_empty_lines: false, // so that places in the list are rows
};

/**
 * Fields of every record of a table, header first; record `i` is row `i + 1`.
 *
 * @param path - The file.
 * @param file - Its name in messages.
 * @throws DataError when it cannot be read, has more than 256 MiB, or is not CSV text in UTF-8.
 */
export async function readCsvFile(path: string, file = path): Promise<string[][]> {
  try {
    await checkTableFile(path, MAX_TABLE_BYTES, file);
    // also takes the byte order mark away
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
    return parseSync(text, FORMAT);
  } catch (error) {
    throw unreadable(error, file);
  }
}

/** Larger than any table that is held whole: one row of text for each slice. */
const MAX_TABLE_BYTES = 256 * 2 ** 20;

/** Largest record of a streamed table, in bytes: a quote left open must not swallow the rest of the file. */
const MAX_RECORD_BYTES = 64 * 2 ** 10;

/**
 * Hands the records of a table to `add` one after the other, without holding them all.
 *
 * @param add - Takes a record's fields and its row, the header being row 1; what it throws ends the reading.
 * @throws DataError as {@link readCsvFile}, also for a record of more than 64 KiB; what `add` throws.
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

/** Asked before opening, which would wait forever on a pipe. */
async function checkTableFile(path: string, mostBytes: number, file: string): Promise<void> {
  const found = await stat(path);
  if (!found.isFile()) throw new DataError('expected a table, found something else', { file });
  if (found.size > mostBytes) {
    throw new DataError(`the table has ${found.size} bytes, more than ${mostBytes}`, { file });
  }
}

/** Text of chunks of bytes, the byte order mark taken away; throws where they are not UTF-8. */
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
