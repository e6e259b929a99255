import { describe, expect, test } from 'vitest';
import { concertSchema } from '../../tests/fixtures/concert-schema.ts';
import { buildValueIndex, linkValues, stem } from './link-values.ts';

const index = buildValueIndex([
  { table: 'singer', column: 'Name', values: ['Joe Sharp', 'Rose White', 'Show', 'Singer'] },
  { table: 'singer', column: 'Country', values: ['France', 'Côte d’Ivoire', 'Netherlands'] },
  { table: 'singer', column: 'Home Town', values: ['New York', 'York', '2014', 'FRANCE'] },
]);
const link = (question: string) => linkValues(question, index, concertSchema).map((one) => `${one.column}=${one.value}`);

describe('linkValues', () => {
  test('finds cells whatever their case, in every column that has them', () => {
    expect(link('Singers from france')).toEqual(['Country=France', 'Home Town=FRANCE']);
  });
  test('prefers the longest phrase', () => {
    expect(link('Who lives in New York?')).toEqual(['Home Town=New York']);
  });
  test('reads across accents and apostrophes', () => {
    expect(link("singers of Cote d'Ivoire")).toEqual(['Country=Côte d’Ivoire']);
  });
  test('grammar and schema words count only where the question writes them as the cell does', () => {
    expect(link('Show every singer')).toEqual([]);
    expect(link('Is there a singer called Show?')).toEqual(['Name=Show']);
  });
  test('nationalities and genders stand for what is stored', () => {
    const people = buildValueIndex([
      { table: 'p', column: 'country', values: ['France', 'Italy', 'China', 'Netherlands'] },
      { table: 'p', column: 'continent', values: ['Asia', 'Europe'] },
      { table: 'p', column: 'sex', values: ['F', 'M'] },
      { table: 'p', column: 'section', values: ['F', 'G'] },
    ]);
    const of = (question: string) => linkValues(question, people, { tables: [] }).map((one) => `${one.column}=${one.value}`);
    expect(of('French, Italian, Chinese and Dutch women')).toEqual([
      'country=France',
      'country=Italy',
      'country=China',
      'country=Netherlands',
      'sex=F',
    ]);
    expect(of('Asian or European men')).toEqual(['continent=Asia', 'continent=Europe', 'sex=M']);
  });
  test('endings of contractions and plurals of names are no cells', () => {
    const names = buildValueIndex([{ table: 'p', column: 'name', values: ['T', 'S', 'Edward', 'McDonald’s'] }]);
    const of = (question: string) => linkValues(question, names, { tables: [] }).map((one) => one.value);
    expect(of("Who didn't know Nancy Edwards?")).toEqual([]);
    expect(of("Who eats at McDonald's?")).toEqual(['McDonald’s']);
  });
  test('a misspelt name is found where only one cell is near', () => {
    const places = buildValueIndex([{ table: 'p', column: 'region', values: ['Caribbean', 'Middle East', 'Martin', 'Morton'] }]);
    const of = (question: string) => linkValues(question, places, { tables: [] }).map((one) => one.value);
    expect(of('countries in the Carribean')).toEqual(['Caribbean']);
    expect(of('countries of carrots')).toEqual([]);
    expect(of('whose name is Merton')).toEqual([]);
  });
  test('numbers are not linked: the question spells them', () => {
    expect(link('How many concerts in 2014?')).toEqual([]);
  });
  test('numbers that read like a code are', () => {
    const numbers = buildValueIndex([{ table: 'p', column: 'phone', values: ['09700166582', '162', '2014'] }]);
    expect(linkValues('Who has the phone 09700166582, in 2014 or 162?', numbers, { tables: [] }).map((one) => one.value)).toEqual([
      '09700166582',
    ]);
  });
  test('a date is found in whatever format the cell has', () => {
    const dates = buildValueIndex([
      { table: 'stay', column: 'check_in', values: ['23-OCT-10', '2010-10-24', '2010-10-25 08:30:00', '3/4/2010', 'Room 2010-10-26'] },
    ]);
    const of = (question: string) => linkValues(question, dates, { tables: [] }).map((one) => one.value);
    expect(of('Who checked in on Oct 23, 2010?')).toEqual(['23-OCT-10']);
    expect(of('Who checked in before the 24th of October 2010 or on October 25, 2010?')).toEqual(['2010-10-24', '2010-10-25 08:30:00']);
    expect(of('Who checked in on 2010-10-23?')).toEqual(['23-OCT-10']);
    // April 3 or March 4: the cell does not say, so nothing is claimed.
    expect(of('Who checked in on April 3, 2010 or 2010-10-26?')).toEqual([]);
  });
  test('other names of a country, other spacing, one letter for a hand or after its column', () => {
    const cells = buildValueIndex([
      { table: 'p', column: 'country', values: ['usa', 'UK'] },
      { table: 'p', column: 'state', values: ['NorthCarolina'] },
      { table: 'p', column: 'hand', values: ['L', 'R'] },
      { table: 'section', column: 'section_name', values: ['h', 'b'] },
      { table: 'degree', column: 'title', values: ['Bachelor', 'Master'] },
    ]);
    const of = (question: string) => linkValues(question, cells, { tables: [] }).map((one) => one.value);
    expect(of('Cars of the United States or Great Britain')).toEqual(['usa', 'UK']);
    expect(of('Tell us who they are')).toEqual([]);
    expect(of('Students in North Carolina')).toEqual(['NorthCarolina']);
    expect(of('Which left-handed players left right hand gloves?')).toEqual(['L', 'R']);
    expect(of('Describe section h, or the section named b, not h')).toEqual(['h', 'b']);
    expect(of('both Masters and Bachelors students')).toEqual(['Master', 'Bachelor']);
    expect(of('Which Masters does Anna Masters have?')).toEqual(['Master']);
  });
  test('the order is the one of the question', () => {
    expect(link('Did Rose White or Joe Sharp sing in the Netherlands?')).toEqual([
      'Name=Rose White',
      'Name=Joe Sharp',
      'Country=Netherlands',
    ]);
  });
  test('at most so many links', () => {
    expect(linkValues('France, Netherlands, York, Joe Sharp', index, concertSchema, { most: 2 })).toHaveLength(2);
  });
});

test('stem takes plural endings off', () => {
  expect(['cities', 'boxes', 'dogs', 'class', 'status', 'horses'].map(stem)).toEqual(['city', 'box', 'dog', 'class', 'status', 'horse']);
});
