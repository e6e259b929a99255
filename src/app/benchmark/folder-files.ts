import type { Files } from '../../evaluation/zip.ts';

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
      const file = await new Promise<File>((resolve, reject) => {
        entry.file(resolve, reject);
      });
      return new Uint8Array(await file.arrayBuffer());
    },
  };
}

function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile;
}

function isFolder(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}

/** A reader gives some hundred entries at a time, and none when it is at the end. */
async function listFolder(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => {
      reader.readEntries(resolve, reject);
    });
    if (some.length === 0) return all;
    all.push(...some);
  }
}
