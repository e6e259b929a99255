import { failure, success, type Result } from '../result.ts';

/** The files of a folder or an archive, read one by one. */
export interface Files {
  /** With `/` between folders. */
  readonly paths: readonly string[];
  /** The whole content; rejects where it cannot be read. @param path one of `paths` */
  read(path: string): Promise<Uint8Array>;
}

export interface FilesError {
  readonly message: string;
  readonly nextStep: string;
}

const END = 0x06054b50;
const ENTRY = 0x02014b50;
const LOCAL = 0x04034b50;
/** No database or list of a benchmark is nearly as large; a small archive can hold files without end. */
const MOST_UNPACKED = 1 << 30;
/** The end record and the longest comment that may follow it. */
const TAIL = 22 + 0xffff;

interface Entry {
  readonly path: string;
  readonly method: number;
  readonly size: number;
  readonly packed: number;
  readonly at: number;
}

/**
 * The files of a ZIP archive (PKWARE APPNOTE 6.3), stored or deflated, without reading more of it than its directory: an archive of hundreds of megabytes is
 * opened at once. Archives of 4 GiB and more (ZIP64) and encrypted ones are refused.
 */
export async function zipFiles(archive: Blob): Promise<Result<Files, FilesError>> {
  const entries = await readDirectory(archive);
  if (!entries.ok) return entries;
  const byPath = new Map(entries.value.map((entry) => [entry.path, entry]));
  return success({
    paths: [...byPath.keys()],
    async read(path) {
      const entry = byPath.get(path);
      if (entry === undefined) throw new Error(`${path} is not in the archive`);
      return readEntry(archive, entry);
    },
  });
}

async function readDirectory(archive: Blob): Promise<Result<Entry[], FilesError>> {
  const tail = await bytesOf(archive, Math.max(0, archive.size - TAIL), archive.size);
  let end = tail.byteLength - 22;
  while (end >= 0 && tail.getUint32(end, true) !== END) end -= 1;
  if (end < 0) return failure(spoiled('it does not end as an archive does'));
  const [count, size, at] = [tail.getUint16(end + 10, true), tail.getUint32(end + 12, true), tail.getUint32(end + 16, true)];
  if (count === 0xffff || at === 0xffffffff) {
    return failure({ message: 'The archive is larger than can be read here (ZIP64).', nextStep: 'Unpack it and give the folder.' });
  }
  if (at + size > archive.size) return failure(spoiled('its list of files is cut off'));
  const directory = await bytesOf(archive, at, at + size);
  const entries: Entry[] = [];
  for (let offset = 0; entries.length < count;) {
    if (offset + 46 > directory.byteLength || directory.getUint32(offset, true) !== ENTRY)
      return failure(spoiled('its list of files is damaged'));
    const [nameLength, extra, comment] = [28, 30, 32].map((field) => directory.getUint16(offset + field, true)) as [number, number, number];
    if ((directory.getUint16(offset + 8, true) & 1) === 1) {
      return failure({ message: 'The archive is encrypted.', nextStep: 'Unpack it with its password and give the folder.' });
    }
    const name = new Uint8Array(directory.buffer, directory.byteOffset + offset + 46, nameLength);
    entries.push({
      path: new TextDecoder().decode(name),
      method: directory.getUint16(offset + 10, true),
      packed: directory.getUint32(offset + 20, true),
      size: directory.getUint32(offset + 24, true),
      at: directory.getUint32(offset + 42, true),
    });
    offset += 46 + nameLength + extra + comment;
  }
  return success(entries.filter((entry) => !entry.path.endsWith('/')));
}

async function readEntry(archive: Blob, { path, method, size, packed, at }: Entry): Promise<Uint8Array> {
  const head = await bytesOf(archive, at, at + 30);
  if (head.getUint32(0, true) !== LOCAL) throw new Error(`${path} is damaged in the archive`);
  const start = at + 30 + head.getUint16(26, true) + head.getUint16(28, true);
  const content = archive.slice(start, start + packed);
  if (method !== 0 && method !== 8) throw new Error(`${path} is packed in a way that cannot be read here (method ${String(method)})`);
  const stream = method === 0 ? content.stream() : content.stream().pipeThrough(new DecompressionStream('deflate-raw'));
  if (size > MOST_UNPACKED) throw new Error(`${path} unpacks to ${String(size)} bytes, more than can be read here`);
  const bytes = new Uint8Array(size);
  let length = 0;
  // Counted while it is unpacked: what an archive says of a file's size need not be true.
  const reader = stream.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    if (length + next.value.length > size) {
      await reader.cancel();
      throw new Error(`${path} is damaged in the archive: more than the ${String(size)} bytes that it should have`);
    }
    bytes.set(next.value, length);
    length += next.value.length;
  }
  if (length !== size) throw new Error(`${path} is damaged in the archive: ${String(length)} bytes instead of ${String(size)}`);
  return bytes;
}

async function bytesOf(archive: Blob, start: number, end: number): Promise<DataView> {
  return new DataView(await archive.slice(start, end).arrayBuffer());
}

function spoiled(why: string): FilesError {
  return { message: `The archive is damaged: ${why}.`, nextStep: 'Download it again, or unpack it and give the folder.' };
}
