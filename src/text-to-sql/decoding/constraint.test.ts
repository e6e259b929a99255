import { expect, test } from 'vitest';
import { concertSchema } from '../../../tests/fixtures/concert-schema.ts';
import { Constraint, type TokenChoice } from './constraint.ts';
import { namesOf } from './names.ts';

const names = namesOf(concertSchema);

/** The text that is chosen among those that follow `before`, the likeliest first, each with its logit. */
function choose(choice: TokenChoice, before: string, offers: readonly (readonly [string | null, number])[]): string | null | undefined {
  for (const [end, logit] of offers) {
    const index = choice.offer({ text: end === null ? null : before + end, logit });
    if (index !== undefined) return offers[index]?.[0];
  }
  const index = choice.settle();
  return index === undefined ? undefined : offers[index]?.[0];
}

const next = (constraint: Constraint, before: string, ...offers: [string | null, number][]): string | null | undefined =>
  choose(constraint.next(before), before, offers);

test('takes the likeliest token that goes on with a query', () => {
  const constraint = new Constraint(names);
  expect(next(constraint, 'SELECT', ['\n\n\n;', 9], [' nam', 8], [' age', 1])).toBe(' nam');
  expect(next(constraint, 'SELECT nam', ['es', 9], [' FROM', 8], ['e', -30])).toBe('e');
});

test('lets a query end only where it is whole', () => {
  const constraint = new Constraint(names);
  expect(next(constraint, 'SELECT name', [null, 9], [' FROM', 1])).toBe(' FROM');
  expect(next(constraint, 'SELECT name FROM singer', [null, 9], [' WHERE', 1])).toBeNull();
});

test('a token that writes nothing never fits', () => {
  expect(next(new Constraint(names), 'SELECT', ['', 9], [' name', 1])).toBe(' name');
});

test('prefers what SQLite will find where it is not much less likely', () => {
  const before = 'SELECT count(*) FROM concert WHERE';
  expect(next(new Constraint(names), before, [' capacity', 5], [' year', 4])).toBe(' year');
});

test('lets a much likelier name of another table through, and holds the rest to the database alone', () => {
  const constraint = new Constraint(names);
  const before = 'SELECT count(*) FROM concert WHERE';
  expect(next(constraint, before, [' capacity', 9], [' year', 1])).toBe(' capacity');
  expect(next(constraint, `${before} capacity`, [' ;', 9], [' >', 1])).toBe(' >');
  expect(next(constraint, `${before} capacity >`, [' 5', 9], [' year', 1])).toBe(' 5');
});

test('where it is strict, no name is let through that SQLite will not find, and what that costs is counted', () => {
  const constraint = new Constraint(names, { strict: true });
  const before = 'SELECT count(*) FROM singer WHERE';
  expect(next(constraint, before, [' capacity', 5], [' age', 4])).toBe(' age');
  expect(constraint.overruled).toBe(0);
  expect(next(constraint, before, [' capacity', 9], [' year', 2], [' age', 1])).toBe(' age');
  expect(constraint.overruled).toBe(1);
  // None of those that are offered will do: what would is spelt out.
  expect(next(constraint, before, [' capacity', 9], [' year', 8])).toBeUndefined();
  expect(constraint.overruled).toBe(2);
  expect(constraint.completions(before)).toContain(' age');
  expect(constraint.completions(before)).not.toContain(' capacity');
});

test('where it is strict, a column of a table that a key leads to is reached by a subquery', () => {
  const constraint = new Constraint(names, { strict: true });
  const before = 'SELECT count(*) FROM concert WHERE';
  // Not much less likely: taken as it is.
  expect(next(constraint, before, [' capacity', 5], [' year', 4])).toBe(' year');
  expect(next(constraint, before, [' capacity', 9], [' year', 1])).toBeUndefined();
  const subquery = ' stadium_id IN (SELECT stadium_id FROM stadium WHERE';
  expect(constraint.completions(before)).toEqual([subquery]);
  // A token at a time, whatever is likelier.
  expect(next(constraint, `${before} stad`, [' =', 9], ['ium', 1])).toBe('ium');
  expect(next(constraint, `${before} stadium_id`, [' =', 9], [' IN', 1])).toBe(' IN');
  expect(next(constraint, before + subquery, [' SELECT', 9], [' capacity', 1])).toBe(' capacity');
});

test('where it is strict, a column stands for the one that it shares a key with', () => {
  const cars = {
    tables: { 'car names': ['make id', 'maker', 'model'], cars_data: ['name', 'weight'] },
    keys: [{ table: 'cars_data', column: 'name', refersTo: 'car names', reference: 'make id' }],
  };
  const ask = (before: string, wanted: string): readonly string[] => {
    const constraint = new Constraint(cars, { strict: true });
    expect(next(constraint, before, [wanted, 9], [' weight', 1])).toBeUndefined();
    return constraint.completions(before);
  };
  expect(ask('SELECT weight FROM cars_data WHERE', ' model')).toEqual([' name IN (SELECT "make id" FROM "car names" WHERE']);
  expect(ask('SELECT weight FROM cars_data WHERE cars_data.', 'make')).toEqual(['name']);
  expect(ask('SELECT weight FROM cars_data WHERE cars_data.', 'model')).toEqual(['name IN (SELECT "make id" FROM "car names" WHERE']);
  // Nothing leads there from behind the condition.
  expect(next(new Constraint(cars, { strict: true }), 'SELECT weight FROM cars_data ORDER BY', [' model', 9], [' weight', 1])).toBe(
    ' weight',
  );
});

test('where it is strict and cannot go on, it holds the rest to the database alone', () => {
  const constraint = new Constraint({ tables: { singer: ['name'], song: ['name', 'title'] }, keys: [] }, { strict: true });
  // A song's title is needed, but with `song` the name would be of two tables.
  const before = 'SELECT name, song.title FROM singer AS t1';
  expect(next(constraint, before, [null, 9], [' WHERE', 8])).toBeUndefined();
  expect(constraint.completions(before)).toContain(' WHERE');
  expect(next(constraint, before, [null, 9])).toBeNull();
});

test('chooses nothing where nothing fits, and knows the ends of names', () => {
  const constraint = new Constraint(names);
  expect(next(constraint, 'SELECT nam', ['ing', 9], ['ed', 8])).toBeUndefined();
  expect(constraint.completions('SELECT nam')).toEqual(['e']);
  expect(constraint.completions('SELECT name FROM singer JOIN singer_in_concert')).toContain(' ON');
  expect(constraint.completions('SELECT name FROM singer LIMIT 3')).toEqual([' OFFSET']);
});
