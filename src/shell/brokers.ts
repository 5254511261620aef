import { adapters } from '../core/registry/index.js';

/**
 * A vendor that is gone has one answer, whatever is asked of it and whatever else is missing. A name that is no adapter
 * passes: it may be a venue of the journal. @throws QuantlineError CONFIG
 */
export async function checkBroker(broker: string | undefined): Promise<void> {
  if (broker === undefined || !adapters('broker').some(({ name }) => name === broker)) return;
  const { checkVenueExists } = await import('../core/stages/trade/vendor.js');
  await checkVenueExists(broker);
}
