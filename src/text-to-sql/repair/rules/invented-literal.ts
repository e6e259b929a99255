import { applyEdits, type Edit } from '../../sql/patch.ts';
import { quoteName } from '../../sql/print.ts';
import type { Scope } from '../../sql/scopes.ts';
import type { Catalog } from '../catalog.ts';
import { proposal, type RepairRule, type Situation } from '../rule.ts';
import { bareName, fold, nameWords, stem } from '../words.ts';
import { conjuncts, rewriteClauses } from './clauses.ts';
import { isElsewhere } from './literal-column.ts';
import { isNegated, literalTests, type LiteralTest } from './literal-tests.ts';
import { NEGATION } from './phrases.ts';

const NOTHING = /^(null|none|nil|n\/a)?$/i;

/**
 * `role = 'professionals'`, `name != 'stadium'`: a text that is neither in the column nor in the question, put there because something had to
 * stand there. The condition goes; where the question says that there is none of something, that takes its place.
 */
export const inventedLiteral: RepairRule = {
  name: 'invented-literal',
  group: 'literals',
  on: 'rows',
  keepsRows: false,
  async propose(situation) {
    const { tree } = situation;
    const edits: Edit[] = [];
    const reasons: string[] = [];
    const tests = literalTests(tree);
    for (const scope of tree.scopes) {
      const { select } = scope;
      if (select.where === null) continue;
      const parts = conjuncts(select.where.condition);
      const kept: string[] = [];
      for (const part of parts) {
        const test = tests.find((candidate) => candidate.node === part);
        const text = test === undefined || !(await isInvented(situation, test)) ? tree.text(part) : instead(situation, scope, test);
        if (text !== null) kept.push(text);
        if (test !== undefined && text !== tree.text(part)) reasons.push(reasonFor(test, text, situation.catalog));
      }
      if (kept.length < parts.length || parts.some((part, index) => kept[index] !== tree.text(part)))
        edits.push(rewriteClauses(tree, select, { where: kept.length === 0 ? null : kept.join(' AND ') }));
    }
    return proposal(tree, applyEdits(tree.source, edits), reasons.join(' '));
  },
};

function reasonFor(test: LiteralTest, put: string | null, catalog: Catalog): string {
  const text = test.texts[0]?.value ?? '';
  const column = catalog.columnName(test.table, test.name);
  const what = isName(text, catalog)
    ? `“${text}” is a name in this database, and no value of “${column}”`
    : `“${text}” is neither in “${column}” nor in the question`;
  return `${what}, so it is not compared with${put === null ? '' : '; what is looked for has no row there'}.`;
}

async function isInvented(situation: Situation, test: LiteralTest): Promise<boolean> {
  const { question, catalog } = situation;
  const [text] = test.texts;
  if (text === undefined || test.texts.length > 1 || test.node.kind === 'like' || !test.scope.onlyBaseTables) return false;
  const said = question.folded.includes(fold(text.value));
  // Another word for what the question says may be meant, so that an equation goes only where that cannot be.
  const empty = isName(text.value, catalog) || (/^\d+$/.test(text.value) && !said);
  // `!= 'null'` does leave something out: the rows without a value.
  if (NOTHING.test(text.value)) return false;
  if (question.quotes(text.value)) return false;
  return (empty || (isNegated(test) && !said)) && (await isElsewhere(situation, test, [text.value]));
}

/** The text is the name of a table or column, `table.column` included. */
function isName(text: string, catalog: Catalog): boolean {
  const name = stem(bareName(text.split('.').at(-1) ?? text));
  return [...catalog.tables].some(
    ([table, { columnNames }]) => stem(bareName(table)) === name || [...columnNames].some((column) => stem(bareName(column)) === name),
  );
}

/** What the question may have meant by a `!=`: that the table it speaks of has no row for this one. null where it is nothing. */
function instead({ catalog, question }: Situation, scope: Scope, test: LiteralTest): string | null {
  if (!isNegated(test) || !NEGATION.test(question.text)) return null;
  const tables = new Set(scope.sources.flatMap(({ table }) => table ?? []));
  const others = new Set([...tables].flatMap(nameWords));
  const children = catalog.keys.filter((key) => tables.has(key.toTable) && !tables.has(key.table) && question.speaksOf(key.table, others));
  const [child] = children;
  const parent = scope.sources.find(({ table }) => table === child?.toTable);
  if (child === undefined || parent === undefined || children.length > 1) return null;
  const column = `${scope.sources.length > 1 ? `${parent.label}.` : ''}${quoteName(catalog.columnName(child.toTable, child.toColumn))}`;
  return `${column} NOT IN (SELECT ${quoteName(catalog.columnName(child.table, child.column))} FROM ${quoteName(catalog.tableName(child.table))})`;
}
