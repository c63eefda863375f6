import { CtMultilabelError } from '../../base/errors';

/** What the names below are names in, so that nobody else's come out the same. */
const NAMESPACE = 'ct-multilabel';

/**
 * The UID of a thing by its names, the same each time: `2.25.` and the integer of a UUID (PS3.5, B.2) that is made from their
 * SHA-256 (version 8).
 *
 * @throws CtMultilabelError in a page that came neither by https nor from localhost, where browsers have no SHA-256.
 */
export async function derivedUid(...names: readonly string[]): Promise<string> {
  // asked for by name: the type has it in every page
  const { subtle } = globalThis.crypto as Partial<Crypto>;
  if (subtle === undefined) {
    throw new CtMultilabelError(
      'the UIDs of DICOM objects need SHA-256, which a browser has only in pages that come by https or from localhost',
    );
  }
  const text = new TextEncoder().encode(JSON.stringify([NAMESPACE, ...names]));
  const bytes = new Uint8Array(await subtle.digest('SHA-256', text)).subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return `2.25.${BigInt(`0x${hex}`)}`;
}
