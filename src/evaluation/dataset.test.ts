import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { zipArchive } from '../../tests/fixtures/zip-archive.ts';
import { readDataset } from './dataset.ts';
import { zipFiles } from './zip.ts';

const tables = [
  {
    db_id: 'pets',
    table_names_original: ['pet'],
    column_names_original: [
      [-1, '*'],
      [0, 'name'],
    ],
    foreign_keys: [],
  },
];
const spider = {
  'spider_data/dev.json': JSON.stringify([{ db_id: 'pets', question: 'How many pets?', query: 'SELECT count(*) FROM pet', sql: {} }]),
  'spider_data/tables.json': JSON.stringify(tables),
  'spider_data/database/pets/pets.sqlite': 'the database '.repeat(50),
  'spider_data/database/pets/schema.sql': '',
  '__MACOSX/spider_data/._dev.json': 'x',
};
const read = async (files: Record<string, string>) => {
  const archive = await zipFiles(new Blob([zipArchive(files)]));
  if (!archive.ok) throw new Error(archive.error.message);
  return readDataset(archive.value);
};

describe('an archive as published', () => {
  test('of Spider', async () => {
    const dataset = await read(spider);
    if (!dataset.ok) throw new Error(dataset.error.message);
    expect(dataset.value.kind).toBe('spider');
    expect(dataset.value.examples).toEqual([
      { id: 'dev-0', index: 0, databaseId: 'pets', question: 'How many pets?', query: 'SELECT count(*) FROM pet' },
    ]);
    expect([...dataset.value.databaseIds]).toEqual(['pets']);
    expect(dataset.value.tables.get('pets')?.table_names_original).toEqual(['pet']);
    expect(new TextDecoder().decode(await dataset.value.readDatabase('pets'))).toBe('the database '.repeat(50));
    expect(await dataset.value.readDatabase('cars')).toBeUndefined();
  });

  test('of BIRD, with its evidence and difficulty', async () => {
    const dataset = await read({
      'dev_20240627/dev.json': JSON.stringify([
        { question_id: 7, db_id: 'pets', question: 'How many old pets?', evidence: 'old = age > 9', SQL: 'SELECT 1', difficulty: 'simple' },
      ]),
      'dev_20240627/dev_tables.json': JSON.stringify(tables),
      'dev_20240627/dev_databases/pets/pets.sqlite': 'x',
    });
    if (!dataset.ok) throw new Error(dataset.error.message);
    expect(dataset.value.kind).toBe('bird');
    expect(dataset.value.examples[0]).toMatchObject({ evidence: 'old = age > 9', difficulty: 'simple', query: 'SELECT 1' });
    expect([...dataset.value.databaseIds]).toEqual(['pets']);
  });

  test('that is none: a sentence', async () => {
    const { 'spider_data/dev.json': _, ...without } = spider;
    expect(await read(without)).toMatchObject({ ok: false, error: { message: 'There is no dev.json in it.' } });
    expect(await read({ ...spider, 'spider_data/dev.json': '[{"a": 1}]' })).toMatchObject({ ok: false });
    expect(await read({ ...spider, 'spider_data/dev.json': '[{' })).toMatchObject({ ok: false });
  });

  test('that is spoiled: a sentence, or a rejection for the one file', async () => {
    const whole = zipArchive(spider);
    for (const bytes of [whole.slice(0, whole.length - 30), new Uint8Array(0), whole.slice(100)]) {
      const archive = await zipFiles(new Blob([bytes]));
      if (archive.ok) await expect(archive.value.read('spider_data/dev.json')).rejects.toThrow();
      else expect(archive.error.message).toMatch(/^The archive is damaged: /);
    }
    const flipped = whole.slice();
    flipped.fill(0xff, 60, 90);
    const archive = await zipFiles(new Blob([flipped]));
    expect(archive.ok).toBe(true);
    expect(await readDataset(archive.ok ? archive.value : { paths: [], read: () => Promise.reject(new Error()) })).toMatchObject({
      ok: false,
    });
  });
});

test('a file that unpacks to more than the archive says is given up, and so is one that says too much', async () => {
  const bytes = zipArchive({ 'dev.json': 'x'.repeat(100_000) });
  const directory = new DataView(bytes.buffer, bytes.byteOffset);
  const entry = Array.from(bytes.keys()).find((at) => at + 4 <= bytes.length && directory.getUint32(at, true) === 0x02014b50) ?? -1;
  for (const [size, words] of [
    [10, 'more than the 10 bytes'],
    [200_000, '100000 bytes instead of 200000'],
    [2 ** 31, 'more than can be read here'],
  ] as const) {
    directory.setUint32(entry + 24, size, true);
    const archive = await zipFiles(new Blob([bytes]));
    await expect(archive.ok && archive.value.read('dev.json')).rejects.toThrow(words);
  }
});

test('BIRD’s published questions are read', async () => {
  for (const [file, count] of [
    ['dev.json', 1534],
    ['mini_dev_sqlite.json', 500],
  ] as const) {
    const dataset = await readDataset({ paths: [file], read: () => readFile(path.resolve('../shared/bird', file)) });
    expect(dataset).toMatchObject({ ok: true, value: { kind: 'bird' } });
    expect(dataset.ok && dataset.value.examples.length).toBe(count);
    expect(dataset.ok && dataset.value.examples.filter((example) => example.evidence !== '').length).toBeGreaterThan(count / 2);
  }
});
