import { failure, type Result } from '../result.ts';
import type { DeviceSupport } from './device-support.ts';
import { engineError } from './engine-errors.ts';
import type { EngineError } from './engine.ts';
import { MEMORY_MODEL_BYTES, type CatalogueEntry, type ModelLibrary } from './model-card.ts';
import { megabytes } from './model-needs.ts';
import { selectLibrary, usableBufferBytes } from './select-library.ts';

/** What a device has for a model, as far as the browser says. Plain data. */
export interface DeviceRoom {
  readonly support: Result<DeviceSupport, EngineError>;
  /** Of the machine; undefined where the browser does not say, or only that it is a lot. */
  readonly memoryBytes: number | undefined;
  /** What the browser would still store; undefined where it does not say. */
  readonly freeBytes: number | undefined;
}

/** `navigator.deviceMemory` is cut off at 8 GiB by older browsers: that much means "8 or more". */
const MEMORY_CEILING_GIB = 8;

/**
 * Says whether a model can run here before a byte of it is fetched: features, limits, memory, room.
 *
 * @param storedBytes how much of it is already kept in this browser
 * @returns the library that would run; or, with a sentence, `no-webgpu`, `no-adapter`, `device-limits`, `out-of-memory`, `storage-full`
 */
export function fitDevice(entry: CatalogueEntry, room: DeviceRoom, storedBytes = 0): Result<ModelLibrary, EngineError> {
  if (!room.support.ok) return room.support;
  const { adapter } = room.support.value;
  const library = selectLibrary(adapter, entry.libraries);
  if (!library.ok) return library;
  const buffer = usableBufferBytes(adapter);
  if (entry.largestBufferBytes !== null && entry.largestBufferBytes > buffer) {
    return failure(
      engineError('device-limits', {
        message: `This model needs a buffer of ${megabytes(entry.largestBufferBytes)} MB; this graphics card gives ${megabytes(buffer)} MB at most.`,
      }),
    );
  }
  if (entry.memoryBytes !== null && room.memoryBytes !== undefined && entry.memoryBytes > room.memoryBytes) {
    return failure(
      engineError('out-of-memory', {
        message: `This model needs about ${megabytes(entry.memoryBytes)} MB of memory; this device has ${megabytes(room.memoryBytes)} MB in all.`,
        nextStep: 'Choose a smaller model.',
      }),
    );
  }
  const missing = Math.max(0, entry.sizeBytes - storedBytes);
  // A small one that the browser will not store runs from memory this once; a hub's is held to what is stored.
  const mustBeStored = entry.origin === 'hub' || entry.sizeBytes > MEMORY_MODEL_BYTES;
  if (mustBeStored && room.freeBytes !== undefined && room.freeBytes < missing) {
    return failure(
      engineError('storage-full', {
        message: `This model needs ${megabytes(missing)} MB of the browser’s storage; ${megabytes(room.freeBytes)} MB are free.`,
      }),
    );
  }
  return library;
}

/** The parts of the browser that are asked; an argument, so that a test can play a browser. */
export interface RoomEnvironment {
  readonly deviceMemory?: number;
  readonly storage?: Pick<StorageManager, 'estimate'>;
}

/** Asks the browser for memory and room. Never fails: what it does not say is undefined. */
export async function measureRoom(support: DeviceRoom['support'], environment: RoomEnvironment = navigator): Promise<DeviceRoom> {
  const { deviceMemory, storage } = environment;
  const estimate = await storage?.estimate().catch(() => undefined);
  return {
    support,
    memoryBytes: deviceMemory === undefined || deviceMemory >= MEMORY_CEILING_GIB ? undefined : deviceMemory * 2 ** 30,
    freeBytes: estimate?.quota === undefined ? undefined : Math.max(0, estimate.quota - (estimate.usage ?? 0)),
  };
}
