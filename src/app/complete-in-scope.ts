import type { Completion, CompletionSource } from '@codemirror/autocomplete';
import type { Schema } from '../database/database.ts';
import { scopeAt } from '../text-to-sql/repair/scope-at.ts';
import { sqlName } from '../text-to-sql/sql-name.ts';

/**
 * Completes the columns and tables that the SELECT around the cursor can name, its aliases and the outer SELECTs' included; they come
 * before what the rest of the schema offers.
 */
export function completeInScope(schema: Schema): CompletionSource {
  return (context) => {
    const word = context.matchBefore(/[\w$]*$/);
    const text = context.state.doc.toString();
    const from = word?.from ?? context.pos;
    const isQualified = text[from - 1] === '.';
    if (from === context.pos && !context.explicit && !isQualified) return null;
    const qualifier = isQualified ? /([\w$]+)\.$/.exec(text.slice(0, from))?.[1]?.toLowerCase() : undefined;
    // A source without columns is no table: the word that is being typed behind FROM, say.
    const known = scopeAt(text, context.pos, schema).filter(({ columns }) => columns.length > 0);
    const sources = known.filter(({ label }) => !isQualified || label.toLowerCase() === qualifier);
    if (sources.length === 0) return null;
    const columns = sources.flatMap(({ label, columns: names }, depth) =>
      names.map((name): Completion => ({ label: name, apply: sqlName(name), detail: label, type: 'property', boost: 20 - depth })),
    );
    const labels = isQualified
      ? []
      : sources.map(({ label, table }): Completion => ({
          label,
          type: 'type',
          boost: 10,
          ...(table !== null && table !== label ? { detail: table } : {}),
        }));
    return { from, options: [...columns, ...labels], validFor: /^[\w$]*$/ };
  };
}
