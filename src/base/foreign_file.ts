/**
 * Recognises a wrong kind of file by its first bytes, for error messages. Weight files are often not what their name
 * says: a download that ended at a login page, a pointer instead of the file, a checkpoint of another framework.
 *
 * @returns What the file is and what to do, or undefined for an unknown kind.
 */
export function foreignFile(bytes: Uint8Array): string | undefined {
  const start = bytes.subarray(0, 512);
  const found = MAGIC.find(({ magic }) => magic.every((byte, i) => start[i] === byte));
  if (found) return found.kind;
  const text = new TextDecoder().decode(start).trimStart().toLowerCase();
  return TEXTS.find(({ beginning }) => beginning.test(text))?.kind;
}

const ascii = (text: string): number[] => [...text].map((character) => character.charCodeAt(0));

const SAVE_AS = 'save its tensors with safetensors.torch.save_file';

const MAGIC: readonly { magic: readonly number[]; kind: string }[] = [
  { magic: ascii('PK\x03\x04'), kind: `a PyTorch checkpoint (.pth) or another ZIP archive; ${SAVE_AS}` },
  // a pickle of protocol 2, as torch.save wrote before 1.6
  { magic: [0x80, 0x02], kind: `a PyTorch checkpoint (.pth) in the old pickle form; ${SAVE_AS}` },
  { magic: ascii('\x89HDF\r\n\x1a\n'), kind: 'an HDF5 file, as Keras writes; convert it first' },
  { magic: ascii('\x93NUMPY'), kind: 'a NumPy array (.npy)' },
  { magic: [0x1f, 0x8b], kind: 'a gzip archive; unpack it first' },
];

const TEXTS: readonly { beginning: RegExp; kind: string }[] = [
  {
    beginning: /^version https:\/\/git-lfs/,
    kind: "a Git LFS pointer in place of the file; get the file with 'git lfs pull'",
  },
  {
    beginning: /^(<!doctype html|<html|<head|<\?xml)/,
    kind: 'an HTML page in place of the file, such as a login or error page; check the address it was downloaded from',
  },
];
