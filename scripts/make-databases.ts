import { mkdir, writeFile } from 'node:fs/promises';
import { buildDatabases } from './make-databases/build.ts';

// npm run make-databases: writes the sample databases anew.
const folder = new URL('../public/databases/', import.meta.url);
await mkdir(folder, { recursive: true });
for (const { name, bytes } of await buildDatabases()) {
  await writeFile(new URL(name, folder), bytes);
  console.log(`${name}: ${bytes.length.toLocaleString('en')} bytes`);
}
