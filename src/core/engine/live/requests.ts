import type { Instrument } from '../../domain/instrument.js';
import { quantiseOrder } from '../../domain/quantise.js';
import { QuantlineError } from '../../errors/index.js';
import type { BrokerCapabilities } from '../../execution/index.js';
import type { NewIntent } from '../../state/index.js';
import type { PlannedOrder } from '../step.js';

/**
 * An intent as this venue takes it. A notional becomes a quantity at the last close where the venue has none; protection
 * stays relative to the fill, for venues that compute it. `fractional`: fractions where the instrument has them.
 */
export function toNewIntent(
  planned: Extract<PlannedOrder, { action: 'submit' }>,
  instrument: Instrument,
  capabilities: BrokerCapabilities,
  fractional: boolean,
  close: number,
): NewIntent {
  const { protection, notional, ...rest } = planned.intent;
  const { type, limitPrice, stopPrice } = planned.intent;
  const byMoney = capabilities.notional && (type === 'market' || capabilities.notionalLimits === true);
  const intent =
    notional === undefined || byMoney
      ? planned.intent
      : { ...rest, quantity: notional / (limitPrice ?? stopPrice ?? close) };
  if (protection !== undefined && capabilities.relativeProtection !== true) {
    throw new QuantlineError('CONFIG', 'This venue does not hold a stop or target relative to the fill.', {
      hint: 'Trade a run without --stop-loss, --take-profit and --trailing-stop there, or use --broker sim.',
    });
  }
  return {
    leg: intent.leg,
    request: {
      instrument: intent.instrument,
      side: intent.side,
      type: intent.type,
      // An entry at a price works until the signal changes, over sessions too.
      timeInForce: type === 'market' ? 'day' : 'gtc',
      ...quantiseOrder(intent, instrument, fractional, capabilities.notionalDecimals),
      opens: intent.leg === 'entry',
      ...(protection !== undefined && { protection }),
    },
  };
}
