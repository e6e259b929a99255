import { FIRST_NAMES, LAST_NAMES } from './names.ts';
import type { Cell, SampleDatabase } from './sample-database.ts';
import { dayNumber, isoDate, round, Seeded } from './seeded.ts';

const COUNTRIES = ['Germany', 'France', 'United Kingdom', 'United States', 'Spain', 'Japan', 'Nigeria', 'Brazil', 'Sweden', 'India'];
const CITIES: readonly (readonly [city: string, country: string])[] = [
  ['Berlin', 'Germany'],
  ['Hamburg', 'Germany'],
  ['Munich', 'Germany'],
  ['Paris', 'France'],
  ['Lyon', 'France'],
  ['London', 'United Kingdom'],
  ['Leeds', 'United Kingdom'],
  ['Madrid', 'Spain'],
  ['Stockholm', 'Sweden'],
  ['Vienna', 'Austria'],
];
const GENRES = ['Novel', 'Crime', 'Fantasy', 'Science Fiction', 'History', 'Travel', 'Cooking', 'Children', 'Poetry', 'Science'];
const PUBLISHERS = [
  'Blue Heron Press',
  'Harbour House',
  'Lantern Books',
  'Meridian',
  'North Star',
  'Paper Boat',
  'Quill & Sons',
  'Red Maple',
];
const ADJECTIVES =
  'Silent Last Hidden Golden Broken Distant Crooked Northern Secret Forgotten Winter Paper Salt Burning Quiet Glass Endless Small Wild Second'.split(
    ' ',
  );
const NOUNS =
  'Garden River Lighthouse Orchard Letter Station Kitchen Island Mountain Map Harbour Forest Clock Bridge Library Storm Summer Sea Train Village'.split(
    ' ',
  );
const OPINIONS = [
  'Could not put it down.',
  'A little slow in the middle, but worth it.',
  'My daughter loves it.',
  'Not what I expected.',
  'Beautifully written.',
  'Arrived with a bent cover.',
  'I have given it to three friends.',
  'Too long by half.',
];

/** Orders of 2023 to 2025. */
export function bookshop(): SampleDatabase {
  const random = new Seeded(2202);
  const authors: Cell[][] = [];
  const authorNames = new Set<string>();
  while (authors.length < 140) {
    const name = `${random.pick(FIRST_NAMES)} ${random.pick(LAST_NAMES)}`;
    if (authorNames.has(name)) continue;
    authorNames.add(name);
    authors.push([authors.length + 1, name, random.pickSkewed(COUNTRIES), random.chance(0.9) ? random.integer(1931, 1996) : null]);
  }

  const books: Cell[][] = [];
  const bookAuthors: Cell[][] = [];
  const titles = new Set<string>();
  while (books.length < 420) {
    const noun = random.pick(NOUNS);
    const title = random.pick([
      `The ${random.pick(ADJECTIVES)} ${noun}`,
      `${random.pick(ADJECTIVES)} ${noun}`,
      `The ${noun} and the ${random.pick(NOUNS)}`,
      `A ${noun} for ${random.pick(FIRST_NAMES)}`,
      `${random.pick(FIRST_NAMES)}'s ${noun}`,
    ]);
    if (titles.has(title)) continue;
    titles.add(title);
    const id = books.length + 1;
    books.push([
      id,
      title,
      random.pickSkewed(GENRES),
      random.integer(1, PUBLISHERS.length),
      random.integer(1978, 2025),
      random.integer(6, 38) + random.pick([0.5, 0.9, 0.95, 0.99]),
      random.chance(0.96) ? Math.round(random.bell(60, 720)) : null,
      Math.floor(random.next() ** 2 * 60),
    ]);
    const writers = random.sample(authors, random.chance(0.12) ? 2 : 1);
    for (const [authorId] of writers) bookAuthors.push([id, authorId ?? null]);
  }

  const customers: Cell[][] = [];
  for (let id = 1; id <= 640; id++) {
    const first = random.pick(FIRST_NAMES);
    const last = random.pick(LAST_NAMES);
    const [city, country] = random.pickSkewed(CITIES);
    customers.push([
      id,
      first,
      last,
      random.chance(0.93) ? `${first}.${last}${id}@mail.example`.toLowerCase() : null,
      city,
      country,
      isoDate(random.integer(dayNumber('2020-01-01'), dayNumber('2025-06-30'))),
    ]);
  }

  const popular = random.sample(books, books.length);
  const orders: Cell[][] = [];
  const items: Cell[][] = [];
  const dates: number[] = [];
  for (let index = 0; index < 3200; index++) dates.push(random.integer(dayNumber('2023-01-02'), dayNumber('2025-09-28')));
  dates.sort((one, other) => one - other);
  for (const day of dates) {
    const eligible = customers.filter((customer) => dayNumber(String(customer[6])) <= day);
    const id = orders.length + 1;
    const cancelled = random.chance(0.03);
    const recent = day > dayNumber('2025-09-21');
    const status = cancelled ? 'cancelled' : recent ? 'open' : random.chance(0.04) ? 'returned' : 'delivered';
    const shipped = status === 'cancelled' || status === 'open' ? null : isoDate(day + random.integer(1, 6));
    orders.push([id, random.pickSkewed(eligible)[0] ?? null, isoDate(day), shipped, status]);
    const count = 1 + Math.floor(random.next() ** 2 * 5);
    const chosen = new Set<readonly Cell[]>();
    while (chosen.size < count) chosen.add(random.pickSkewed(popular));
    let line = 0;
    for (const book of chosen) {
      const reduced = random.chance(0.15);
      items.push([id, ++line, book[0] ?? null, random.chance(0.12) ? 2 : 1, round(Number(book[5]) * (reduced ? 0.9 : 1), 2)]);
    }
  }

  const reviews: Cell[][] = [];
  for (let id = 1; id <= 1400; id++) {
    const rating = Math.max(1, Math.min(5, Math.round(random.bell(1.5, 6.5))));
    reviews.push([
      id,
      random.pickSkewed(popular)[0] ?? null,
      random.integer(1, customers.length),
      rating,
      random.chance(0.6) ? random.pick(OPINIONS) : null,
      isoDate(random.integer(dayNumber('2023-02-01'), dayNumber('2025-09-28'))),
    ]);
  }

  return {
    id: 'bookshop',
    title: 'Bookshop',
    description: 'An online bookshop with its customers, books, authors, reviews and the orders of three years.',
    tables: [
      {
        name: 'authors',
        definition: ['author_id INTEGER PRIMARY KEY', 'name TEXT NOT NULL', 'country TEXT NOT NULL', 'birth_year INTEGER'],
        rows: authors,
      },
      {
        name: 'publishers',
        definition: ['publisher_id INTEGER PRIMARY KEY', 'name TEXT NOT NULL'],
        rows: PUBLISHERS.map((name, index) => [index + 1, name]),
      },
      {
        name: 'books',
        definition: [
          'book_id INTEGER PRIMARY KEY',
          'title TEXT NOT NULL',
          'genre TEXT NOT NULL',
          'publisher_id INTEGER NOT NULL REFERENCES publishers (publisher_id)',
          'published_year INTEGER NOT NULL',
          'price REAL NOT NULL',
          'pages INTEGER',
          'stock INTEGER NOT NULL',
        ],
        rows: books,
      },
      {
        name: 'book_authors',
        definition: [
          'book_id INTEGER NOT NULL REFERENCES books (book_id)',
          'author_id INTEGER NOT NULL REFERENCES authors (author_id)',
          'PRIMARY KEY (book_id, author_id)',
        ],
        rows: bookAuthors,
      },
      {
        name: 'customers',
        definition: [
          'customer_id INTEGER PRIMARY KEY',
          'first_name TEXT NOT NULL',
          'last_name TEXT NOT NULL',
          'email TEXT',
          'city TEXT NOT NULL',
          'country TEXT NOT NULL',
          'joined_on DATE NOT NULL',
        ],
        rows: customers,
      },
      {
        name: 'orders',
        definition: [
          'order_id INTEGER PRIMARY KEY',
          'customer_id INTEGER NOT NULL REFERENCES customers (customer_id)',
          'ordered_on DATE NOT NULL',
          'shipped_on DATE',
          'status TEXT NOT NULL',
        ],
        rows: orders,
      },
      {
        name: 'order_items',
        definition: [
          'order_id INTEGER NOT NULL REFERENCES orders (order_id)',
          'line INTEGER NOT NULL',
          'book_id INTEGER NOT NULL REFERENCES books (book_id)',
          'quantity INTEGER NOT NULL',
          'unit_price REAL NOT NULL',
          'PRIMARY KEY (order_id, line)',
        ],
        rows: items,
      },
      {
        name: 'reviews',
        definition: [
          'review_id INTEGER PRIMARY KEY',
          'book_id INTEGER NOT NULL REFERENCES books (book_id)',
          'customer_id INTEGER NOT NULL REFERENCES customers (customer_id)',
          'rating INTEGER NOT NULL',
          'comment TEXT',
          'written_on DATE NOT NULL',
        ],
        rows: reviews,
      },
    ],
    questions: [
      {
        question: 'How many customers are from each country?',
        reference: 'SELECT country, count(*) FROM customers GROUP BY country',
        template: true,
      },
      {
        question: 'Which ten books were sold most?',
        reference:
          'SELECT books.title, sum(order_items.quantity) FROM order_items JOIN books ON order_items.book_id = books.book_id GROUP BY books.book_id ORDER BY sum(order_items.quantity) DESC LIMIT 10',
        template: true,
      },
      {
        question: 'What was the revenue in each year?',
        reference:
          "SELECT strftime('%Y', orders.ordered_on), sum(order_items.quantity * order_items.unit_price) FROM orders JOIN order_items ON orders.order_id = order_items.order_id WHERE orders.status != 'cancelled' GROUP BY strftime('%Y', orders.ordered_on)",
        template: true,
      },
      { question: 'Show the titles and prices of all crime books.', reference: "SELECT title, price FROM books WHERE genre = 'Crime'" },
      {
        question: 'What is the average price of the books in each genre?',
        reference: 'SELECT genre, avg(price) FROM books GROUP BY genre',
      },
      { question: 'How many orders were cancelled?', reference: "SELECT count(*) FROM orders WHERE status = 'cancelled'" },
      {
        question: 'Which books have never been reviewed?',
        reference: 'SELECT title FROM books WHERE book_id NOT IN (SELECT book_id FROM reviews)',
      },
      {
        question: 'Which authors have written more than five books?',
        reference:
          'SELECT authors.name, count(*) FROM authors JOIN book_authors ON authors.author_id = book_authors.author_id GROUP BY authors.author_id HAVING count(*) > 5',
      },
    ],
  };
}
