import { failure, success, type Result } from '../result.ts';
import { engineError } from './engine-errors.ts';
import type { EngineError } from './engine.ts';
import { checkLimits, describeAdapter, isSoftwareAdapter, type AdapterDescription } from './select-library.ts';

/** What this browser can do for a model. */
export interface DeviceSupport {
  readonly adapter: AdapterDescription;
  /** Computed on the processor: works, but slowly. The person should know before a download. */
  readonly software: boolean;
  /** The adapter's name as a person would know it; may be empty, browsers hide it. */
  readonly name: string;
}

/** The parts of the browser that are asked; an argument, so that a test can play a browser. */
export interface SupportEnvironment {
  readonly gpu: Pick<GPU, 'requestAdapter'> | undefined;
  readonly isSecureContext: boolean;
  readonly origin: string;
}

/**
 * Says whether a model can run here, before a byte is fetched.
 *
 * Errors: `no-webgpu` (the browser lacks it, or the page came over plain http, where browsers hide it), `no-adapter`,
 * `device-limits`.
 */
export async function detectSupport(environment: SupportEnvironment = thisBrowser()): Promise<Result<DeviceSupport, EngineError>> {
  if (!environment.gpu) {
    if (environment.isSecureContext) return failure(engineError('no-webgpu'));
    return failure(
      engineError('no-webgpu', {
        message: `This page was opened over an unencrypted address (${environment.origin}), where browsers switch WebGPU off.`,
        nextStep:
          'Open it by its https:// address, or by http://localhost on the machine that serves it. Databases and the SQL editor work here as well.',
      }),
    );
  }
  let adapter: GPUAdapter | null;
  try {
    adapter = await environment.gpu.requestAdapter({ powerPreference: 'high-performance' });
  } catch (error) {
    return failure(engineError('no-adapter', { detail: error }));
  }
  if (!adapter) return failure(engineError('no-adapter'));
  const description = describeAdapter(adapter);
  const limits = checkLimits(description);
  if (!limits.ok) return limits;
  return success({
    adapter: description,
    software: isSoftwareAdapter(description),
    name: description.description || [description.vendor, description.architecture].filter(Boolean).join(' '),
  });
}

function thisBrowser(): SupportEnvironment {
  // Typed as always there by @webgpu/types; it is not.
  const { gpu } = navigator as { gpu?: GPU };
  return { gpu, isSecureContext: globalThis.isSecureContext, origin: location.origin };
}
