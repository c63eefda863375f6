import { compileKernels, instantiateKernels } from './compiled';
import { base, fma } from '../generated/host_kernels';
import { hostModule, type HostModule } from './host_module';
import type { WasmBackend } from './kernel_support';
import { sharedWorkspace } from './thread_team';
import { HostWorkspace, type Workspace } from './workspace';

/**
 * The compiled kernels on the heap of the host's backend, for work on one thread.
 *
 * @returns Undefined where the engine does not take them or the host's heap cannot be reached.
 */
export function hostWorkspace(backend: unknown): HostWorkspace | undefined {
  const host = hostModule(backend);
  if (host === undefined) return undefined;
  let workspace = workspaces.get(host);
  if (workspace === undefined) {
    module ??= { compiled: compileKernels({ base, fma }) };
    const { compiled } = module;
    if (compiled === undefined) return undefined;
    workspace = new HostWorkspace(instantiateKernels(compiled, host.asm.memory), host);
    workspaces.set(host, workspace);
  }
  return workspace;
}

/** Where convolutions are computed: on the team's threads if there is one, else on the host's heap. */
export function convolutionWorkspace(backend: WasmBackend): Workspace | undefined {
  return sharedWorkspace() ?? hostWorkspace(backend);
}

const workspaces = new WeakMap<HostModule, HostWorkspace>();
let module: { compiled: WebAssembly.Module | undefined } | undefined;
