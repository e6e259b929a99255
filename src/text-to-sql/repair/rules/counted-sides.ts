import type { Call, Select } from '../../sql/ast.ts';
import { applyEdits, replaceSpan, type Edit } from '../../sql/patch.ts';
import { quoteName } from '../../sql/print.ts';
import { proposal, type RepairRule, type Situation } from '../rule.ts';
import { isCount } from './aggregates.ts';

/** `SELECT count(DISTINCT x) … INTERSECT SELECT count(DISTINCT x) …` compares two figures; what is on both sides is to be counted. */
export const countedSides: RepairRule = {
  name: 'counted-sides',
  group: 'question',
  on: 'rows',
  keepsRows: false,
  propose(situation) {
    const { tree } = situation;
    const { cores, operators, orderBy, limit, ctes } = tree.query;
    if (cores.length < 2 || orderBy !== null || limit !== null || ctes.length > 0) return Promise.resolve([]);
    if (operators.some((operator) => operator !== 'INTERSECT' && operator !== 'EXCEPT')) return Promise.resolve([]);
    const edits: Edit[] = [];
    for (const core of cores) {
      const count = core.kind === 'select' ? onlyCount(core) : null;
      const counted = core.kind === 'select' && count !== null ? whatIsCounted(situation, core, count) : null;
      if (count === null || counted === null) return Promise.resolve([]);
      edits.push(replaceSpan(count, counted));
    }
    const sides = applyEdits(tree.source.slice(0, tree.query.end), edits).slice(tree.query.start);
    return Promise.resolve(
      proposal(tree, `SELECT count(*) FROM (${sides})`, 'The two counts were compared; what stands on both sides is counted instead.'),
    );
  },
};

/** The one thing that the SELECT shows, where it is a count of all its rows. */
function onlyCount({ columns, groupBy }: Select): Call | null {
  const [column, second] = columns;
  const shown = column?.expression ?? null;
  return second === undefined && groupBy === null && shown?.kind === 'call' && isCount(shown) ? shown : null;
}

/** The counted column; for `count(*)` the key to the one table that the question names. */
function whatIsCounted({ tree, catalog, question }: Situation, core: Select, count: Call): string | null {
  const [argument] = count.arguments;
  if (argument !== undefined) return tree.text(argument);
  const [source, second] = tree.scopeOf(core)?.sources ?? [];
  if (source === undefined || second !== undefined) return null;
  const keys = catalog.declared.filter(({ table, toTable }) => table === source.table && question.mentions(catalog.tableName(toTable)));
  const [key, other] = keys;
  return key === undefined || other !== undefined ? null : quoteName(catalog.columnName(key.table, key.column));
}
