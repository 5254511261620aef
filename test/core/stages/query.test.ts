import { afterAll, beforeAll, expect, it } from 'vitest';
import { silentLogger } from '../../../src/core/platform/index.js';
import { storeQuery } from '../../../src/core/stages/warehouse/query.js';
import { FakeBigQuery } from '../../fakes/bigquery/server.js';
import { optionsOf, testRuntime } from '../../support/workspace.js';

let fake: FakeBigQuery;
beforeAll(async () => {
  process.env['METADATA_SERVER_DETECTION'] = 'none';
  fake = await FakeBigQuery.start();
});
afterAll(() => fake.close());

const query = async (more: Record<string, unknown> = {}) => {
  const said: string[] = [];
  const say = (text: string) => void said.push(`${fake.queries(/FROM bars/).length} jobs: ${text}`);
  const runtime = testRuntime({ logger: { ...silentLogger, info: say } });
  const options = optionsOf('store:query', { store: fake.address(), ...more });
  return { said, result: storeQuery('SELECT close FROM bars', options, runtime) };
};

it('says what a query is estimated at before it is run, and what was billed after', async () => {
  fake.estimate = 3e9;
  fake.answers.push([/SELECT close/, [{ close: '1' }]]);
  const { said, result } = await query({ maxBytes: 7_000_000_000 });
  // The fake bills twice what it estimates.
  expect(await result).toMatchObject({ estimatedBytes: 3e9, billedBytes: 6e9, rows: [['1']] });
  expect(said).toEqual(['1 jobs: The query reads about 3000.0 MB ($0.0171).', '2 jobs: Billed: 6000.0 MB ($0.0341).']);
  const [dry, wet] = fake.queries(/FROM bars/);
  expect([dry!.configuration.dryRun, wet!.configuration.dryRun]).toEqual([true, false]);
  for (const job of [dry!, wet!]) expect(job.configuration.query!.maximumBytesBilled).toBe('7000000000');
  expect(fake.violations).toEqual([]);
});

it('runs nothing with --dry-run', async () => {
  const before = fake.queries(/FROM bars/).length;
  const { result } = await query({ dryRun: true });
  expect(await result).toMatchObject({ estimatedBytes: 3e9, billedBytes: null, rows: [] });
  expect(
    fake
      .queries(/FROM bars/)
      .slice(before)
      .map(({ configuration }) => configuration.dryRun),
  ).toEqual([true]);
});
