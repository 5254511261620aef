import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { create, initialise } from '../../../../src/core/data/stores/bigquery.js';
import { silentLogger, systemClock } from '../../../../src/core/platform/index.js';
import { type BigQueryEmulator, describeOnBigQuery, startBigQuery } from '../../../emulators/bigquery.js';
import { barsAt, describeBarStore, expectBars, infoFor, keyOf, minutes } from '../store.contract.js';

const context = { clock: systemClock, logger: silentLogger };
let emulator: BigQueryEmulator;

// The emulator answers in tenths of a second where the service takes hundredths.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });

describeOnBigQuery('on a real emulator', () => {
  beforeAll(async () => {
    emulator = await startBigQuery();
  });
  afterAll(async () => {
    await emulator?.stop();
  });
  let n = 0;
  describeBarStore('bigquery', async () => {
    const address = emulator.address(`contract_${++n}`);
    await initialise(address, context);
    return { open: async () => create({ address }, context) };
  });

  it('reads large ranges as Arrow columns, equal to what queries give, also from a pin after a correction', async () => {
    const address = emulator.address('large');
    await initialise(address, context);
    const store = create({ address }, context);
    const key = keyOf('SPY');
    const bars = barsAt(key, minutes('2024-01-31T20:00Z', 6000));
    await store.put(infoFor(key), bars);
    expectBars(await store.read(key, 0, Number.POSITIVE_INFINITY), bars);
    const pin = await store.pin(key, 0, Number.POSITIVE_INFINITY);
    await store.put(infoFor(key), barsAt(key, minutes('2024-02-01T00:00Z', 10), 7));
    expectBars(await store.readPin(pin), bars);
    const [from, to] = [Date.parse('2024-02-01T00:00Z'), Date.parse('2024-02-01T00:10Z')];
    const small = await store.read(key, from, to);
    expect([...small.close]).toEqual([...barsAt(key, minutes('2024-02-01T00:00Z', 10), 7).close]);
    expect(await store.prune([pin])).toMatchObject({ bytes: 0 });
    expect((await store.prune([])).bytes).toBeGreaterThan(0);
    await expect(store.readPin(pin)).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT' });
    await store.close();
  });
});
