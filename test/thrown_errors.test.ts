import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import * as browser from '../src/index';
import * as node from '../src/node';

const root = fileURLToPath(new URL('../src', import.meta.url));

/** Files that make errors of another class, and why no user meets them. */
const OTHERS: Record<string, string> = {
  'backends/activate.ts': 'cause of a CtMultilabelError, or part of the report',
  'backends/use_browser_backend.ts': 'why a backend is not taken: part of the CtMultilabelError',
  'backends/wasm/runtime/kernel_support.ts': 'a kernel of this library asks for one that it never registered',
  'backends/wasm/runtime/memory_guard.ts':
    "the RangeError that the host's allocator takes for: no more memory",
  'backends/wasm/threads/browser_threads.ts': 'cause of a CtMultilabelError',
  'dicom/data_set.ts': 'cause of a DataError',
  'dicom/elements.ts': 'cause of a DataError',
  'dicom/files/file_headers.ts': 'cannot be reached',
  'dicom/pixels/codestream.ts': 'cause of a DataError',
  'dicom/pixels/codestream_end.ts': 'cause of a DataError',
  'dicom/pixels/codestream_header.ts': 'cause of a DataError',
  'dicom/pixels/wasm_decoder.ts': 'cause of a DataError',
  'node/backend/backend.ts': 'why a backend is not taken: part of the CtMultilabelError, or of the report',
  'node/pacs/dicom_web.ts': 'cause of a CtMultilabelError',
  'node/preparation/preparation_pool.ts': 'cause of a CtMultilabelError',
  'node/runs/model_folder.ts': 'cause of a CheckpointError',
  'node/study/data_root.ts': 'cause of a DataError',
  'node/study/phantom_study.ts': 'cause of a DataError',
};

const ours = Object.entries({ ...browser, ...node })
  .filter(([, value]) => typeof value === 'function' && value.prototype instanceof browser.CtMultilabelError)
  .map(([name]) => name);

/** Files of the sources, and the classes of the errors they make. */
const made = new Map(
  readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.includes('assembly'))
    .map((file) => {
      const text = readFileSync(path.join(root, file), 'utf8');
      const classes = [...text.matchAll(/\bnew (\w*Error)\(/g)].map(([, name]) => name!);
      return [file.split(path.sep).join('/'), new Set(classes)] as const;
    }),
);

describe('the errors of this library', () => {
  it('are of classes that it exports, so that one can catch them', () => {
    expect(ours).toContain('ArgumentError');
    const known = [...ours, 'CtMultilabelError'];
    const others = [...made].filter(([, classes]) => [...classes].some((name) => !known.includes(name)));
    expect(others.map(([file]) => file).sort()).toEqual(Object.keys(OTHERS));
  });

  it('are each thrown somewhere', () => {
    const thrown = new Set([...made.values()].flatMap((classes) => [...classes]));
    expect(ours.filter((name) => !thrown.has(name))).toEqual([]);
  });
});
