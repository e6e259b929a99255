import { groupByDatabase, type Example } from '../src/evaluation/dataset.ts';
import { seededRandom } from '../src/evaluation/statistics.ts';

/** Enough that the schema, which the first question pays for, costs little; few enough that several databases are seen. */
const PER_DATABASE = 10;

/** A sample, the same for the same seed: ten questions a database, database after database; a larger one begins with the smaller. */
export function chooseQuestions(examples: readonly Example[], count: number, seed: number): Example[] {
  const random = seededRandom(seed);
  const shuffled = <Item>(items: readonly Item[]): Item[] =>
    items
      .map((item) => ({ item, at: random() }))
      .sort((a, b) => a.at - b.at)
      .map(({ item }) => item);
  const databases = shuffled([...groupByDatabase(examples).values()]);
  return databases.flatMap((own) => shuffled(own).slice(0, PER_DATABASE)).slice(0, count);
}
