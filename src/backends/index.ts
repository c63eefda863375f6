/**
 * Backends in the browser.
 *
 * @module backends
 */

export { prepareWasmBackend } from './prepare_wasm_backend';
export { useBrowserBackend } from './use_browser_backend';
