import { engineError } from './engine-errors.ts';
import type { EngineError } from './engine.ts';

/**
 * Watches every GPU device that is created from now on in this realm. WebLLM 0.2.86 keeps its device to itself and, when the
 * device is lost after loading, tells nobody (it logs and unloads); so this must run before WebLLM asks for a device.
 *
 * @param onLost called with `device-lost`, `out-of-memory`, or `crashed` for an error that would make results wrong
 */
export function watchDevices(onLost: (error: EngineError) => void): void {
  const { prototype } = GPUAdapter;
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its adapter below
  const original = prototype.requestDevice;
  prototype.requestDevice = async function (this: GPUAdapter, descriptor?: GPUDeviceDescriptor) {
    const device = await original.call(this, descriptor);
    void device.lost.then((info) => onLost(engineError('device-lost', { detail: `${info.reason}: ${info.message}` })));
    device.addEventListener('uncapturederror', ({ error }) => {
      const code = error instanceof GPUOutOfMemoryError ? 'out-of-memory' : 'crashed';
      onLost(engineError(code, { detail: error.message }));
    });
    reportFailedBuffers(device, onLost);
    return device;
  };
}

/** WebLLM answers a buffer that could not be allocated by destroying the device: the reason would be lost without this scope of ours. */
function reportFailedBuffers(device: GPUDevice, onLost: (error: EngineError) => void): void {
  const createBuffer = device.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    device.pushErrorScope('out-of-memory');
    const buffer = createBuffer(descriptor);
    device.popErrorScope().then(
      (error) => {
        if (error) onLost(engineError('out-of-memory', { detail: error.message }));
      },
      // Only a lost device refuses to pop a scope, and that is reported above.
      () => undefined,
    );
    return buffer;
  };
}
