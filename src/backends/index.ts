/**
 * Backends in a page.
 *
 * @module backends
 */

export { prepareWasmBackend, type WasmPreparation } from './prepare_wasm_backend';
export { useBrowserBackend, type BrowserBackend, type BrowserBackendName } from './use_browser_backend';
