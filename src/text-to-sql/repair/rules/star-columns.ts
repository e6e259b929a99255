import { applyEdits, replaceSpan } from '../../sql/patch.ts';
import { quoteName } from '../../sql/print.ts';
import type { Question } from '../question.ts';
import { proposal, type RepairRule } from '../rule.ts';
import { bareName, nameWords } from '../words.ts';

const WANTS_EVERYTHING =
  /\b(everything|information|info|details|detail|rows|records|complete|entire|about|all (the )?(columns|data|fields))\b/i;
const MAX_COLUMNS = 3;

/** SELECT * where the question names one to three columns to show. */
export const starColumns: RepairRule = {
  name: 'star-columns',
  group: 'question',
  on: 'rows',
  keepsRows: false,
  propose({ tree, question, catalog }) {
    const core = tree.query.cores[0];
    const scope = tree.scopes.find((candidate) => candidate.select === core);
    const star = core?.kind === 'select' && core.columns.length === 1 ? core.columns[0] : undefined;
    const source = scope?.sources[0];
    if (tree.query.cores.length !== 1 || scope === undefined || star?.expression !== null) return Promise.resolve([]);
    if (scope.sources.length !== 1 || typeof source?.table !== 'string' || WANTS_EVERYTHING.test(question.text)) return Promise.resolve([]);
    const table = catalog.tables.get(source.table);
    const tested = new Set(scope.columns().map((column) => column.name.name.toLowerCase()));
    const found: { at: number; name: string }[] = [];
    const own = new Set(nameWords(source.table));
    let partly = false;
    for (const [key, column] of table?.columns ?? []) {
      if (tested.has(key)) continue;
      const words = nameWords(column.name);
      const at = question.words.findIndex(
        (_, index) => words.length > 0 && words.every((word, offset) => question.words[index + offset] === word),
      );
      if (at >= 0) found.push({ at, name: column.name });
      else if (bareName(key) === bareName(source.table) && words.some((word) => question.wordSet.has(word)))
        found.push({ at: 0, name: column.name });
      // "type codes and descriptions": a column that the question names by its last word alone is asked for too.
      else partly ||= isNamedByLastWord(words, own, question);
    }
    if (partly || found.length === 0 || found.length > MAX_COLUMNS) return Promise.resolve([]);
    found.sort((a, b) => a.at - b.at);
    const listed = found.map(({ name }) => quoteName(name)).join(', ');
    return Promise.resolve(
      proposal(tree, applyEdits(tree.source, [replaceSpan(star, listed)]), `The question asks for ${listed}, not for every column.`),
    );
  },
};

function isNamedByLastWord(words: readonly string[], table: ReadonlySet<string>, { wordSet }: Question): boolean {
  const last = words.at(-1);
  return words.length > 1 && last !== undefined && !table.has(last) && wordSet.has(last);
}
