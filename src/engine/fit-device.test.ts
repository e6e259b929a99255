import { describe, expect, it } from 'vitest';
import { success } from '../result.ts';
import { engineError } from './engine-errors.ts';
import { fitDevice, measureRoom, type DeviceRoom } from './fit-device.ts';
import { hubEntries } from './hub-models.ts';
import type { AdapterDescription } from './select-library.ts';

const GiB = 2 ** 30;
const adapter: AdapterDescription = {
  vendor: 'nvidia',
  architecture: 'ampere',
  description: '',
  isFallback: false,
  features: ['shader-f16'],
  limits: {
    maxComputeWorkgroupStorageSize: 49152,
    maxStorageBuffersPerShaderStage: 16,
    maxBufferSize: 2 * GiB,
    maxStorageBufferBindingSize: GiB,
    maxComputeInvocationsPerWorkgroup: 1024,
  },
};
const entries = await hubEntries();

function room(changes: Partial<DeviceRoom> = {}, part: Partial<AdapterDescription> = {}): DeviceRoom {
  const support = success({ adapter: { ...adapter, ...part }, software: false, name: '' });
  return { support, memoryBytes: undefined, freeBytes: undefined, ...changes };
}

/** The models that do not fit, with the words why. */
function refusals(device: DeviceRoom): Record<string, string> {
  return Object.fromEntries(
    entries.flatMap((entry) => {
      const fit = fitDevice(entry, device);
      return fit.ok ? [] : [[entry.id.slice('Qwen2.5-Coder-'.length, -'-MLC'.length).replace('-Instruct', ''), fit.error.message]];
    }),
  );
}

describe('fitDevice', () => {
  it('lets a large graphics card run everything', () => {
    expect(refusals(room({ freeBytes: 40e9 }))).toEqual({});
  });

  it('without shader-f16 refuses what computes in 16 bits, and says so', () => {
    const refused = refusals(room({}, { features: [] }));
    expect(Object.keys(refused)).toEqual(['0.5B-q4f16_1', '0.5B-q0f16', '1.5B-q4f16_1', '3B-q4f16_1', '7B-q4f16_1']);
    expect(refused['3B-q4f16_1']).toContain('shader-f16');
  });

  it('with the least limits of WebGPU refuses models with a larger tensor, also if the limits lie between', () => {
    const names = ['0.5B-q0f16', '0.5B-q0f32', '3B-q4f16_1', '3B-q4f32_1', '7B-q4f16_1', '7B-q4f32_1'];
    for (const size of [GiB / 8, GiB / 2]) {
      const refused = refusals(room({}, { limits: { ...adapter.limits, maxStorageBufferBindingSize: size } }));
      expect(Object.keys(refused)).toEqual(names);
      expect(refused['3B-q4f16_1']).toBe('This model needs a buffer of 156 MB; this graphics card gives 135 MB at most.');
    }
  });

  it('names memory and room that fall short, and counts what is stored already', () => {
    expect(refusals(room({ memoryBytes: 4 * GiB }))['7B-q4f16_1']).toBe(
      'This model needs about 5107 MB of memory; this device has 4295 MB in all.',
    );
    const small = entries[0];
    if (!small) throw new Error('no entries');
    expect(fitDevice(small, room({ freeBytes: 100e6 }))).toMatchObject({ ok: false, error: { code: 'storage-full' } });
    expect(fitDevice(small, room({ freeBytes: 100e6 }), 200e6)).toMatchObject({ ok: true });
  });

  it('lets a small model of ours run from memory where the browser has no room', () => {
    const [small] = entries;
    if (!small) throw new Error('no entries');
    expect(fitDevice({ ...small, origin: 'published' }, room({ freeBytes: 0 })).ok).toBe(true);
  });

  it('says why no model runs at all', () => {
    const support = { ok: false, error: engineError('no-webgpu') } as const;
    expect(Object.keys(refusals(room({ support })))).toHaveLength(entries.length);
  });
});

describe('measureRoom', () => {
  const { support } = room();

  it('takes the browser’s word for memory only below its ceiling', async () => {
    expect(await measureRoom(support, { deviceMemory: 4 })).toEqual({ support, memoryBytes: 4 * GiB, freeBytes: undefined });
    expect(await measureRoom(support, { deviceMemory: 8 })).toMatchObject({ memoryBytes: undefined });
  });

  it('asks for free room, and does without an answer', async () => {
    const estimate = () => Promise.resolve({ quota: 10, usage: 4 });
    expect(await measureRoom(support, { storage: { estimate } })).toMatchObject({ freeBytes: 6 });
    const refused = () => Promise.reject(new DOMException('no', 'SecurityError'));
    expect(await measureRoom(support, { storage: { estimate: refused } })).toMatchObject({ freeBytes: undefined });
  });
});
