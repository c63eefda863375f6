// The codecs have no types; the parts used here are typed in wasm_decoder.ts and codestream.ts.

declare module '@cornerstonejs/codec-charls/decodewasmjs' {
  const factory: unknown;
  export default factory;
}

declare module '@cornerstonejs/codec-charls/decode' {
  const factory: unknown;
  export default factory;
}

declare module '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs' {
  const factory: unknown;
  export default factory;
}

declare module '@cornerstonejs/codec-libjpeg-turbo-8bit/decode' {
  const factory: unknown;
  export default factory;
}

declare module '@cornerstonejs/codec-openjpeg/decodewasmjs' {
  const factory: unknown;
  export default factory;
}

declare module '@cornerstonejs/codec-openjpeg/decode' {
  const factory: unknown;
  export default factory;
}

declare module 'jpeg-lossless-decoder-js' {
  export class Decoder {
    /** The decoder's position in the codestream. */
    readonly stream: { readonly index: number } | null;
    /** The last of the predictors, which can be replaced. */
    select7: (component?: number) => number;
    getPreviousX(component?: number): number;
    getPreviousY(component?: number): number;
    decode(buffer: ArrayBuffer, offset: number, length: number): Uint8Array | Uint16Array | null;
  }
}
