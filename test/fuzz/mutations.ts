import fc from 'fast-check';
import { joinBytes } from '../support/dicom_bytes';

/** A change to bytes: plain data, so that a failing one is printed as it is. Places count modulo the length. */
export type ByteChange =
  | { kind: 'flip'; at: number; bit: number }
  | { kind: 'set'; at: number; value: number }
  | { kind: 'field'; at: number; size: 2 | 4 | 8; value: bigint; bigEndian: boolean }
  | { kind: 'cut'; at: number }
  | { kind: 'insert'; at: number; text: string }
  | { kind: 'random'; at: number; bytes: Uint8Array }
  | { kind: 'repeat'; at: number; length: number; times: number }
  | { kind: 'remove'; at: number; length: number }
  | { kind: 'swap'; at: number; length: number; with: number }
  | { kind: 'splice'; at: number; source: number; from: number };

/** Numbers that sizes are replaced by: signs, limits of 8 to 64 bits, and NaN and infinity as floats. */
const EXTREMES = [
  0n, 1n, 2n, 3n, 0x7fn, 0x80n, 0xffn, 0x100n, 0x7fffn, 0x8000n, 0xfffen, 0xffffn, 0x10000n, 0x7fffffffn,
  0x80000000n, 0xfffffffen, 0xffffffffn, 0x100000000n, 0x7fc00000n, 0x7f800000n, 0x7ff8000000000000n,
  0x1fffffffffffffn, 0x7fffffffffffffffn, 0x8000000000000000n, 0xffffffffffffffffn,
]; // prettier-ignore

/** Anywhere, and more often where headers are. */
const place = fc.oneof(fc.nat(31), fc.nat(255), fc.nat(2047), fc.nat(0xfffff));

/**
 * Lists of changes to bytes.
 *
 * @param tokens - Texts of the format, to insert.
 */
export function byteChanges(tokens: readonly string[], most = 4): fc.Arbitrary<ByteChange[]> {
  const bit = fc.nat(7);
  const value = fc.oneof(fc.constantFrom(0, 0x7f, 0x80, 0xff), fc.nat(255));
  const change = fc.oneof(
    fc.record({ kind: fc.constant('flip' as const), at: place, bit }),
    fc.record({ kind: fc.constant('set' as const), at: place, value }),
    fc.record({
      kind: fc.constant('field' as const),
      at: place,
      size: fc.constantFrom(2 as const, 4 as const, 8 as const),
      value: fc.constantFrom(...EXTREMES),
      bigEndian: fc.boolean(),
    }),
    fc.record({ kind: fc.constant('cut' as const), at: place }),
    fc.record({ kind: fc.constant('insert' as const), at: place, text: fc.constantFrom(...tokens) }),
    fc.record({ kind: fc.constant('random' as const), at: place, bytes: fc.uint8Array({ maxLength: 40 }) }),
    fc.record({
      kind: fc.constant('repeat' as const),
      at: place,
      length: fc.integer({ min: 1, max: 300 }),
      times: fc.integer({ min: 1, max: 20 }),
    }),
    fc.record({ kind: fc.constant('remove' as const), at: place, length: fc.integer({ min: 1, max: 300 }) }),
    fc.record({
      kind: fc.constant('swap' as const),
      at: place,
      length: fc.integer({ min: 1, max: 300 }),
      with: place,
    }),
    fc.record({ kind: fc.constant('splice' as const), at: place, source: fc.nat(255), from: place }),
  );
  return fc.array(change, { minLength: 1, maxLength: most });
}

/** The bytes with the changes made, one after the other. `sources` are what is spliced in. */
export function changeBytes(
  bytes: Uint8Array,
  changes: readonly ByteChange[],
  sources: readonly Uint8Array[],
): Uint8Array {
  return changes.reduce<Uint8Array>(
    (changed, change) => applyChange(changed, change, sources),
    new Uint8Array(bytes),
  );
}

function applyChange(bytes: Uint8Array, change: ByteChange, sources: readonly Uint8Array[]): Uint8Array {
  if (bytes.length === 0) return bytes;
  const at = change.at % bytes.length;
  const upTo = (length: number) => bytes.subarray(at, at + length);
  switch (change.kind) {
    case 'flip':
      bytes[at]! ^= 1 << change.bit;
      return bytes;
    case 'set':
      bytes[at] = change.value;
      return bytes;
    case 'field':
      for (let i = 0; i < change.size && at + i < bytes.length; i++) {
        const shift = BigInt(8 * (change.bigEndian ? change.size - 1 - i : i));
        bytes[at + i] = Number((change.value >> shift) & 0xffn);
      }
      return bytes;
    case 'cut':
      return bytes.subarray(0, at);
    case 'insert':
      return insert(bytes, at, new TextEncoder().encode(change.text));
    case 'random':
      return insert(bytes, at, change.bytes);
    case 'repeat':
      return insert(bytes, at, joinBytes(...Array.from({ length: change.times }, () => upTo(change.length))));
    case 'remove':
      return joinBytes(bytes.subarray(0, at), bytes.subarray(at + change.length));
    case 'swap': {
      const other = change.with % bytes.length;
      const piece = upTo(change.length).slice();
      bytes.copyWithin(at, other, Math.min(other + piece.length, bytes.length));
      bytes.set(piece.subarray(0, bytes.length - other), other);
      return bytes;
    }
    case 'splice': {
      const source = sources[change.source % sources.length]!;
      return joinBytes(bytes.subarray(0, at), source.subarray(change.from % (source.length + 1)));
    }
  }
}

const insert = (bytes: Uint8Array, at: number, piece: Uint8Array) =>
  joinBytes(bytes.subarray(0, at), piece, bytes.subarray(at));

/** A change to a JSON value: of the so-many-th value in it, modulo their number. */
export type JsonChange =
  | { kind: 'replace'; at: number; by: number }
  | { kind: 'delete' | 'wrap' | 'double'; at: number }
  | { kind: 'add' | 'rename'; at: number; key: string }
  | { kind: 'scale'; at: number; factor: number };

/** JSON of values that nobody expects, among them objects that do not become text; {@link JsonChange} names them by place. */
const STRANGE: readonly string[] = [
  'null', 'true', 'false', '-1', '0', '-0', '0.5', '1', '3', '7', '255', '1e5', '1e9', '2147483648', '4294967295',
  '9007199254740992', '1e308', '-1e308', '5e-324', '1e999', '-1e999',
  '""', '"x"', '"../"', '"\\u0000"', '"__proto__"', '"constructor"', '"NaN"', '"1"', '"é\\u202e\\ud800"',
  `"${'x'.repeat(1e4)}"`, '[]', '[[]]', '{}', '[null]', '[0]', '[2147483648,2147483648]', `[${'0,'.repeat(1e4)}0]`,
  `${'['.repeat(2e3)}${']'.repeat(2e3)}`, `${'{"a":'.repeat(2e3)}1${'}'.repeat(2e3)}`,
  '{"toString":null,"valueOf":null}', '{"toString":1}', '{"toJSON":1}', '{"__proto__":{"x":1}}', '{"constructor":null}',
  '{"constructor":{"name":{"toString":1}}}', '{"length":-1}', '{"length":1e9}', '{"windows":{"length":1}}',
]; // prettier-ignore

const KEYS = [
  '__proto__',
  'constructor',
  'toString',
  'length',
  '',
  'version',
  'windows',
  'x',
  '0',
  '__metadata__',
  '\u202e',
];

/** Lists of changes to JSON values. */
export function jsonChanges(): fc.Arbitrary<JsonChange[]> {
  const at = fc.nat(0xffff);
  return fc.array(
    fc.oneof(
      fc.record({ kind: fc.constant('replace' as const), at, by: fc.nat(STRANGE.length - 1) }),
      fc.record({ kind: fc.constantFrom('delete' as const, 'wrap' as const, 'double' as const), at }),
      fc.record({
        kind: fc.constantFrom('add' as const, 'rename' as const),
        at,
        key: fc.constantFrom(...KEYS),
      }),
      fc.record({
        kind: fc.constant('scale' as const),
        at,
        factor: fc.constantFrom(-1, 0.5, 2, 10, 1000, 1e6, 2 ** 31),
      }),
    ),
    { minLength: 1, maxLength: 3 },
  );
}

/** A copy of the value with the changes made. */
export function changeJson(value: unknown, changes: readonly JsonChange[]): unknown {
  const holder = { root: structuredClone(value) };
  for (const change of changes) {
    const places = placesIn(holder);
    if (places.length === 0) break;
    const { parent, key } = places[change.at % places.length]!;
    const old = parent[key];
    switch (change.kind) {
      case 'replace':
        parent[key] = JSON.parse(STRANGE[change.by]!);
        break;
      case 'delete':
        if (Array.isArray(parent)) parent.splice(Number(key), 1);
        else Reflect.deleteProperty(parent, key);
        break;
      case 'wrap':
        parent[key] = [old];
        break;
      case 'double':
        if (Array.isArray(parent)) parent.push(old);
        else parent[`${key}2`] = old;
        break;
      case 'add':
        if (typeof old === 'object' && old !== null) own(old as Parent, change.key, 1);
        break;
      case 'rename':
        if (Array.isArray(parent)) parent.splice(Number(key), 1);
        else Reflect.deleteProperty(parent, key);
        own(parent, change.key, old);
        break;
      case 'scale':
        if (typeof old === 'number') parent[key] = old * change.factor;
        break;
    }
  }
  return holder.root;
}

type Parent = Record<string, unknown>;

/** As `JSON.parse` does: also `__proto__` becomes a property like any other. */
function own(parent: Parent, key: string, value: unknown): void {
  if (Array.isArray(parent)) parent.push(value);
  else Object.defineProperty(parent, key, { value, enumerable: true, configurable: true, writable: true });
}

/** Every place that holds a value; not those inside what was put in to be deep or long. */
function placesIn(holder: Parent): { parent: Parent; key: string }[] {
  const places: { parent: Parent; key: string }[] = [];
  const walk = (parent: Parent, depth: number) => {
    const keys = Object.keys(parent);
    if (depth > 12 || keys.length > 2000) return;
    for (const key of keys) {
      places.push({ parent, key });
      const value = parent[key];
      if (typeof value === 'object' && value !== null) walk(value as Parent, depth + 1);
    }
  };
  walk(holder, 0);
  return places;
}

/** One of the named sources, with changes: what a failure prints. */
export function mutantsOf<C>(names: readonly string[], changes: fc.Arbitrary<C[]>) {
  return fc.record({ source: fc.constantFrom(...names), changes });
}
