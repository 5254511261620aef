import { describe, expect, it } from 'vitest';
import { columnsTable } from '../../src/shell/columns.js';
import { asObjects, render, type Table } from '../../src/shell/output.js';

const table: Table = {
  columns: ['id', 'price', 'note'],
  rows: [
    ['a', 1.5, 'plain'],
    ['b', 1234.123456789, 'with, comma and "quotes"'],
    ['c', Number.NaN, undefined],
    ['d', null, 'two\nlines'],
  ],
  decimals: { price: 2 },
};

describe('rows', () => {
  it('as CSV are exact and quoted where needed', async () => {
    expect(await render(table, 'csv')).toBe(
      'id,price,note\na,1.5,plain\nb,1234.123456789,"with, comma and ""quotes"""\nc,,\nd,,"two\nlines"',
    );
  });

  it('as JSON are objects, null where there is no value', async () => {
    expect(JSON.parse(await render(table, 'json'))).toEqual([
      { id: 'a', price: 1.5, note: 'plain' },
      { id: 'b', price: 1234.123456789, note: 'with, comma and "quotes"' },
      { id: 'c', price: null, note: null },
      { id: 'd', price: null, note: 'two\nlines' },
    ]);
  });

  it('as a table are aligned, numbers right, without trailing blanks', async () => {
    const text = await render({ ...table, rows: [...table.rows].slice(0, 2) }, 'table');
    expect(text.split('\n')).toEqual([
      'id    price  note',
      'a      1.50  plain',
      'b   1234.12  with, comma and "quotes"',
    ]);
  });

  it('of none show the columns', async () => {
    expect(await render({ columns: ['a', 'b'], rows: [] }, 'table')).toBe('a  b');
    expect(await render({ columns: ['a', 'b'], rows: [] }, 'csv')).toBe('a,b');
  });
});

describe('columns', () => {
  const columns = { time: Float64Array.of(0, 86_400_000), price: Float64Array.of(1, 2.25), side: ['buy', 'sell'] };

  it('become rows, times in UTC', () => {
    expect(asObjects(columnsTable(columns))).toEqual([
      { time: '1970-01-01T00:00:00Z', price: 1, side: 'buy' },
      { time: '1970-01-02T00:00:00Z', price: 2.25, side: 'sell' },
    ]);
    expect(asObjects(columnsTable(columns, 1))).toHaveLength(1);
    expect(asObjects(columnsTable({}))).toEqual([]);
  });

  it('are shown with the decimals they need', async () => {
    expect(await render(columnsTable(columns), 'table')).toContain('2.25  sell');
    expect(columnsTable(columns).decimals).toMatchObject({ price: 2 });
    expect(columnsTable({ x: Float64Array.of(1 / 3) }).decimals).toEqual({ x: 6 });
  });
});
