import { createHash } from 'node:crypto';
import initSqlJs from 'sql.js';
import { bikeTrips } from './bike-trips.ts';
import { bookshop } from './bookshop.ts';
import { films } from './films.ts';
import type { SampleDatabase } from './sample-database.ts';
import { school } from './school.ts';

export interface BuiltFile {
  /** Inside public/databases. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The four sample databases and their index, the same bytes at every call: fixed seeds, no clock, one version of SQLite (package-lock.json). */
export async function buildDatabases(): Promise<BuiltFile[]> {
  const built: BuiltFile[] = [];
  const entries: unknown[] = [];
  for (const database of [school(), bookshop(), bikeTrips(), films()]) {
    const file = { name: `${database.id}.sqlite`, bytes: await writeDatabase(database) };
    built.push(file);
    entries.push({
      id: database.id,
      file: file.name,
      title: database.title,
      description: database.description,
      tables: database.tables.length,
      rows: database.tables.reduce((sum, { rows }) => sum + rows.length, 0),
      bytes: file.bytes.length,
      sha256: createHash('sha256').update(file.bytes).digest('hex'),
      // `sql` is there where the app may answer at once without a model; `reference` is for tests and demonstrations.
      questions: database.questions.map(({ question, reference, template }) =>
        template ? { question, reference, template, sql: reference } : { question, reference },
      ),
    });
  }
  const index = `${JSON.stringify({ databases: entries }, null, 2)}\n`;
  return [...built, { name: 'index.json', bytes: new TextEncoder().encode(index) }];
}

async function writeDatabase(sample: SampleDatabase): Promise<Uint8Array> {
  const { Database } = await initSqlJs();
  const database = new Database();
  try {
    database.run('PRAGMA page_size = 4096; PRAGMA foreign_keys = ON; BEGIN');
    for (const { name, definition, rows } of sample.tables) {
      database.run(`CREATE TABLE ${name} (\n  ${definition.join(',\n  ')}\n)`);
      const insert = database.prepare(
        `INSERT INTO ${name} VALUES (${Array(rows[0]?.length ?? 1)
          .fill('?')
          .join(', ')})`,
      );
      try {
        for (const row of rows) insert.run([...row]);
      } finally {
        insert.free();
      }
    }
    database.run('COMMIT; VACUUM');
    return database.export();
  } finally {
    database.close();
  }
}
