import { CompletionContext, type CompletionResult } from '@codemirror/autocomplete';
import { EditorState } from '@codemirror/state';
import { describe, expect, test } from 'vitest';
import { concertSchema } from '../../tests/fixtures/concert-schema.ts';
import { completeInScope } from './complete-in-scope.ts';

/** What is offered at the `|` of a statement. */
function offered(marked: string): string[] {
  const at = marked.indexOf('|');
  const state = EditorState.create({ doc: marked.replace('|', '') });
  const result = completeInScope(concertSchema)(new CompletionContext(state, at, true)) as CompletionResult | null;
  return (result?.options ?? []).map((option) => (typeof option.apply === 'string' ? option.apply : option.label));
}

describe('completeInScope', () => {
  test('offers the columns of the tables in FROM, and nothing of others', () => {
    const names = offered('SELECT na| FROM singer AS s');
    expect(names).toEqual(expect.arrayContaining(['Name', '"Home Town"', 's']));
    expect(names).not.toContain('Capacity');
  });
  test('behind an alias only its columns', () => {
    const names = offered('SELECT s.| FROM singer AS s JOIN concert AS c ON 1');
    expect(names).toContain('Country');
    expect(names).not.toContain('concert_Name');
  });
  test('inside a subquery also what lies outside', () => {
    const names = offered('SELECT 1 FROM singer WHERE EXISTS (SELECT 1 FROM concert WHERE y| = 1)');
    expect(names).toEqual(expect.arrayContaining(['Year', 'Age']));
  });
  test('nothing where nothing is in reach', () => {
    expect(offered('SELE|')).toEqual([]);
    expect(offered('SELECT * FROM sing|')).toEqual([]);
  });
});
