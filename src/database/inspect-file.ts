import type { DatabaseError } from './database.ts';
import { databaseError } from './errors.ts';

/** 512 MiB: the file is held once in the page and once in the worker, and a tab may use some 1.5 GB. */
export const FILE_LIMIT_BYTES = 512 * 1024 * 1024;

const MAGIC = 'SQLite format 3\0';

/** What can be told from a file's bytes before SQLite sees it; undefined where nothing speaks against opening it. */
export function inspectFile(bytes: Uint8Array): DatabaseError | undefined {
  if (bytes.length === 0) return databaseError('empty-file');
  if (bytes.length > FILE_LIMIT_BYTES) return databaseError('too-large');
  if (hasMagic(bytes)) return undefined;
  if (looksEncrypted(bytes)) return databaseError('encrypted');
  const known = FORMATS.find(([start]) => start.every((byte, index) => bytes[index] === byte));
  if (!known) return databaseError('not-a-database');
  return databaseError('not-a-database', undefined, { message: `This file is not a SQLite database: it looks like ${known[1]}.` });
}

export function hasMagic(bytes: Uint8Array): boolean {
  for (let index = 0; index < MAGIC.length; index++) if (bytes[index] !== MAGIC.charCodeAt(index)) return false;
  return true;
}

/**
 * SQLCipher and its like encrypt whole pages, the first 16 bytes being a salt: a file of a multiple of 512 bytes without any
 * structure. Compressed files are as random, but begin with a signature and are seldom such a multiple.
 */
export function looksEncrypted(bytes: Uint8Array): boolean {
  if (bytes.length < 1024 || bytes.length % 512 !== 0) return false;
  if (FORMATS.some(([start]) => start.every((byte, index) => bytes[index] === byte))) return false;
  // Some keep SQLite's header readable: what follows the first 100 bytes is looked at as well.
  return [bytes.subarray(0, 4096), bytes.subarray(100, 4096 + 100)].some((sample) => entropyBits(sample) > entropyBar(sample.length));
}

/** Bits a byte, 0 to 8 (Shannon, over single bytes). */
function entropyBits(bytes: Uint8Array): number {
  const counts = new Uint32Array(256);
  for (const byte of bytes) counts[byte] = (counts[byte] ?? 0) + 1;
  let bits = 0;
  for (const count of counts) if (count > 0) bits -= (count / bytes.length) * Math.log2(count / bytes.length);
  return bits;
}

/** n random bytes measure some 8 - 255 / (2 n ln 2) bits (Miller's correction); the bar stands a fifth of a bit below. */
function entropyBar(length: number): number {
  return 8 - 255 / (2 * length * Math.LN2) - 0.2;
}

const FORMATS: readonly (readonly [start: readonly number[], name: string])[] = [
  [[0x50, 0x4b, 0x03, 0x04], 'a zip archive or an office document'],
  [[0x1f, 0x8b], 'a gzip archive'],
  [[0x37, 0x7a, 0xbc, 0xaf], 'a 7z archive'],
  [[0x28, 0xb5, 0x2f, 0xfd], 'a zstd archive'],
  [[0x25, 0x50, 0x44, 0x46], 'a PDF document'],
  [[0x89, 0x50, 0x4e, 0x47], 'a PNG image'],
  [[0xff, 0xd8, 0xff], 'a JPEG image'],
  [[0x50, 0x41, 0x52, 0x31], 'a Parquet file'],
  [[0x00, 0x01, 0x00, 0x00, 0x53, 0x74, 0x61, 0x6e], 'a Microsoft Access database'],
  [[0x3c, 0x21], 'a web page'],
  [[0x3c, 0x68, 0x74, 0x6d, 0x6c], 'a web page'],
];
