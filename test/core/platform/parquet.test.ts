import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { seededRandom } from '../../../src/core/domain/index.js';
import { queryColumns, readParquet, writeParquet } from '../../../src/core/platform/parquet.js';

const folder = () => mkdtemp(join(tmpdir(), 'parquet-'));

function sample(n: number) {
  const random = seededRandom(7);
  return {
    time: Float64Array.from({ length: n }, (_, i) => -86_400_000_000 + i * 60_000),
    price: Float64Array.from({ length: n }, () => random.next() * 100),
    side: Int32Array.from({ length: n }, (_, i) => i - 3),
    note: Array.from({ length: n }, (_, i) => (i % 3 === 0 ? `it's "${i}", née` : '')),
  };
}

it.each([0, 1, 2047, 2048, 5000, 130_000])('returns the columns it wrote: %d rows', async (n) => {
  const columns = sample(n);
  columns.price.set([Number.NaN, -0, 5e-324, 1.7976931348623157e308].slice(0, n));
  const path = join(await folder(), 'a [b] *?.parquet');
  await writeParquet(path, columns, { timestamps: ['time'] });
  const back = await readParquet(path);
  expect(Object.keys(back)).toEqual(['time', 'price', 'side', 'note']);
  for (const name of ['time', 'price', 'side'] as const)
    expect(Buffer.from((back[name] as Float64Array).slice().buffer).equals(Buffer.from(columns[name].buffer))).toBe(
      true,
    );
  expect((back['note'] as string[]).join('\n') === columns.note.join('\n')).toBe(true);
  expect(Object.keys(await readParquet(path, ['side', 'time']))).toEqual(['side', 'time']);
});

it('gives equal bytes for equal columns, also on several connections at once', async () => {
  const dir = await folder();
  const paths = Array.from({ length: 6 }, (_, i) => join(dir, `${i}.parquet`));
  await Promise.all(paths.map((path) => writeParquet(path, sample(300_000), { timestamps: ['time'] })));
  const files = await Promise.all(paths.map((path) => readFile(path)));
  for (const file of files) expect(file.equals(files[0]!)).toBe(true);
});

it('accepts views and shared memory', async () => {
  const shared = new Float64Array(new SharedArrayBuffer(80)).map((_, i) => i).subarray(2, 5);
  const path = join(await folder(), 'x.parquet');
  await writeParquet(path, { a: shared, b: Float64Array.of(9, 1, 2, 3).subarray(1) });
  const back = await readParquet(path);
  expect([...(back['a'] as Float64Array)]).toEqual([2, 3, 4]);
  expect([...(back['b'] as Float64Array)]).toEqual([1, 2, 3]);
  expect((back['a'] as Float64Array).buffer).toBeInstanceOf(SharedArrayBuffer);
});

it('reads NULL as NaN and dates as UTC midnight', async () => {
  const back = await queryColumns(
    "(SELECT * FROM (VALUES (1, DATE '2024-02-29', 1.5::DECIMAL(9,2), 7::BIGINT), (2, NULL, NULL, 8)) v(i, d, x, b))",
  );
  expect([...(back['d'] as Float64Array)]).toEqual([Date.UTC(2024, 1, 29), Number.NaN]);
  expect([...(back['x'] as Float64Array)]).toEqual([1.5, Number.NaN]);
  expect([...(back['b'] as Float64Array)]).toEqual([7, 8]);
});

it('says what is wrong with a file and leaves nothing behind', async () => {
  const dir = await folder();
  const path = join(dir, 'x.parquet');
  await expect(readParquet(path)).rejects.toMatchObject({ code: 'INPUT', message: `No such file: ${path}` });
  await writeFile(path, 'PAR1 no');
  await expect(readParquet(path)).rejects.toMatchObject({ code: 'INPUT' });
  await writeParquet(path, sample(10));
  await expect(readParquet(path, ['nope'])).rejects.toThrow(/no column "nope"; there are time, price, side, note/);
  await expect(writeParquet(join(path, 'y.parquet'), sample(1))).rejects.toMatchObject({ code: 'STORAGE' });
  expect(await readdir(dir)).toEqual(['x.parquet']);
});
