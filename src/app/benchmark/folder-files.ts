import type { Files } from '../../evaluation/zip.ts';
import { isFile, isFolder, listFolder, readEntry } from '../list-folder.ts';

/** The files of a folder that was chosen with `<input webkitdirectory>`, read when they are asked for. */
export function chosenFolder(files: readonly File[]): Files {
  const byPath = new Map(files.map((file) => [file.webkitRelativePath || file.name, file]));
  return {
    paths: [...byPath.keys()],
    async read(path) {
      const file = byPath.get(path);
      if (file === undefined) throw new Error(`${path} is not in the folder`);
      return new Uint8Array(await file.arrayBuffer());
    },
  };
}

/** The files below what was dropped, folders and files alike. Rejects where the browser cannot list a folder. */
export async function droppedFolder(dropped: readonly FileSystemEntry[]): Promise<Files> {
  const byPath = new Map<string, FileSystemFileEntry>();
  const pending = [...dropped];
  for (let entry = pending.pop(); entry !== undefined; entry = pending.pop()) {
    if (isFile(entry)) byPath.set(entry.fullPath.replace(/^\//, ''), entry);
    else if (isFolder(entry)) pending.push(...(await listFolder(entry)));
  }
  return {
    paths: [...byPath.keys()],
    async read(path) {
      const entry = byPath.get(path);
      if (entry === undefined) throw new Error(`${path} is not in the folder`);
      const file = await readEntry(entry);
      return new Uint8Array(await file.arrayBuffer());
    },
  };
}
