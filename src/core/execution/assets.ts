import { isQuantlineError } from '../errors/index.js';
import type { OrderRecord } from '../state/index.js';
import { type Broker, sendError } from './broker.js';

/**
 * Asks the venue about an instrument before an entry that depends on it: a short sale needs shares to borrow, a fraction
 * an instrument that is traded in fractions. Whole shares bought are left to the venue's own refusal, which costs no
 * request. @throws QuantlineError REFUSED (`rejected`), or `not_sent` where the venue could not be asked.
 */
export async function checkAsset(broker: Broker, { leg, request }: OrderRecord): Promise<void> {
  const { instrument, side, quantity, notional } = request;
  const short = side === 'sell';
  const fraction =
    broker.capabilities.cutsNotional !== true && (notional !== undefined || /\.\d*[1-9]/.test(quantity ?? ''));
  if (leg !== 'entry' || !(short || fraction)) return;
  const refuse = (why: string, hint: string): never => {
    throw sendError('rejected', `${instrument}: ${why} at ${broker.venue}. Nothing was sent.`, { hint, reason: why });
  };
  const asset = await broker.asset(instrument).catch((error: unknown) => {
    if (!isQuantlineError(error) || error.code !== 'UNAVAILABLE') throw error;
    throw sendError('not_sent', `${instrument}: not sent, the venue could not be asked about it. ${error.message}`, {
      cause: error,
    });
  });
  if (!asset.tradable) refuse('it is not traded', 'Leave the instrument out.');
  if (asset.halted === true) refuse('trading in it is halted', 'Wait until trading resumes.');
  if (short && !asset.shortable)
    refuse(
      'it cannot be sold short: there are no shares to borrow easily',
      'Switch short selling off, or leave it out.',
    );
  if (fraction && !asset.fractionable) refuse('fractions of it are not traded', 'Trade whole shares.');
}
