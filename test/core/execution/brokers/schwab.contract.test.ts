import { Rig } from '../../../fakes/schwab/rig.js';
import { brokerContract } from '../broker.contract.js';

brokerContract('schwab', async () => {
  const rig = await Rig.start();
  rig.venue.book.fillMarket = false;
  return {
    broker: rig.broker,
    instruments: ['AAPL', 'MSFT'],
    paper: false,
    trade: async (instrument, price) => {
      rig.clock.set(rig.clock.now() + 60_000);
      rig.venue.book.trade(instrument, price);
    },
    connections: () => rig.venue.connections,
    end: () => rig.close(),
  };
});
