import { describe, expect, it } from 'vitest';
import { detectSupport } from './device-support.ts';

const page = { gpu: undefined, isSecureContext: true, origin: 'https://example.org' };

describe('detectSupport', () => {
  it('says which browsers have WebGPU where there is none', async () => {
    const support = await detectSupport(page);
    expect(support).toMatchObject({ ok: false, error: { code: 'no-webgpu' } });
    if (!support.ok) expect(support.error.nextStep).toMatch(/Chrome.*Safari.*Firefox/);
  });

  it('names the unencrypted address as the reason', async () => {
    const support = await detectSupport({ ...page, isSecureContext: false, origin: 'http://192.168.1.20' });
    expect(support).toMatchObject({ ok: false, error: { code: 'no-webgpu' } });
    if (!support.ok) {
      expect(support.error.message).toContain('http://192.168.1.20');
      expect(support.error.nextStep).toContain('https://');
    }
  });

  it('tells a missing adapter from a missing WebGPU', async () => {
    const none = { requestAdapter: () => Promise.resolve(null) };
    expect(await detectSupport({ ...page, gpu: none })).toMatchObject({ ok: false, error: { code: 'no-adapter' } });
    const refusing = { requestAdapter: () => Promise.reject(new Error('blocked after three losses')) };
    expect(await detectSupport({ ...page, gpu: refusing })).toMatchObject({
      ok: false,
      error: { code: 'no-adapter', detail: 'Error: blocked after three losses' },
    });
  });
});
