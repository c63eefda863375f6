// dcmjs has no types; the part used here is typed in write_object.ts.

declare module 'dcmjs' {
  export const data: unknown;
  const all: { data: unknown };
  export default all;
}
