import { base, fma } from '../generated/host_kernels';
import { compileKernels, instantiateKernels, type KernelBinaries } from './compiled';
import { hostModule, type HostModule } from './host_module';
import { isShared } from './shared_heap';
import { Workspace } from './workspace';

/**
 * The compiled kernels on the heap of the host's backend.
 *
 * @returns Undefined if the engine does not support them, the host's heap is not accessible, or it is shared and
 *   {@link loadSharedKernels} was not called.
 */
export function hostWorkspace(backend: unknown): Workspace | undefined {
  const host = hostModule(backend);
  if (host === undefined) return undefined;
  let workspace = workspaces.get(host);
  if (workspace === undefined) {
    const module = isShared(host) ? modules.shared : (modules.own ??= compileKernels({ base, fma }));
    if (module === undefined) return undefined;
    workspace = new Workspace(module, instantiateKernels(module, host.asm.memory), host);
    workspaces.set(host, workspace);
  }
  return workspace;
}

/** Loads the kernels for a heap that threads share. */
export async function loadSharedKernels(): Promise<void> {
  const binaries: KernelBinaries = await import('../generated/shared_kernels');
  modules.shared ??= compileKernels(binaries);
}

const workspaces = new WeakMap<HostModule, Workspace>();
/** Kernels for an unshared heap, and for a shared one. */
const modules: { own?: WebAssembly.Module | undefined; shared?: WebAssembly.Module | undefined } = {};
