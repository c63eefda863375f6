// dcmjs ships no types; what is used of it is typed in write_object.ts.

declare module 'dcmjs' {
  export const data: unknown;
  const all: { data: unknown };
  export default all;
}
