import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { measure } from '../../bench/results/measure';
import { keepTable, readResults, RESULTS } from '../../bench/results/tables';

const folder = mkdtempSync(path.join(tmpdir(), 'bench-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs a program as a bench. */
function bench(program: string, ...args: string[]) {
  const script = path.join(folder, 'some.bench.mjs');
  writeFileSync(script, `import { appendFileSync } from 'node:fs';\n${program}`);
  return measure(process.execPath, script, args);
}

describe('measure', () => {
  it('gives the rows of a bench with the place and time they come from', () => {
    const line = 'JSON.stringify({ what: process.argv[2], value: "3 of onnxruntime-web" })';
    const table = bench(`appendFileSync(process.env.BENCH_ROWS, ${line} + '\\n');`, 'launches')!;
    expect(table.rows).toEqual([{ what: 'launches', value: '3 of onnxruntime-web' }]);
    expect(table.node).toBe(process.versions.node);
    expect(table.date).toMatch(/^\d{4}-\d\d-\d\d$/);
    expect(table.commit).toMatch(/^([0-9a-f]{7,}\+?|unknown)$/);
    expect(table.threads).toBeGreaterThan(0);
    expect(Object.keys(table.peers)).toContain('@tensorflow/tfjs');
    expect(Object.keys(table.peers)).not.toContain('sharp');
  });

  it('gives nothing of a bench that skips, and fails with one that fails', () => {
    expect(bench('')).toBeUndefined();
    const fails = `appendFileSync(process.env.BENCH_ROWS, '{}'); process.exit(3);`;
    expect(() => bench(fails)).toThrow('some.bench.mjs ended with 3');
  });
});

describe('keepTable', () => {
  it('puts a table beside the others, as the formatter wants it', async () => {
    const file = path.join(folder, 'results.json');
    const before = readResults();
    writeFileSync(file, readFileSync(RESULTS));
    const table = { ...before['Loss']!, date: '2031-02-03', rows: [] };
    await keepTable('Loss', table, file);
    expect(readResults(file)).toEqual({ ...before, Loss: table });
    await keepTable('Loss', before['Loss']!, file);
    expect(readFileSync(file, 'utf8')).toBe(readFileSync(RESULTS, 'utf8'));
  });
});
