// Fails if docs/api differs from what typedoc generates from the current sources.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const fresh = mkdtempSync(path.join(tmpdir(), 'docs-api-'));
try {
  execFileSync('npx', ['typedoc', '--out', fresh, '--logLevel', 'Error'], { stdio: 'inherit' });
  const files = (folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
      .sort();
  const [now, committed] = [files(fresh), files('docs/api')];
  const text = (folder, file) => readFileSync(path.join(folder, file), 'utf8');
  const stale = [...new Set([...now, ...committed])].filter(
    (file) =>
      !now.includes(file) || !committed.includes(file) || text(fresh, file) !== text('docs/api', file),
  );
  if (stale.length > 0) {
    console.error(`docs/api is not current (npm run docs fixes it): ${stale.slice(0, 10).join(', ')}`);
    process.exitCode = 1;
  }
} finally {
  rmSync(fresh, { recursive: true, force: true });
}
