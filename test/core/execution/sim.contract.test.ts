import { calendarOf, defaultInstrument } from '../../../src/core/domain/index.js';
import * as sim from '../../../src/core/execution/brokers/sim/index.js';
import { ManualClock, silentLogger } from '../../../src/core/platform/index.js';
import { temporaryFolder } from '../state/helpers.js';
import { brokerContract } from './broker.contract.js';
import { exchangeSettings } from './helpers.js';

brokerContract('sim', async () => {
  const folder = await temporaryFolder();
  const clock = new ManualClock(Date.UTC(2026, 0, 5, 15));
  const broker = await sim.create(sim.settings.parse({}), {
    clock,
    logger: silentLogger,
    secrets: {},
    live: false,
    stateDir: folder.path,
    instruments: [defaultInstrument('SPY', 'XNYS'), defaultInstrument('QQQ', 'XNYS')],
    calendar: calendarOf('XNYS'),
    exchange: exchangeSettings({ allowShort: true }),
  });
  let index = 0;
  return {
    broker,
    instruments: ['SPY', 'QQQ'],
    trade: async (instrument, price) => {
      const time = clock.now();
      clock.set(time + 60_000);
      const bar = { instrument, index: index++, time, open: price, high: price, low: price, close: price, volume: 1e6 };
      await broker.onTick!({ time: clock.now(), bars: [bar] });
    },
    end: folder.remove,
  };
});
