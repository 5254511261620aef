import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Artifact } from '../../../src/core/artifacts/index.js';
import { parseCall } from '../../../src/core/config/index.js';
import { openDataset } from '../../../src/core/data/open.js';
import { rowsOf } from '../../../src/core/stages/compose/as-of.js';
import { composeFeatures } from '../../../src/core/stages/compose/features.js';
import { FoldPool } from '../../../src/core/stages/compose/fold-pool.js';
import { foldsOf, validateOn } from '../../../src/core/stages/compose/folds.js';
import { composeLabel } from '../../../src/core/stages/compose/labels.js';
import { feedOf } from '../../../src/core/stages/compose/market.js';
import { foldMarket } from '../../../src/core/stages/compose/money.js';
import type { TrainingJob } from '../../../src/core/stages/compose/segments.js';
import { composeTrainer } from '../../../src/core/stages/compose/trainer.js';
import { ingest } from '../../../src/core/stages/ingest.js';
import { fixture, optionsOf, testRuntime } from '../../support/workspace.js';

const runtime = testRuntime({ threads: 2 }, true);
afterAll(() => rmSync(runtime.workspace, { recursive: true, force: true }));

let base: Omit<TrainingJob, 'learner' | 'trainer'>;
let data: Artifact;
beforeAll(async () => {
  const source = { source: 'csv', symbols: 'MSFT', file: [fixture('bars/msft-daily-1990-2022.csv')] };
  data = (await ingest(optionsOf('ingest', { ...source, interval: '1d', basis: 'split', from: '2018-01-01' }), runtime))
    .artifact;
  const dataset = await openDataset(runtime, data);
  const label = await composeLabel('direction(3)', dataset);
  const rows = rowsOf(dataset, await composeFeatures('ret(1),ret(5),rsi(14)', dataset.interval), label);
  const options = optionsOf('train', { weights: 'uniqueness', embargo: 2 });
  const market = await foldMarket(options, { kind: label.scoreKind, short: false }, { dataset, feed: feedOf(dataset) });
  base = { rows, label, engine: 'embedded', options, runtime, market };
});

const jobOf = async (call: string): Promise<TrainingJob> => {
  const trainer = await composeTrainer(parseCall(call));
  if (trainer.trainer.kind !== 'learner') throw new Error('not a learner');
  return { ...base, learner: trainer.trainer, trainer };
};
const plan = () => foldsOf(parseCall('cpcv(4,2)'), base.rows, 2);

describe('workers that fit folds', () => {
  test('see one table of rows in shared memory', () => {
    const { x, y, at, series, source } = base.rows;
    for (const column of [x, y, at, series.x, source.knownAt[0]!, source.bars[0]!.close]) {
      expect(column.buffer).toBeInstanceOf(SharedArrayBuffer);
    }
  });

  test('give what one thread gives, in the order of the folds, and one pool serves several learners', async () => {
    const pool = FoldPool.for(base, 6, 0)!;
    try {
      for (const call of ['xgboost(4)', 'logistic']) {
        const job = await jobOf(call);
        const seen: number[] = [];
        const shared = await validateOn({ ...job, pool }, plan(), async (_, done) => void seen.push(done));
        expect(shared).toEqual(await validateOn(job, plan()));
        expect(seen).toEqual([1, 2, 3, 4, 5, 6]);
      }
    } finally {
      await pool.close();
    }
  });

  test('an early stop leaves the pool fit for the next; errors keep their code and hint', async () => {
    const pool = FoldPool.for(base, 6, 0)!;
    try {
      const job = { ...(await jobOf('logistic')), pool };
      const stopped = validateOn(job, plan(), async (_, done) => {
        if (done === 2) throw new Error('pruned');
      });
      await expect(stopped).rejects.toThrow('pruned');
      const few = { folds: [{ train: Int32Array.of(1, 2), test: Int32Array.of(3) }] } as unknown as ReturnType<
        typeof plan
      >;
      await expect(validateOn(job, few)).rejects.toMatchObject({
        code: 'NO_DATA',
        hint: expect.stringMatching(/longer/),
      });
      expect((await validateOn(job, plan())).folds).toEqual((await validateOn(await jobOf('logistic'), plan())).folds);
      const controller = new AbortController();
      const aborted = validateOn({ ...job, runtime: { ...runtime, signal: controller.signal } }, plan(), async () =>
        controller.abort(new Error('stop')),
      );
      await expect(aborted).rejects.toThrow('stop');
    } finally {
      await pool.close();
    }
  });

  test('are not started where they cost more than they save, nor beside a native engine', () => {
    expect(FoldPool.for(base, 6)).toBeUndefined();
    expect(FoldPool.for({ ...base, engine: 'native' }, 6, 0)).toBeUndefined();
    expect(FoldPool.for({ ...base, runtime: { threads: 1 } }, 6, 0)).toBeUndefined();
  });
});
