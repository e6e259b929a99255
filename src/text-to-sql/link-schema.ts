import type { Schema, Table } from '../database/database.ts';
import { stem, words, type LinkedValue } from './link-values.ts';
import { promptPrefix, tableTexts, type PromptStyle } from './prompt.ts';
import { foldName } from './sql-name.ts';

/** What ranking needs of a schema; built once a database. */
export interface SchemaIndex {
  readonly schema: Schema;
  readonly documents: readonly TableDocument[];
  /** In how many tables a term stands. */
  readonly documentFrequency: ReadonlyMap<string, number>;
  readonly averageLength: number;
  /** For each table, the tables that a declared foreign key joins it with. */
  readonly neighbours: readonly (readonly number[])[];
}

interface TableDocument {
  readonly table: Table;
  readonly terms: ReadonlyMap<string, number>;
  readonly length: number;
}

export interface LinkSchemaOptions {
  readonly style: PromptStyle;
  /** Prompt tokens that the schema may take. */
  readonly budget?: number;
  /** The model's own tokenizer where it is at hand, else `estimateTokens`. */
  readonly countTokens?: (text: string) => number;
  /** Cells that the question mentions: their tables and columns are wanted whatever their names. */
  readonly values?: readonly LinkedValue[];
}

export interface LinkedSchema {
  readonly schema: Schema;
  /** True where nothing was left out: then the prompt's prefix is the same for every question. */
  readonly complete: boolean;
}

/** Table names count as much as this many mentions in a column: a question names the table it is about. Chosen on Spider train. */
const tableNameWeight = 3;
/** Okapi BM25 (Robertson and Zaragoza 2009) with its usual constants. */
const saturation = 1.2;
const lengthWeight = 0.75;
/** A linked cell is better evidence than any name. */
const linkedCellScore = 20;

/**
 * Tokens of a prompt by an estimate that errs high: SmolLM2's tokenizer, vocabulary cut to 32,768, makes 0.33 tokens a character of
 * Spider's schemas (largest schema: 0.41).
 */
export function estimateTokens(text: string): number {
  return Math.ceil(text.length * 0.42);
}

/** The words of a name: `songReleaseYear`, `song_release_year` and `Song Release Year` alike. */
function nameTerms(name: string): string[] {
  const parts = words(name.replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2').replaceAll('_', ' ')).map(stem);
  return parts.length > 1 ? [...parts, parts.join('')] : parts;
}

export function buildSchemaIndex(schema: Schema): SchemaIndex {
  const documents = schema.tables.map((table): TableDocument => {
    const terms = new Map<string, number>();
    let length = 0;
    const add = (name: string, weight: number): void => {
      for (const term of nameTerms(name)) {
        terms.set(term, (terms.get(term) ?? 0) + weight);
        length += weight;
      }
    };
    add(table.name, tableNameWeight);
    for (const column of table.columns) add(column.name, 1);
    return { table, terms, length };
  });
  const documentFrequency = new Map<string, number>();
  for (const { terms } of documents) for (const term of terms.keys()) documentFrequency.set(term, (documentFrequency.get(term) ?? 0) + 1);
  const total = documents.reduce((sum, document) => sum + document.length, 0);
  return { schema, documents, documentFrequency, averageLength: total / Math.max(1, documents.length), neighbours: neighboursOf(schema) };
}

function neighboursOf(schema: Schema): number[][] {
  const at = new Map(schema.tables.map((table, index) => [foldName(table.name), index]));
  const neighbours = schema.tables.map(() => new Set<number>());
  for (const [index, table] of schema.tables.entries()) {
    for (const key of table.foreignKeys) {
      const other = at.get(foldName(key.table));
      if (other === undefined || other === index) continue;
      neighbours[index]?.add(other);
      neighbours[other]?.add(index);
    }
  }
  return neighbours.map((set) => [...set]);
}

/**
 * The part of the schema that a question needs: all of it where it fits the budget; else the tables that BM25 ranks first by their
 * names, their columns' names and the linked cells, each with the tables on the foreign-key path to those already chosen. A table
 * that alone is too large keeps its keys, its linked columns and those that the question names.
 */
export function linkSchema(question: string, index: SchemaIndex, options: LinkSchemaOptions): LinkedSchema {
  const { style, budget = 1_500, countTokens = estimateTokens, values = [] } = options;
  const cost = (tables: readonly Table[]): number => countTokens(promptPrefix(style, { tables }));
  const { schema, documents } = index;
  // Counting a very large schema would cost more than the answer is worth: four characters a name are a lower bound.
  const surelyTooLarge = schema.tables.reduce((sum, table) => sum + 1 + table.columns.length, 0) > budget;
  if (!surelyTooLarge && cost(schema.tables) <= budget) return { schema, complete: true };

  const terms = questionTerms(question);
  const scores = documents.map((document) => score(document, terms, values, index));
  // Counted with every reference shown, so that the sum is an upper bound for any choice of tables.
  const costs = tableTexts(style, schema).map((text) => countTokens(`${text}\n\n`));
  const chosen = choose(scores, index, budget - cost([]), costs);
  const tables = [...chosen].sort((a, b) => a - b).flatMap((at) => schema.tables[at] ?? []);
  const best = scores.indexOf(Math.max(...scores));
  const largest = schema.tables[best];
  if (tables.length === 0 && largest) return { schema: { tables: [trim(largest, terms, values, budget, cost)] }, complete: false };
  return { schema: { tables }, complete: false };
}

function questionTerms(question: string): Set<string> {
  const parts = words(question).map(stem);
  const pairs = parts.slice(1).map((part, at) => `${parts[at] ?? ''}${part}`);
  return new Set([...parts, ...pairs]);
}

function score(document: TableDocument, terms: ReadonlySet<string>, values: readonly LinkedValue[], index: SchemaIndex): number {
  let sum = values.some((value) => value.table === document.table.name) ? linkedCellScore : 0;
  const count = index.documents.length;
  for (const term of terms) {
    const frequency = document.terms.get(term);
    if (frequency === undefined) continue;
    const inTables = index.documentFrequency.get(term) ?? 1;
    const rarity = Math.log(1 + (count - inTables + 0.5) / (inTables + 0.5));
    const length = 1 - lengthWeight + (lengthWeight * document.length) / index.averageLength;
    sum += (rarity * frequency * (saturation + 1)) / (frequency + saturation * length);
  }
  return sum;
}

/** Best first, each with its path to the chosen ones; then what lies beside them, while the budget lasts. */
function choose(scores: readonly number[], index: SchemaIndex, budget: number, costs: readonly number[]): Set<number> {
  const chosen = new Set<number>();
  let left = budget;
  const take = (wanted: readonly number[]): boolean => {
    const fresh = wanted.filter((at) => !chosen.has(at));
    const price = fresh.reduce((sum, at) => sum + (costs[at] ?? 0), 0);
    if (price > left) return false;
    for (const at of fresh) chosen.add(at);
    left -= price;
    return true;
  };
  const ranked = scores.map((_, at) => at).sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0));
  for (const at of ranked) {
    if ((scores[at] ?? 0) <= 0) break;
    if (!take([at, ...pathTo(at, chosen, index.neighbours)])) take([at]);
  }
  // Tables that the question does not name: the neighbours of the chosen first, since joins go through them.
  const beside = ranked.filter((at) => index.neighbours[at]?.some((other) => chosen.has(other)));
  for (const at of [...beside, ...ranked]) take([at]);
  return chosen;
}

/** The tables between one table and the nearest chosen one, by breadth-first search; none where there is no path. */
function pathTo(start: number, chosen: ReadonlySet<number>, neighbours: SchemaIndex['neighbours']): number[] {
  if (chosen.size === 0 || chosen.has(start)) return [];
  const cameFrom = new Map<number, number>([[start, start]]);
  const queue = [start];
  for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
    if (chosen.has(at)) {
      const path: number[] = [];
      for (let step = cameFrom.get(at); step !== undefined && step !== start; step = cameFrom.get(step)) path.push(step);
      return path;
    }
    for (const next of neighbours[at] ?? []) {
      if (cameFrom.has(next)) continue;
      cameFrom.set(next, at);
      queue.push(next);
    }
  }
  return [];
}

function trim(
  table: Table,
  terms: ReadonlySet<string>,
  values: readonly LinkedValue[],
  budget: number,
  cost: (tables: readonly Table[]) => number,
): Table {
  const inKey = new Set(table.foreignKeys.flatMap((key) => key.columns.map(foldName)));
  const rank = (name: string, primaryKey: number): number => {
    const linked = values.some((value) => value.table === table.name && value.column === name) ? linkedCellScore : 0;
    const named = nameTerms(name).filter((term) => terms.has(term)).length;
    return linked + named + (primaryKey > 0 || inKey.has(foldName(name)) ? 0.5 : 0);
  };
  const ranked = [...table.columns].sort((a, b) => rank(b.name, b.primaryKey) - rank(a.name, a.primaryKey));
  let [low, high] = [1, ranked.length];
  const keep = (count: number): Table => {
    const kept = new Set(ranked.slice(0, count));
    return { ...table, columns: table.columns.filter((column) => kept.has(column)) };
  };
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (cost([keep(middle)]) <= budget) low = middle;
    else high = middle - 1;
  }
  return keep(low);
}
