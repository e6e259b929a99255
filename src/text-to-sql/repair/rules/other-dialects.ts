import type { Call, Expression } from '../../sql/ast.ts';
import { applyEdits, replaceSpan, type Edit } from '../../sql/patch.ts';
import { quoteName } from '../../sql/print.ts';
import type { SqlTree } from '../../sql/tree.ts';
import type { Catalog } from '../catalog.ts';
import { proposal, type RepairRule } from '../rule.ts';

/** Functions of MySQL, PostgreSQL, SQL Server and Oracle that SQLite lacks, as SQLite says the same. */
export const otherDialects: RepairRule = {
  name: 'other-dialects',
  group: 'names',
  on: 'error',
  first: true,
  keepsRows: false,
  propose({ tree, catalog }) {
    const edits: Edit[] = [];
    const names = new Set<string>();
    for (const call of tree.all('call')) {
      const text = translate(tree, call, catalog);
      if (text === null) continue;
      edits.push(replaceSpan(call, text));
      names.add(call.name.name.toUpperCase());
    }
    return Promise.resolve(
      proposal(tree, applyEdits(tree.source, edits), `SQLite has no ${[...names].join(' and no ')}; it was put in SQLite's words.`),
    );
  },
};

const DATE_PARTS: Readonly<Record<string, string>> = {
  year: '%Y',
  month: '%m',
  day: '%d',
  dayofmonth: '%d',
  hour: '%H',
  minute: '%M',
  second: '%S',
};
/** Other names for the same function with the same arguments. */
const SYNONYMS: Readonly<Record<string, string>> = {
  nvl: 'ifnull',
  isnull: 'ifnull',
  len: 'length',
  char_length: 'length',
  character_length: 'length',
  ucase: 'upper',
  lcase: 'lower',
  mid: 'substr',
  rand: 'random',
  mean: 'avg',
  average: 'avg',
  maximum: 'max',
  minimum: 'min',
  array_agg: 'group_concat',
  listagg: 'group_concat',
};
const NOW: Readonly<Record<string, string>> = {
  now: "datetime('now')",
  getdate: "datetime('now')",
  sysdate: "datetime('now')",
  curdate: "date('now')",
  today: "date('now')",
};

function translate(tree: SqlTree, call: Call, catalog: Catalog): string | null {
  const name = call.name.name.toLowerCase();
  const [first, second] = call.arguments;
  const texts = call.arguments.map((argument) => tree.text(argument));
  if (first === undefined) return NOW[name] ?? null;
  if (call.arguments.length === 1 && DATE_PARTS[name] !== undefined) {
    return ownColumn(tree, first, name, catalog) ?? `CAST(strftime('${DATE_PARTS[name]}', ${texts[0] ?? ''}) AS INTEGER)`;
  }
  if (name === 'datediff' && second !== undefined && call.arguments.length === 2)
    return `CAST(julianday(${texts[0] ?? ''}) - julianday(${texts[1] ?? ''}) AS INTEGER)`;
  const synonym = SYNONYMS[name];
  return synonym === undefined ? null : `${synonym}(${texts.join(', ')})`;
}

/** `YEAR(match_date)` where the table has a column `year`: dates are stored in too many ways to be sure that SQLite can read them. */
function ownColumn(tree: SqlTree, argument: Expression, part: string, catalog: Catalog): string | null {
  if (argument.kind !== 'column') return null;
  for (const scope of tree.scopes) {
    if (!scope.columns().includes(argument)) continue;
    const { source } = scope.resolve(argument);
    const table = source?.table ?? (scope.sources.length === 1 ? scope.sources[0]?.table : null);
    const column = catalog.tables.get(table ?? '')?.columns.get(part);
    if (column === undefined) return null;
    return `${argument.table === null ? '' : `${tree.text(argument.table)}.`}${quoteName(column.name)}`;
  }
  return null;
}
