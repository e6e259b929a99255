import type { ChosenFolder } from '../../engine/import-folder.ts';
import { isFile, isFolder, listFolder, readEntry } from '../list-folder.ts';

/**
 * A folder that was chosen: the files beside its first `model-card.json`, or at its top where there is no card. It may have other folders in
 * it, with files of the same names.
 */
export function chosenFolder(files: readonly File[]): ChosenFolder {
  const folderOf = ({ webkitRelativePath: path }: File): string => path.slice(0, path.lastIndexOf('/') + 1);
  const cards = files.filter(({ name }) => name === 'model-card.json');
  const folders = (cards.length > 0 ? cards : files).map(folderOf);
  const [folder = ''] = folders.sort((a, b) => a.length - b.length);
  return { name: folder.split('/').at(-2) ?? '', files: files.filter((file) => folderOf(file) === folder) };
}

/** What was dropped: a folder with the files in it, not those of folders in it; or single files, together. */
export async function droppedFolder(transfer: DataTransfer): Promise<ChosenFolder> {
  // Before any await: the list is emptied when the event is over.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry());
  const files = [...transfer.files];
  const folder = entries.find((entry) => entry !== null && isFolder(entry));
  return folder && isFolder(folder) ? { name: folder.name, files: await filesOf(folder) } : { name: '', files };
}

async function filesOf(folder: FileSystemDirectoryEntry): Promise<File[]> {
  const entries = await listFolder(folder);
  return Promise.all(entries.filter(isFile).map(readEntry));
}
