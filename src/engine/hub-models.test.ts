import { prebuiltAppConfig } from '@mlc-ai/web-llm';
import { expect, it } from 'vitest';
import { hubEntries } from './hub-models.ts';

it('is what WebLLM’s own list says of the Qwen2.5-Coder Instruct models', async () => {
  const rows = prebuiltAppConfig.model_list.filter((record) => record.model_id.startsWith('Qwen2.5-Coder-'));
  expect(rows.length).toBeGreaterThan(0);
  const entries = await hubEntries();
  expect(
    entries.map(({ id, url, libraryUrl, memoryBytes, contextWindow }) => ({ id, url, libraryUrl, memoryBytes, contextWindow })),
  ).toEqual(
    rows.map((record) => ({
      id: record.model_id,
      url: `${record.model}/resolve/main/`,
      libraryUrl: record.model_lib,
      memoryBytes: (record.vram_required_MB ?? 0) * 1e6,
      contextWindow: record.overrides?.context_window_size,
    })),
  );
});

it('knows the weights’ size to the byte where the hub’s tensor-cache.json has been seen', async () => {
  const entries = await hubEntries();
  const size = (id: string) => (entries.find((entry) => entry.id === id)?.sizeBytes ?? 0) - 12_000_000;
  expect(size('Qwen2.5-Coder-1.5B-Instruct-q4f16_1-MLC')).toBe(868_547_584);
  // its 311 tensors begin with the embedding: 151,936 rows of 192 uint32
  expect(entries.find((entry) => entry.id === 'Qwen2.5-Coder-1.5B-Instruct-q4f16_1-MLC')?.largestBufferBytes).toBe(116_686_848);
});

it('claims neither hashes nor accuracy, and names the one licence that is not free', async () => {
  const entries = await hubEntries();
  for (const entry of entries) {
    expect(entry).toMatchObject({ origin: 'hub', files: {}, measuredAccuracy: null, promptStyle: 'create-table' });
    expect(entry.licence.includes('not for commercial use'), entry.id).toBe(entry.id.includes('-3B-'));
  }
  expect(new Set(entries.map((entry) => entry.cardSha256)).size).toBe(entries.length);
});
