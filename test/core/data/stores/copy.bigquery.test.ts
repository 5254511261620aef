import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { bigQueryAddress, Warehouse } from '../../../../src/core/clients/google/index.js';
import type { SeriesPut } from '../../../../src/core/data/store.js';
import { create, initialise } from '../../../../src/core/data/stores/bigquery.js';
import { silentLogger, systemClock } from '../../../../src/core/platform/index.js';
import { type BigQueryEmulator, describeOnBigQuery, startBigQuery } from '../../../emulators/bigquery.js';
import { barsAt, expectBars, infoFor, keyOf, minutes } from '../store.contract.js';

const context = { clock: systemClock, logger: silentLogger };
vi.setConfig({ testTimeout: 600_000, hookTimeout: 120_000 });

describeOnBigQuery('many series put at once on a real emulator', () => {
  let emulator: BigQueryEmulator;
  let address: string;
  beforeAll(async () => {
    emulator = await startBigQuery();
    address = emulator.address('crashes');
    await initialise(address, context);
  });
  afterEach(() => vi.restoreAllMocks());
  afterAll(async () => {
    await emulator?.stop();
  });

  /** Lets the process "die" right after its k-th call of the service; tells how many there were. */
  function dieAfter(k: number): () => number {
    let calls = 0;
    for (const name of ['query', 'loadParquet'] as const) {
      const real = Warehouse.prototype[name] as (...args: unknown[]) => Promise<unknown>;
      async function dying(this: Warehouse, ...args: unknown[]): Promise<never> {
        const result = await real.apply(this, args);
        if (++calls === k) throw new Error('died');
        return result as never;
      }
      vi.spyOn(Warehouse.prototype, name).mockImplementation(dying);
    }
    return () => calls;
  }

  it('ends with the same rows wherever the process died, and touches no pinned bar', async () => {
    const placeOf = (k: number) => {
      const [a, b] = [keyOf(`A${k}`), keyOf(`B${k}`)];
      const split = { type: 'split', instrument: a.instrument, date: '2024-02-01', ratio: 2 } as const;
      const puts: SeriesPut[] = [
        { info: infoFor(a), bars: barsAt(a, minutes('2024-01-31T23:58Z', 4), 2), actions: [split] },
        { info: infoFor(b), bars: barsAt(b, minutes('2024-01-31T23:57Z', 5), 2), covered: [{ from: 0, to: 60_000 }] },
      ];
      return { puts, before: { info: infoFor(a), bars: barsAt(a, minutes('2024-01-31T23:57Z', 3), 1) } };
    };
    const places = Array.from({ length: 20 }, (_, k) => placeOf(k));
    const store = create({ address }, context);
    await store.putAll(places.map(({ before }) => before));
    const pin = await store.pin(places[0]!.before.info.key, 0, Number.POSITIVE_INFINITY);
    let k = 0;
    for (let reached = true; reached; k++) {
      const calls = dieAfter(k + 1);
      const dying = create({ address }, context);
      const outcome = await dying.putAll(places[k]!.puts).catch((thrown: Error) => thrown.message);
      await dying.close();
      vi.restoreAllMocks();
      reached = calls() > k;
      if (reached) expect(outcome).toBe('died');
      await store.putAll(places[k]!.puts);
    }
    // Reading and marking the series, load, MERGE and its effect, actions, and the last word of the series.
    expect(k).toBeGreaterThan(10);
    const first = places[0]!;
    expectBars(await store.readPin(pin), first.before.bars);
    for (const { info, bars } of first.puts)
      expectBars(await store.read(info.key, bars.time[0]!, Number.POSITIVE_INFINITY), bars);
    await store.close();
    // What came of each: every bar once, the two corrected ones kept apart, one action.
    const warehouse = await Warehouse.open(bigQueryAddress(address), silentLogger);
    const ever = "TIMESTAMP '1800-01-01 00:00:00+00'";
    const { rows } = await warehouse.query(
      `SELECT instrument, COUNT(*) AS n, COUNTIF(superseded_in IS NULL) AS standing FROM bars WHERE ts >= ${ever} GROUP BY instrument`,
    );
    const found = new Map(rows.map(({ instrument, n, standing }) => [instrument, [Number(n), Number(standing)]]));
    for (let i = 0; i < k; i++)
      expect([found.get(`A${i}`), found.get(`B${i}`)], `${i}`).toEqual([
        [7, 5],
        [5, 5],
      ]);
    const actions = await warehouse.query(`SELECT id, COUNT(*) AS n FROM actions WHERE time >= ${ever} GROUP BY id`);
    expect(actions.rows.map(({ n }) => Number(n))).toEqual(Array.from({ length: k }, () => 1));
    await warehouse.close();
  });
});
