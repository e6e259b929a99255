import { FIRST_NAMES, LAST_NAMES } from './names.ts';
import type { Cell, SampleDatabase } from './sample-database.ts';
import { dayNumber, isoDate, round, Seeded } from './seeded.ts';

const GENRES = ['Drama', 'Comedy', 'Thriller', 'Action', 'Romance', 'Science Fiction', 'Animation', 'Documentary', 'Horror', 'Western'];
const STUDIOS: readonly (readonly [name: string, country: string, founded: number])[] = [
  ['Silver Gate Pictures', 'United States', 1931],
  ['Northlight Studios', 'United States', 1958],
  ['Bluebird Films', 'United Kingdom', 1947],
  ['Atelier Rive Gauche', 'France', 1962],
  ['Kestrel Film', 'Germany', 1971],
  ['Sakura House', 'Japan', 1954],
  ['Monsoon Pictures', 'India', 1966],
  ['Faro Cine', 'Spain', 1984],
  ['Polar Film', 'Sweden', 1979],
  ['Paper Moon Animation', 'United States', 1995],
];
const COUNTRIES = ['United States', 'United Kingdom', 'France', 'Germany', 'Japan', 'India', 'Spain', 'Sweden'];
const LANGUAGES: Readonly<Record<string, string>> = {
  'United States': 'English',
  'United Kingdom': 'English',
  France: 'French',
  Germany: 'German',
  Japan: 'Japanese',
  India: 'Hindi',
  Spain: 'Spanish',
  Sweden: 'Swedish',
};
const ADJECTIVES =
  'Midnight Crimson Lost Final Electric Frozen Hollow Bright Savage Gentle Invisible Burning Lonely Borrowed Iron Velvet Restless Perfect Stolen Double'.split(
    ' ',
  );
const NOUNS =
  'Express Horizon Witness Carnival Signal Harvest Promise Station Dancer Shadow Empire Holiday Inspector Planet Rain Detective Summer Frontier Machine Waltz'.split(
    ' ',
  );
const PARTS = ['Inspector', 'Doctor', 'Captain', 'Professor', 'Sister', 'Old', 'Young'];

/** A film library of 1950 to 2024. */
export function films(): SampleDatabase {
  const random = new Seeded(4404);
  const people: Cell[][] = [];
  const names = new Set<string>();
  while (people.length < 520) {
    const name = `${random.pick(FIRST_NAMES)} ${random.pick(LAST_NAMES)}`;
    if (names.has(name)) continue;
    names.add(name);
    const born = random.integer(1908, 2000);
    people.push([
      people.length + 1,
      name,
      random.chance(0.94) ? born : null,
      born < 1945 && random.chance(0.85) ? born + random.integer(52, 75) : null,
      random.pickSkewed(COUNTRIES),
    ]);
  }
  const workingIn = (year: number): Cell[][] =>
    people.filter(([, , born, died]) => (born === null || Number(born) <= year - 20) && (died === null || Number(died) >= year));

  const filmRows: Cell[][] = [];
  const filmGenres: Cell[][] = [];
  const roles: Cell[][] = [];
  const ratings: Cell[][] = [];
  const titles = new Set<string>();
  while (filmRows.length < 600) {
    const noun = random.pick(NOUNS);
    const title = random.pick([
      `The ${random.pick(ADJECTIVES)} ${noun}`,
      `${random.pick(ADJECTIVES)} ${noun}`,
      `The Last ${noun}`,
      `${noun} of the ${random.pick(NOUNS)}`,
      `A ${noun} in ${random.pick(['Paris', 'Tokyo', 'Lisbon', 'Winter', 'May', 'Blue'])}`,
    ]);
    if (titles.has(title)) continue;
    titles.add(title);
    const id = filmRows.length + 1;
    const year = 2024 - Math.floor(random.next() ** 2 * 75);
    const open = STUDIOS.map((studio, index) => [index + 1, studio] as const).filter(([, [, , founded]]) => founded < year);
    const [studioId, [, country]] = random.pick(open);
    const working = workingIn(year);
    const budget = random.chance(0.82) ? round(random.next() ** 2 * (year > 1990 ? 160 : 25) + 0.5, 1) : null;
    filmRows.push([
      id,
      title,
      year,
      random.chance(0.97) ? Math.round(random.bell(74, 172)) : null,
      LANGUAGES[country] ?? null,
      studioId,
      random.pickSkewed(working)[0] ?? null,
      budget,
      budget === null || random.chance(0.1) ? null : round(budget * (random.next() ** 2 * 6 + 0.2), 1),
    ]);
    const genres = random.sample(
      GENRES.map((_, index) => index + 1),
      random.integer(1, 2),
    );
    for (const genre of genres.sort((one, other) => one - other)) filmGenres.push([id, genre]);
    random.sample(working, random.integer(4, 8)).forEach(([personId], index) => {
      const part = random.chance(0.2) ? `${random.pick(PARTS)} ${random.pick(LAST_NAMES)}` : random.pick(FIRST_NAMES);
      roles.push([id, index + 1, personId ?? null, index > 4 && random.chance(0.3) ? null : part]);
    });
    const quality = random.bell(2, 9.6);
    const count = Math.floor(random.next() ** 2 * 22);
    for (let index = 0; index < count; index++) {
      const stars = Math.max(1, Math.min(10, Math.round(quality + random.bell(-3, 3))));
      const from = Math.max(dayNumber('2015-01-01'), dayNumber(`${year}-06-01`));
      ratings.push([
        ratings.length + 1,
        id,
        stars,
        isoDate(random.integer(from, dayNumber('2025-06-30'))),
        random.pick(['critic', 'viewer', 'viewer', 'viewer']),
      ]);
    }
  }

  return {
    id: 'films',
    title: 'Films',
    description: 'A film library: films since 1950, the people who played in and directed them, studios, genres and ratings.',
    tables: [
      {
        name: 'studios',
        definition: ['studio_id INTEGER PRIMARY KEY', 'name TEXT NOT NULL', 'country TEXT NOT NULL', 'founded_year INTEGER NOT NULL'],
        rows: STUDIOS.map(([name, country, founded], index) => [index + 1, name, country, founded]),
      },
      {
        name: 'people',
        definition: [
          'person_id INTEGER PRIMARY KEY',
          'name TEXT NOT NULL',
          'birth_year INTEGER',
          'death_year INTEGER',
          'country TEXT NOT NULL',
        ],
        rows: people,
      },
      {
        name: 'genres',
        definition: ['genre_id INTEGER PRIMARY KEY', 'name TEXT NOT NULL'],
        rows: GENRES.map((name, index) => [index + 1, name]),
      },
      {
        name: 'films',
        definition: [
          'film_id INTEGER PRIMARY KEY',
          'title TEXT NOT NULL',
          'release_year INTEGER NOT NULL',
          'minutes INTEGER',
          'language TEXT NOT NULL',
          'studio_id INTEGER NOT NULL REFERENCES studios (studio_id)',
          'director_id INTEGER NOT NULL REFERENCES people (person_id)',
          'budget_millions REAL',
          'box_office_millions REAL',
        ],
        rows: filmRows,
      },
      {
        name: 'film_genres',
        definition: [
          'film_id INTEGER NOT NULL REFERENCES films (film_id)',
          'genre_id INTEGER NOT NULL REFERENCES genres (genre_id)',
          'PRIMARY KEY (film_id, genre_id)',
        ],
        rows: filmGenres,
      },
      {
        name: 'roles',
        definition: [
          'film_id INTEGER NOT NULL REFERENCES films (film_id)',
          'billing INTEGER NOT NULL',
          'person_id INTEGER NOT NULL REFERENCES people (person_id)',
          'character_name TEXT',
          'PRIMARY KEY (film_id, billing)',
        ],
        rows: roles,
      },
      {
        name: 'ratings',
        definition: [
          'rating_id INTEGER PRIMARY KEY',
          'film_id INTEGER NOT NULL REFERENCES films (film_id)',
          'stars INTEGER NOT NULL',
          'rated_on DATE NOT NULL',
          'rater TEXT NOT NULL',
        ],
        rows: ratings,
      },
    ],
    questions: [
      {
        question: 'How many films are there in each language?',
        reference: 'SELECT language, count(*) FROM films GROUP BY language',
        template: true,
      },
      {
        question: 'Which ten films have the best average rating?',
        reference:
          'SELECT films.title, avg(ratings.stars) FROM films JOIN ratings ON films.film_id = ratings.film_id GROUP BY films.film_id ORDER BY avg(ratings.stars) DESC LIMIT 10',
        template: true,
      },
      {
        question: 'How many films did each studio make?',
        reference: 'SELECT studios.name, count(*) FROM films JOIN studios ON films.studio_id = studios.studio_id GROUP BY studios.name',
        template: true,
      },
      { question: 'Show the titles of all films released in 2020.', reference: 'SELECT title FROM films WHERE release_year = 2020' },
      { question: 'What is the longest film?', reference: 'SELECT title FROM films ORDER BY minutes DESC LIMIT 1' },
      {
        question: 'Which films are comedies?',
        reference:
          "SELECT films.title FROM films JOIN film_genres ON films.film_id = film_genres.film_id JOIN genres ON film_genres.genre_id = genres.genre_id WHERE genres.name = 'Comedy'",
      },
      {
        question: 'Which five actors played in the most films?',
        reference:
          'SELECT people.name, count(*) FROM people JOIN roles ON people.person_id = roles.person_id GROUP BY people.person_id ORDER BY count(*) DESC LIMIT 5',
      },
      {
        question: 'Which people directed a film and also played in it?',
        reference:
          'SELECT DISTINCT people.name FROM people JOIN films ON people.person_id = films.director_id JOIN roles ON roles.film_id = films.film_id AND roles.person_id = people.person_id',
      },
    ],
  };
}
