import { CtMultilabelError } from '../../base/errors';

/** Namespace of the names, so that the UIDs differ from those of other software. */
const NAMESPACE = 'ct-multilabel';

/**
 * A deterministic UID for a list of names: `2.25.` and the integer of a UUID (PS3.5, B.2) derived from their
 * SHA-256 (version 8).
 *
 * @throws CtMultilabelError in a page loaded neither by https nor from localhost, where browsers provide no SHA-256.
 */
export async function derivedUid(...names: readonly string[]): Promise<string> {
  // may be missing, unlike in its type
  const { subtle } = globalThis.crypto as Partial<Crypto>;
  if (subtle === undefined) {
    throw new CtMultilabelError(
      'the UIDs of DICOM objects need SHA-256, which browsers provide only in pages loaded by https or from localhost',
    );
  }
  const text = new TextEncoder().encode(JSON.stringify([NAMESPACE, ...names]));
  const bytes = new Uint8Array(await subtle.digest('SHA-256', text)).subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return `2.25.${BigInt(`0x${hex}`)}`;
}
