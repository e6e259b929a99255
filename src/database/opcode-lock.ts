import type { Connection } from './connection.ts';

/**
 * The second lock: an accepted statement is compiled behind our own EXPLAIN, and refused if its program would write, change a setting or
 * reach another file. Insert and Delete are no sign: a recursive CTE uses them on tables of its own (RELIABILITY.md, finding 3).
 *
 * @returns the name of the first forbidden opcode, undefined where there is none
 * @throws SqliteFailure where the statement does not compile
 */
export function forbiddenOpcode(connection: Connection, accepted: string): string | undefined {
  const program = connection.prepare(`EXPLAIN ${accepted}`);
  try {
    while (program.step()) {
      const opcode = String(program.value(1));
      if (FORBIDDEN.has(opcode) || (opcode === 'Transaction' && program.value(3) !== 0)) return opcode;
    }
    return undefined;
  } finally {
    program.finalize();
  }
}

/** EXPLAIN's columns: addr, opcode, p1, p2, p3, p4, p5, comment. Transaction with p2 ≠ 0 begins to write. */
const FORBIDDEN: ReadonlySet<string> = new Set([
  'AutoCommit',
  'Checkpoint',
  'CreateBtree',
  'Destroy',
  'DropIndex',
  'DropTable',
  'DropTrigger',
  'Expire',
  'IncrVacuum',
  'JournalMode',
  'LoadAnalysis',
  'OpenWrite',
  'ParseSchema',
  'Program',
  'ReadCookie',
  'Savepoint',
  'SetCookie',
  'SqlExec',
  'VCreate',
  'VDestroy',
  'VUpdate',
  'Vacuum',
]);
