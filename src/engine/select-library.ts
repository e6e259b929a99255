import { failure, success, type Result } from '../result.ts';
import type { ModelLibrary } from './model-card.ts';
import { engineError } from './engine-errors.ts';
import type { EngineError } from './engine.ts';

/** What is asked of a graphics adapter before anything is fetched. Plain data, so that the choice is a pure function. */
export interface AdapterDescription {
  readonly vendor: string;
  readonly architecture: string;
  readonly description: string;
  /** The browser's own word that this adapter computes in software. */
  readonly isFallback: boolean;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<LimitName, number>>;
}

/**
 * The least that WebLLM 0.2.86 asks of a device (its detectGPUDevice), and why. Buffers: it asks for 1 GiB and falls back to
 * these.
 */
const REQUIRED_LIMITS = {
  maxComputeWorkgroupStorageSize: 32 * 1024,
  maxStorageBuffersPerShaderStage: 10,
  maxBufferSize: 256 * 1024 * 1024,
  maxStorageBufferBindingSize: 128 * 1024 * 1024,
  maxComputeInvocationsPerWorkgroup: 256,
} as const;

export type LimitName = keyof typeof REQUIRED_LIMITS;

const LIMIT_WORDS: Record<LimitName, string> = {
  maxComputeWorkgroupStorageSize: 'shared memory of a workgroup, in bytes',
  maxStorageBuffersPerShaderStage: 'buffers that one shader can read',
  maxBufferSize: 'size of one buffer, in bytes',
  maxStorageBufferBindingSize: 'part of a buffer that a shader can see, in bytes',
  maxComputeInvocationsPerWorkgroup: 'threads in a workgroup',
};

/** Software rasterizers by the words that they call themselves: Chromium's SwiftShader, Mesa's llvmpipe and lavapipe, Windows' WARP. */
const SOFTWARE_NAMES = /swiftshader|llvmpipe|lavapipe|softpipe|microsoft basic render|\bwarp\b/i;

/** Whether an adapter computes on the processor, by its own word or by its name. */
export function isSoftwareAdapter(adapter: AdapterDescription): boolean {
  return adapter.isFallback || SOFTWARE_NAMES.test(`${adapter.vendor} ${adapter.architecture} ${adapter.description}`);
}

/** Checks an adapter against what the runtime will ask for; returns `device-limits` naming the first limit that falls short. */
export function checkLimits(adapter: AdapterDescription): Result<void, EngineError> {
  for (const name of Object.keys(REQUIRED_LIMITS) as LimitName[]) {
    const found = adapter.limits[name];
    if (found >= REQUIRED_LIMITS[name]) continue;
    return failure(
      engineError('device-limits', {
        message: `This graphics card cannot run the model: ${LIMIT_WORDS[name]}: it has ${found}, the model needs ${REQUIRED_LIMITS[name]}.`,
        nextStep: 'Update the browser and the graphics driver, or use another device. Databases and the SQL editor work here as well.',
        detail: name,
      }),
    );
  }
  return success(undefined);
}

/**
 * The largest buffer that WebLLM 0.2.86 gets on an adapter, in bytes: it asks for 1 GiB, and where that is too much for the least that
 * WebGPU promises, however much lies between (its detectGPUDevice).
 */
export function usableBufferBytes({ limits }: AdapterDescription): number {
  const wanted = 1024 * 1024 * 1024;
  const buffer = limits.maxBufferSize >= wanted ? wanted : REQUIRED_LIMITS.maxBufferSize;
  const binding = limits.maxStorageBufferBindingSize >= wanted ? wanted : REQUIRED_LIMITS.maxStorageBufferBindingSize;
  return Math.min(buffer, binding);
}

/**
 * Picks the compiled library that suits an adapter: on software the one without workgroup barriers (7 times the prefill, 22
 * times the decode of the other), on a graphics card with shader-f16 the one that computes in 16 bits, else in 32 bits.
 *
 * @returns the library, or `device-limits`
 */
export function selectLibrary(adapter: AdapterDescription, libraries: readonly ModelLibrary[]): Result<ModelLibrary, EngineError> {
  const limits = checkLimits(adapter);
  if (!limits.ok) return limits;
  const f16 = adapter.features.includes('shader-f16');
  const usable = libraries.filter((library) => library.computeType === 'f32' || f16);
  const schedule = isSoftwareAdapter(adapter) ? 'barrier-free' : 'gpu';
  // Emulated 16-bit arithmetic is slower than 32-bit on a processor.
  const computeTypes = schedule === 'gpu' ? (['f16', 'f32'] as const) : (['f32', 'f16'] as const);
  for (const wantedSchedule of [schedule, schedule === 'gpu' ? 'barrier-free' : 'gpu'] as const) {
    for (const computeType of computeTypes) {
      const match = usable.find((library) => library.computeType === computeType && library.schedule === wantedSchedule);
      if (match) return success(match);
    }
  }
  return failure(
    engineError('device-limits', {
      message: 'This model needs 16-bit shader arithmetic (shader-f16), which this graphics card does not offer.',
      nextStep: 'Choose a model that computes in 32 bits.',
      detail: libraries.map((library) => library.file).join(', '),
    }),
  );
}

/** Reads what is needed off a real adapter. */
export function describeAdapter(adapter: GPUAdapter): AdapterDescription {
  const { info, limits } = adapter;
  return {
    vendor: info.vendor,
    architecture: info.architecture,
    description: info.description,
    isFallback: info.isFallbackAdapter,
    features: [...adapter.features],
    limits: {
      maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
      maxStorageBuffersPerShaderStage: limits.maxStorageBuffersPerShaderStage,
      maxBufferSize: limits.maxBufferSize,
      maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
      maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
    },
  };
}
