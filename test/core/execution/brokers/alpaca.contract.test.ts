import { Rig } from '../../../fakes/alpaca/rig.js';
import { brokerContract } from '../broker.contract.js';

brokerContract('alpaca', async () => {
  const rig = await Rig.start();
  rig.venue.book.rules.fillMarket = false;
  return {
    broker: rig.broker,
    instruments: ['AAPL', 'MSFT'],
    trade: async (instrument, price) => {
      rig.clock.set(rig.clock.now() + 60_000);
      rig.venue.book.trade(instrument, price);
    },
    connections: () => rig.venue.connections,
    end: () => rig.close(),
  };
});
