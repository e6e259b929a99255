import initSqlJs from 'sql.js';

/** Each would call `alert` or run a script if it ever became HTML, an attribute or a link. */
export const payloads: readonly string[] = [
  '<script>globalThis.intruded=true</script>',
  '<img src=x onerror="globalThis.intruded=true">',
  '"><svg onload=globalThis.intruded=true>',
  "javascript:globalThis.intruded=true//'",
  '{@html "<img src=x onerror=globalThis.intruded=true>"}',
  '</textarea></style><iframe srcdoc="<script>top.intruded=true</script>">',
];

const name = (text: string): string => `"${text.replaceAll('"', '""')}"`;
const text = (value: string): string => `'${value.replaceAll("'", "''")}'`;

/** A database whose tables, columns, types, views and cells are all attempts to get in. */
export async function hostileDatabase(): Promise<Uint8Array> {
  const sqlJs = await initSqlJs();
  const database = new sqlJs.Database();
  try {
    for (const payload of payloads) {
      const columns = payloads.map((column) => `${name(column)} ${name(payload)}`).join(', ');
      database.run(`CREATE TABLE ${name(payload)} (${columns})`);
      database.run(`INSERT INTO ${name(payload)} VALUES (${payloads.map(text).join(', ')})`);
    }
    const [first = ''] = payloads;
    database.run(`CREATE VIEW ${name(`view ${first}`)} AS SELECT * FROM ${name(first)}`);
    return database.export();
  } finally {
    database.close();
  }
}
