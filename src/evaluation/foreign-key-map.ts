/** The parts of an entry of Spider's tables.json that tell which columns are joined by foreign keys. */
export interface SpiderTables {
  readonly db_id: string;
  readonly table_names_original: readonly string[];
  /** Table index (-1 for `*`) and column name. */
  readonly column_names_original: readonly (readonly [number, string])[];
  /** Pairs of indices into `column_names_original`. */
  readonly foreign_keys: readonly (readonly [number, number])[];
}

/**
 * Maps each column of a foreign key to the one that stands for its group, so that joining on either side counts as the same
 * (`build_foreign_key_map` of the official evaluator). Groups grow in the order of the keys and are not merged afterwards when a
 * later key joins two of them: the official map has that hole, so has this one.
 */
export function foreignKeyMap(tables: SpiderTables): Map<string, string> {
  const identifiers = tables.column_names_original.map(([table, column]) =>
    table >= 0 ? `__${(tables.table_names_original[table] ?? '').toLowerCase()}.${column.toLowerCase()}__` : '__all__',
  );
  const groups: Set<number>[] = [];
  for (const [child, parent] of tables.foreign_keys) {
    let group = groups.find((members) => members.has(child) || members.has(parent));
    if (group === undefined) {
      group = new Set();
      groups.push(group);
    }
    group.add(child).add(parent);
  }
  const map = new Map<string, string>();
  for (const group of groups) {
    const sorted = [...group].sort((a, b) => a - b);
    const representative = identifiers[sorted[0] ?? 0] ?? '__all__';
    for (const column of sorted) map.set(identifiers[column] ?? '__all__', representative);
  }
  return map;
}
