import { afterAll, beforeAll, describe } from 'vitest';
import { create, initialise } from '../../../../src/core/data/stores/bigquery.js';
import { silentLogger, systemClock } from '../../../../src/core/platform/index.js';
import { type BigQueryEmulator, skipReason, startBigQuery } from '../../../emulators/bigquery.js';
import { describeBarStore } from '../store.contract.js';

const context = { clock: systemClock, logger: silentLogger };
let emulator: BigQueryEmulator;

describe.skipIf(skipReason !== undefined)(
  `on a real emulator${skipReason === undefined ? '' : `: ${skipReason}`}`,
  () => {
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
  },
);
