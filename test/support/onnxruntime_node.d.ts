/** The version that installs from npm alone brings no types; its API is that of onnxruntime-web. */
declare module 'onnxruntime-node' {
  export { InferenceSession, Tensor } from 'onnxruntime-web/wasm';
}
