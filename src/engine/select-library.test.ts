import { describe, expect, it } from 'vitest';
import { checkLimits, isSoftwareAdapter, selectLibrary, type AdapterDescription } from './select-library.ts';
import type { ModelLibrary } from './model-card.ts';

const card: AdapterDescription = {
  vendor: 'nvidia',
  architecture: 'ampere',
  description: '',
  isFallback: false,
  features: [],
  limits: {
    maxComputeWorkgroupStorageSize: 49152,
    maxStorageBuffersPerShaderStage: 16,
    maxBufferSize: 2 ** 31,
    maxStorageBufferBindingSize: 2 ** 30,
    maxComputeInvocationsPerWorkgroup: 1024,
  },
};
const f32: ModelLibrary = { file: 'm-webgpu-f32.wasm', computeType: 'f32', schedule: 'gpu' };
const f16: ModelLibrary = { file: 'm-webgpu-f16.wasm', computeType: 'f16', schedule: 'gpu' };
const flat: ModelLibrary = { file: 'm-webgpu-f32-flat.wasm', computeType: 'f32', schedule: 'barrier-free' };
const all = [flat, f32, f16];

function chosen(adapter: AdapterDescription, libraries = all): string {
  const result = selectLibrary(adapter, libraries);
  return result.ok ? result.value.file : result.error.code;
}

describe('selectLibrary', () => {
  it('computes in 16 bits where the card can', () => {
    expect(chosen({ ...card, features: ['shader-f16'] })).toBe(f16.file);
    expect(chosen(card)).toBe(f32.file);
  });

  it.each([
    ['by its own word', { isFallback: true }],
    ['SwiftShader', { vendor: 'google', architecture: 'swiftshader' }],
    ['llvmpipe', { vendor: 'mesa', description: 'llvmpipe (LLVM 15.0.6, 256 bits)' }],
    ['lavapipe', { vendor: 'mesa', architecture: 'lavapipe' }],
    ['WARP', { vendor: 'microsoft', description: 'Microsoft Basic Render Driver' }],
  ])('takes the barrier-free library on a software adapter: %s', (_name, part) => {
    expect(chosen({ ...card, ...part, features: ['shader-f16'] })).toBe(flat.file);
  });

  it('does not take a card for software because of a word in its name', () => {
    expect(isSoftwareAdapter({ ...card, description: 'Warpdrive 9000' })).toBe(false);
  });

  it('runs what there is if the best library is not there', () => {
    expect(chosen({ ...card, isFallback: true }, [f32])).toBe(f32.file);
    expect(chosen({ ...card, features: ['shader-f16'] }, [flat])).toBe(flat.file);
  });

  it('never gives a 16-bit library to a card without shader-f16', () => {
    const result = selectLibrary(card, [f16]);
    expect(result).toMatchObject({ ok: false, error: { code: 'device-limits' } });
    if (!result.ok) expect(result.error.message).toContain('shader-f16');
  });

  it.each(Object.keys(card.limits) as (keyof typeof card.limits)[])('names the limit that falls short: %s', (name) => {
    const result = checkLimits({ ...card, limits: { ...card.limits, [name]: 4 } });
    expect(result).toMatchObject({ ok: false, error: { code: 'device-limits', detail: name } });
    expect(chosen({ ...card, limits: { ...card.limits, [name]: 4 } })).toBe('device-limits');
  });

  it('accepts exactly the least limits', () => {
    const least = {
      maxComputeWorkgroupStorageSize: 32768,
      maxStorageBuffersPerShaderStage: 10,
      maxBufferSize: 2 ** 28,
      maxStorageBufferBindingSize: 2 ** 27,
      maxComputeInvocationsPerWorkgroup: 256,
    };
    expect(checkLimits({ ...card, limits: least }).ok).toBe(true);
  });
});
