import { compare, multiply, signOf, subtract } from '../domain/decimal.js';
import { isoTime } from '../platform/index.js';
import type { OrderRecord, PositionRecord } from '../state/index.js';
import type { Broker } from './broker.js';
import type { ExecutionContext } from './context.js';
import type { Difference } from './holdings.js';

/**
 * A venue that keeps its fee in what was bought (crypto) holds less than the executions add up to. Where the shortfall
 * is within such a fee of the strategy that bought last, and nothing of the instrument is being sold, its lots are cut to
 * what is there. It does so itself: another strategy that owns the instrument too (a fill was taken back late) leaves it
 * alone. Returns the instruments whose difference is such a fee, and whether one was booked here.
 */
export async function bookFeesInKind(
  context: ExecutionContext,
  owned: readonly PositionRecord[],
  open: readonly OrderRecord[],
  differences: readonly Difference[],
): Promise<{ readonly explained: ReadonlySet<string>; readonly booked: boolean }> {
  const { journal, broker, scope, clock } = context;
  const explained = new Set<string>();
  let booked = false;
  for (const { kind, instrument, owned: sum, venue } of differences) {
    const selling = open.some((order) => order.instrument === instrument && order.request.side === 'sell');
    if (kind !== 'position' || selling) continue;
    const payer = owned
      .filter((position) => position.instrument === instrument)
      .reduce((a, b) => (newest(b) > newest(a) ? b : a));
    const kept = subtract(sum, venue);
    if (!(await isFeeInKind(broker, payer, kept, venue))) continue;
    explained.add(instrument);
    if (payer.strategy !== scope.strategy) continue;
    const [now, units] = [clock.now(), subtract(payer.quantity, kept)];
    await journal.recordCorporateAction(scope, { type: 'fee', instrument, date: isoTime(now), units, price: '0' }, now);
    booked = true;
  }
  return { explained, booked };
}

const newest = ({ lots }: PositionRecord): number => Math.max(...lots.map(({ time }) => time));

/** Whether what is missing can be the fee of a purchase: Alpaca keeps 0.25 % of the coins, less for who trades much. */
async function isFeeInKind(
  broker: Broker,
  { instrument, quantity }: PositionRecord,
  kept: string,
  venue: string,
): Promise<boolean> {
  const { feeInKind } = broker.capabilities;
  if (feeInKind === undefined || signOf(venue) !== 1 || signOf(kept) !== 1) return false;
  const most = (fraction: string) => compare(kept, multiply(quantity, fraction)) <= 0;
  if (![...feeInKind.values()].some(most)) return false;
  const { class: kind } = await broker.asset(instrument);
  const fraction = kind === undefined ? undefined : feeInKind.get(kind);
  return fraction !== undefined && most(fraction);
}
