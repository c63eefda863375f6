import { isRecord } from '../base/checks';
import { CheckpointError } from '../base/errors';
import type { CheckpointManifest } from './checkpoint_format';

type ModelChecksums = NonNullable<CheckpointManifest['checksums']>;

/** The data that checksums are computed from. */
export interface ChecksummedParts {
  /** The manifest as written, with or without its checksums. */
  manifest: object;
  topology: object;
  specs: readonly { name: string; shape: readonly number[]; dtype: string }[];
  weights: ArrayBuffer;
}

/** Computes both checksums. The description's does not depend on the order of keys, which a handler may change. */
export function modelChecksums({ manifest, topology, specs, weights }: ChecksummedParts): ModelChecksums {
  const { checksums: _, ...record } = manifest as Record<string, unknown>;
  const names = specs.map(({ name, shape, dtype }) => [name, shape, dtype]);
  const text = JSON.stringify([record, topology, names], sortedKeys);
  return {
    description: hex(crc32(new TextEncoder().encode(text))),
    weights: hex(crc32(new Uint8Array(weights))),
  };
}

/**
 * Compares a saved model with the checksums in its manifest. Versions 1 and 2 have none.
 *
 * @param isQuantized - Whether the weights were quantised since; their checksum cannot be compared then.
 * @throws CheckpointError that says which part was changed.
 */
export function checkChecksums(parts: ChecksummedParts, isQuantized: boolean): void {
  const { formatVersion, checksums } = parts.manifest as Record<string, unknown>;
  if (checksums === undefined && (formatVersion === 1 || formatVersion === 2)) return;
  const found = modelChecksums(parts);
  const saved = isRecord(checksums) ? checksums : {};
  if (saved['description'] !== found.description) {
    throw new CheckpointError(
      'the model or its manifest was damaged, or changed by hand, since it was saved (its checksum differs); ' +
        'to change a manifest, load the model and save it with the new values',
    );
  }
  if (saved['weights'] !== found.weights && !isQuantized) {
    throw new CheckpointError(
      'the weights were damaged, or belong to another model or epoch than the manifest (their checksum differs)',
    );
  }
}

/** For JSON.stringify: sorts keys by name. */
const sortedKeys = (_key: string, value: unknown): unknown =>
  isRecord(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
    : value;

const hex = (value: number): string => value.toString(16).padStart(8, '0');

/** The CRC-32 of ZIP and PNG, four bytes at a time, since weights have hundreds of millions of bytes. */
export function crc32(bytes: Uint8Array): number {
  const [t0, t1, t2, t3] = TABLES as [Int32Array, Int32Array, Int32Array, Int32Array];
  const whole = bytes.length - (bytes.length % 4);
  let crc = -1;
  for (let i = 0; i < whole; i += 4) {
    crc ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    crc = t3[crc & 0xff]! ^ t2[(crc >>> 8) & 0xff]! ^ t1[(crc >>> 16) & 0xff]! ^ t0[crc >>> 24]!;
  }
  for (let i = whole; i < bytes.length; i++) crc = t0[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** Contribution of a byte followed by 0 to 3 zero bytes. */
const TABLES = [0, 1, 2, 3].map((zeros) =>
  Int32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8 * (zeros + 1); bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
    return crc;
  }),
);
