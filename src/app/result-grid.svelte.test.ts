import { expect, test } from 'vitest';
import { render } from 'vitest-browser-svelte';
import { userEvent } from 'vitest/browser';
import type { ResultSet, SqlValue } from '../database/database.ts';
import ResultGrid from './result-grid.svelte';

function resultOf(columns: readonly string[], rows: readonly (readonly SqlValue[])[]): ResultSet {
  return { columns, rows, truncated: false, milliseconds: 1 };
}

test('100,000 rows are drawn as a few dozen, and announced as what they are', async () => {
  const rows = Array.from({ length: 100_000 }, (_, index) => [index, `row ${String(index)}`]);
  const screen = await render(ResultGrid, { result: resultOf(['number', 'text'], rows) });
  const grid = screen.getByRole('grid', { name: 'Result' });
  await expect.element(grid).toHaveAttribute('aria-rowcount', '100001');
  expect(grid.element().querySelectorAll('[role=row]').length).toBeLessThan(60);
});

test('names and cells are text, whatever they hold', async () => {
  const nasty = '<img src=x onerror="globalThis.intruded=true">';
  const screen = await render(ResultGrid, { result: resultOf([nasty], [[nasty]]) });
  await expect.element(screen.getByRole('gridcell')).toHaveTextContent(nasty);
  await expect.element(screen.getByRole('columnheader')).toHaveTextContent(nasty);
  expect(screen.container.querySelector('img')).toBeNull();
});

test('the arrow keys move, Enter shows the whole cell, Escape returns to the grid', async () => {
  const long = 'word '.repeat(100).trim();
  const screen = await render(ResultGrid, { result: resultOf(['a', 'b'], [[1, 'x'], [2, long]]) }); // prettier-ignore
  const grid = screen.getByRole('grid', { name: 'Result' });
  (grid.element() as HTMLElement).focus();
  await userEvent.keyboard('{ArrowDown}{ArrowRight}{Enter}');
  await expect.element(screen.getByRole('dialog')).toHaveTextContent(long);
  await userEvent.keyboard('{Escape}');
  await expect.element(screen.getByRole('dialog')).not.toBeInTheDocument();
  expect(document.activeElement).toBe(grid.element());
});

test('duplicate column names are kept', async () => {
  const screen = await render(ResultGrid, { result: resultOf(['name', 'name'], [['a', 'b']]) });
  expect(screen.getByRole('columnheader').elements()).toHaveLength(2);
});
