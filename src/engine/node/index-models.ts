/**
 * Writes `index.json`, the list of models that come with the app, from the model folders beside it:
 *
 *   npx tsx src/engine/node/index-models.ts public/models
 *
 * Pins the SHA-256 of each model-card.json, and refuses a folder whose files are not what its card says. Folders on other hosts, which
 * were written into the index by hand, stay in it.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseModelCard } from '../model-card.ts';

const [root] = process.argv.slice(2);
if (root === undefined) throw new Error('usage: index-models.ts FOLDER');

const hash = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');
const folders = readdirSync(root)
  .filter((name) => existsSync(path.join(root, name, 'model-card.json')))
  .sort();
const models = [];
for (const folder of folders) {
  const card = path.join(root, folder, 'model-card.json');
  const cardSha256 = hash(card);
  const entry = await parseModelCard(new Uint8Array(readFileSync(card)), { url: `https://models.invalid/${folder}/`, cardSha256 });
  if (!entry.ok) throw new Error(`${card}: ${entry.error.message} ${entry.error.detail ?? ''}`);
  for (const [name, expected] of Object.entries(entry.value.files)) {
    const found = hash(path.join(root, folder, name));
    if (found !== expected.sha256) throw new Error(`${path.join(folder, name)} has SHA-256 ${found}, its card says ${expected.sha256}`);
  }
  models.push({ folder: `${folder}/`, cardSha256 });
  console.log(`${folder}: ${(entry.value.sizeBytes / 1e6).toFixed(1)} MB`);
}
const indexFile = path.join(root, 'index.json');
if (existsSync(indexFile)) {
  const before = JSON.parse(readFileSync(indexFile, 'utf8')) as { models: { folder: string; cardSha256: string }[] };
  models.push(...before.models.filter(({ folder }) => /^https?:/.test(folder)));
}
writeFileSync(indexFile, `${JSON.stringify({ version: 1, models }, null, 2)}\n`);
