import type { Cell, SampleDatabase } from './sample-database.ts';
import { dayNumber, isoDate, isoTime, round, Seeded } from './seeded.ts';

const DISTRICTS = ['Old Town', 'Harbour', 'University', 'West End', 'Riverside', 'Hill Park', 'Industry Quarter'];
const PLACES = ['Market', 'Bridge', 'Station', 'Park', 'Square', 'Theatre', 'Library', 'Gate'];
const STREETS = ['King Street', 'Mill Lane', 'Harbour Road', 'Linden Avenue', 'Canal Street', 'Castle Hill', 'Meadow Road', 'Orchard Way'];
const FIRST_DAY = dayNumber('2024-01-01');
const DAYS = 366;
const TRIPS = 52_000;
/** How many of a day's trips begin in each hour: commuters in the morning and the evening. */
const HOURS = [1, 1, 0, 0, 1, 3, 8, 16, 18, 10, 8, 9, 12, 11, 10, 12, 17, 22, 18, 12, 8, 6, 4, 2];
/** Warmth of each month in degrees, January first. */
const MONTHLY = [3, 4, 8, 13, 18, 22, 24, 23, 19, 13, 8, 4];

/** The bike share of Rivermouth, a city that does not exist, in 2024. */
export function bikeTrips(): SampleDatabase {
  const random = new Seeded(3303);

  const weather: Cell[][] = [];
  const weights: number[] = [];
  for (let index = 0; index < DAYS; index++) {
    const date = isoDate(FIRST_DAY + index);
    const warmth = MONTHLY[Number(date.slice(5, 7)) - 1] ?? 10;
    const high = round(warmth + random.bell(-8, 8), 1);
    const low = round(high - random.bell(3, 13), 1);
    // On a few days the rain gauge was out of order.
    const rain = random.chance(0.02) ? null : random.chance(0.38) ? round(random.next() ** 3 * 30, 1) : 0;
    const condition = rain === null ? 'unknown' : rain === 0 ? random.pick(['sunny', 'sunny', 'cloudy']) : low < 0 ? 'snow' : 'rain';
    weather.push([date, high, low, rain, round(random.bell(2, 40), 1), condition]);
    const weekend = [0, 6].includes(new Date(`${date}T00:00:00Z`).getUTCDay());
    weights.push(Math.max(0.2, 0.4 + high / 22) * ((rain ?? 0) > 4 ? 0.5 : 1) * (weekend ? 0.8 : 1));
  }

  const stations: Cell[][] = [];
  const names = new Set<string>();
  while (stations.length < 64) {
    const district = random.integer(1, DISTRICTS.length);
    const name = random.chance(0.5)
      ? `${random.pick(STREETS)} ${random.pick(PLACES)}`
      : `${DISTRICTS[district - 1] ?? ''} ${random.pick(PLACES)}`;
    if (names.has(name)) continue;
    names.add(name);
    stations.push([
      stations.length + 1,
      name,
      district,
      round(53.4 + district * 0.008 + random.bell(-0.01, 0.01), 5),
      round(9.9 + (district % 3) * 0.015 + random.bell(-0.012, 0.012), 5),
      random.integer(4, 16) * 2,
      isoDate(random.integer(dayNumber('2019-04-01'), dayNumber('2023-10-31'))),
    ]);
  }

  const bikes: Cell[][] = [];
  for (let id = 1; id <= 420; id++) {
    const electric = random.chance(0.35);
    bikes.push([
      id,
      electric ? random.pick(['Volt 2', 'Volt 3']) : random.pick(['City One', 'City Two', 'Cargo']),
      electric ? 1 : 0,
      isoDate(random.integer(dayNumber('2019-03-01'), dayNumber('2023-12-15'))),
      random.chance(0.06) ? isoDate(random.integer(dayNumber('2024-12-20'), dayNumber('2024-12-31'))) : null,
    ]);
  }

  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const hours = HOURS.flatMap((count, hour) => Array<number>(count).fill(hour));
  const starts: number[] = [];
  weights.forEach((weight, index) => {
    const count = Math.round((TRIPS * weight) / total);
    for (let trip = 0; trip < count; trip++) {
      starts.push((FIRST_DAY + index) * 86_400 + random.pick(hours) * 3600 + random.integer(0, 59) * 60 + random.integer(0, 59));
    }
  });
  starts.sort((one, other) => one - other);
  const trips = starts.map((start, index): Cell[] => {
    const bike = random.pick(bikes);
    const from = random.pickSkewed(stations);
    const to = random.pickSkewed(stations);
    const minutes = Math.max(2, Math.round(random.next() ** 2 * 55 + random.bell(3, 12)));
    const metres = Math.round((minutes * random.bell(110, 260) * (bike[2] === 1 ? 1.25 : 1)) / 10) * 10;
    // A few bikes are never brought back to a station.
    const lost = random.chance(0.004);
    return [
      index + 1,
      bike[0] ?? null,
      from[0] ?? null,
      lost ? null : (to[0] ?? null),
      isoTime(start),
      lost ? null : minutes,
      lost ? null : metres,
      random.chance(0.72) ? 'member' : 'guest',
    ];
  });

  return {
    id: 'bike-trips',
    title: 'Bike trips',
    description: 'One year of a city’s shared bikes: more than 50,000 trips between stations, with the weather of each day.',
    tables: [
      {
        name: 'districts',
        definition: ['district_id INTEGER PRIMARY KEY', 'name TEXT NOT NULL'],
        rows: DISTRICTS.map((name, index) => [index + 1, name]),
      },
      {
        name: 'stations',
        definition: [
          'station_id INTEGER PRIMARY KEY',
          'name TEXT NOT NULL',
          'district_id INTEGER NOT NULL REFERENCES districts (district_id)',
          'latitude REAL NOT NULL',
          'longitude REAL NOT NULL',
          'docks INTEGER NOT NULL',
          'opened_on DATE NOT NULL',
        ],
        rows: stations,
      },
      {
        name: 'bikes',
        definition: [
          'bike_id INTEGER PRIMARY KEY',
          'model TEXT NOT NULL',
          'electric INTEGER NOT NULL',
          'bought_on DATE NOT NULL',
          'retired_on DATE',
        ],
        rows: bikes,
      },
      {
        name: 'weather',
        definition: [
          'date DATE PRIMARY KEY',
          'high_temperature REAL NOT NULL',
          'low_temperature REAL NOT NULL',
          'rain_mm REAL',
          'wind_speed REAL NOT NULL',
          'condition TEXT NOT NULL',
        ],
        rows: weather,
      },
      {
        name: 'trips',
        definition: [
          'trip_id INTEGER PRIMARY KEY',
          'bike_id INTEGER NOT NULL REFERENCES bikes (bike_id)',
          'start_station_id INTEGER NOT NULL REFERENCES stations (station_id)',
          'end_station_id INTEGER REFERENCES stations (station_id)',
          'started_at DATETIME NOT NULL',
          'minutes INTEGER',
          'distance_m INTEGER',
          'rider TEXT NOT NULL',
        ],
        rows: trips,
      },
    ],
    questions: [
      {
        question: 'How many trips were made by members and by guests?',
        reference: 'SELECT rider, count(*) FROM trips GROUP BY rider',
        template: true,
      },
      {
        question: 'How many trips were there in each month?',
        reference: "SELECT strftime('%m', started_at), count(*) FROM trips GROUP BY strftime('%m', started_at)",
        template: true,
      },
      {
        question: 'From which ten stations did the most trips start?',
        reference:
          'SELECT stations.name, count(*) FROM trips JOIN stations ON trips.start_station_id = stations.station_id GROUP BY stations.station_id ORDER BY count(*) DESC LIMIT 10',
        template: true,
      },
      { question: 'What is the average length of a trip in minutes?', reference: 'SELECT avg(minutes) FROM trips' },
      {
        question: 'How many stations are in each district?',
        reference:
          'SELECT districts.name, count(*) FROM stations JOIN districts ON stations.district_id = districts.district_id GROUP BY districts.name',
      },
      {
        question: 'On which date was the highest temperature?',
        reference: 'SELECT date FROM weather ORDER BY high_temperature DESC LIMIT 1',
      },
      {
        question: 'How many trips were made with electric bikes?',
        reference: 'SELECT count(*) FROM trips JOIN bikes ON trips.bike_id = bikes.bike_id WHERE bikes.electric = 1',
      },
      {
        question: 'How many trips were made in each kind of weather condition?',
        reference:
          'SELECT weather.condition, count(*) FROM trips JOIN weather ON date(trips.started_at) = weather.date GROUP BY weather.condition',
      },
    ],
  };
}
