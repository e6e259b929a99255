import type { SqlValue } from '../database/database.ts';

export type Row = readonly SqlValue[];

/**
 * Whether two results are the same for the official evaluator (`result_eq` of taoyds/test-suite-sql-eval, Zhong et al. 2020): equal as
 * bags of rows, or as lists where `ordered`, after some permutation of the predicted columns. Two empty results are equal whatever their columns.
 *
 * Cells compare as in Python: 1 = 1.0 = the bigint 1, exactly and at any size; text never equals a number; bytes never equal text;
 * NULL equals NULL. Text was decoded with replacement, the official evaluator drops what is not UTF-8: U+FFFD is taken out, so both agree.
 *
 * A difference to the official search: it draws 20 random rows to prune permutations and then tries all the rest, which can take for
 * ever on wide results; here columns are matched by what they hold. Both find a permutation exactly when there is one.
 */
export function resultsEqual(gold: readonly Row[], predicted: readonly Row[], ordered: boolean): boolean {
  if (gold.length !== predicted.length) return false;
  const width = gold[0]?.length;
  if (width === undefined) return true;
  if (predicted[0]?.length !== width) return false;

  const goldColumns = columns(gold, width);
  const predictedColumns = columns(predicted, width);
  if (ordered) return sameBag(goldColumns.map(joined), predictedColumns.map(joined));
  return columnsCanMatch(goldColumns, predictedColumns, gold.length);
}

/** Cells as keys that are equal exactly when Python's values are, column by column. */
function columns(rows: readonly Row[], width: number): string[][] {
  return Array.from({ length: width }, (_, column) => rows.map((row) => cellKey(row[column] ?? null)));
}

/** A cell as a key: two are equal exactly when Python holds the values equal. */
export function cellKey(value: SqlValue): string {
  if (value === null) return '-';
  if (typeof value === 'string') return `t${value.replaceAll('\ufffd', '')}`;
  if (typeof value === 'bigint') return `n${String(value)}`;
  if (typeof value === 'number') return `n${Number.isInteger(value) ? String(BigInt(value)) : String(value)}`;
  return `b${[...value].join(' ')}`;
}

function joined(keys: readonly string[]): string {
  return JSON.stringify(keys);
}

function sameBag(a: readonly string[], b: readonly string[]): boolean {
  const sorted = [...b].sort();
  return [...a].sort().every((key, index) => key === sorted[index]);
}

/** Searches a permutation of the predicted columns that gives the same bag of rows, one gold column after the other. */
function columnsCanMatch(gold: readonly string[][], predicted: readonly string[][], rowCount: number): boolean {
  const bagOf = (keys: readonly string[]): string => joined([...keys].sort());
  const goldBags = gold.map(bagOf);
  const predictedBags = predicted.map(bagOf);
  if (!sameBag(goldBags, predictedBags)) return false;

  const predictedLists = predicted.map(joined);
  // A row so far is the number of its prefix: prefixes are numbered in one table for both sides, so that equal prefixes share a number.
  const start = new Array<number>(rowCount).fill(0);
  const extend = (column: number, goldRows: readonly number[], predictedRows: readonly number[], used: ReadonlySet<number>): boolean => {
    const goldKeys = gold[column];
    if (goldKeys === undefined) return true;
    const tried = new Set<string>();
    for (const [candidate, predictedKeys] of predicted.entries()) {
      const list = predictedLists[candidate] ?? '';
      // Columns with the same list of cells are interchangeable: one of them is enough.
      if (used.has(candidate) || predictedBags[candidate] !== goldBags[column] || tried.has(list)) continue;
      tried.add(list);
      const numbers = new Map<string, number>();
      const number = (row: number, key: string | undefined): number => {
        const prefix = `${String(row)} ${key ?? ''}`;
        const known = numbers.get(prefix);
        if (known !== undefined) return known;
        numbers.set(prefix, numbers.size);
        return numbers.size - 1;
      };
      const longerGold = goldRows.map((row, index) => number(row, goldKeys[index]));
      const longerPredicted = predictedRows.map((row, index) => number(row, predictedKeys[index]));
      if (!sameCounts(longerGold, longerPredicted, numbers.size)) continue;
      if (extend(column + 1, longerGold, longerPredicted, new Set([...used, candidate]))) return true;
    }
    return false;
  };
  return extend(0, start, start, new Set());
}

function sameCounts(a: readonly number[], b: readonly number[], size: number): boolean {
  const counts = new Int32Array(size);
  for (const number of a) counts[number] = (counts[number] ?? 0) + 1;
  for (const number of b) counts[number] = (counts[number] ?? 0) - 1;
  return counts.every((count) => count === 0);
}
