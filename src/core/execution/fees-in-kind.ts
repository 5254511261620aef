import {
  compare,
  type DecimalText,
  divide,
  isZero,
  multiply,
  round,
  signOf,
  subtract,
  sum,
} from '../domain/decimal.js';
import { isoTime } from '../platform/index.js';
import type { CorporateActionRecord, ExecutionRecord, OrderRecord, PositionRecord } from '../state/index.js';
import type { Broker } from './broker.js';
import type { ExecutionContext } from './context.js';
import type { Difference } from './holdings.js';

/**
 * A venue that keeps its fee in what was bought (crypto) holds less than the executions add up to. Where the shortfall
 * is within such a fee of those who have bought since they last paid one, and nothing of the instrument is being sold,
 * each cuts its own lots by its share of it, as the purchases stand to each other: several strategies own an instrument
 * where a fill was taken back late. Returns the instruments whose difference is such a fee; the shares of others are theirs
 * to book.
 */
export async function bookFeesInKind(
  context: ExecutionContext,
  owned: readonly PositionRecord[],
  open: readonly OrderRecord[],
  differences: readonly Difference[],
): Promise<ReadonlySet<string>> {
  const { journal, broker, scope, clock } = context;
  const { feeInKind } = broker.capabilities;
  const explained = new Set<string>();
  if (feeInKind === undefined) return explained;
  for (const { kind, instrument, owned: all, venue } of differences) {
    const selling = open.some((order) => order.instrument === instrument && order.request.side === 'sell');
    const kept = subtract(all, venue);
    if (kind !== 'position' || selling || signOf(venue) !== 1 || signOf(kept) !== 1) continue;
    const payers = await payersOf(
      context,
      owned.filter((position) => position.instrument === instrument),
    );
    const held = sum(payers.map(({ position }) => position.quantity));
    if (!(await isFeeInKind(broker, feeInKind, instrument, held, kept))) continue;
    explained.add(instrument);
    const own = payers.find(({ position }) => position.strategy === scope.strategy);
    if (own === undefined) continue;
    const share = shareOf(kept, own.bought, sum(payers.map(({ bought }) => bought)));
    const [now, units] = [clock.now(), subtract(own.position.quantity, share)];
    await journal.recordCorporateAction(scope, { type: 'fee', instrument, date: isoTime(now), units, price: '0' }, now);
  }
  return explained;
}

/** Who owes a fee, and the units that it bought since its last one. */
interface Payer {
  readonly position: PositionRecord;
  readonly bought: DecimalText;
}

/** Those who have bought since they last paid; where nobody has, the one that bought last: a fee may come in parts. */
async function payersOf(context: ExecutionContext, owners: readonly PositionRecord[]): Promise<readonly Payer[]> {
  const all = await Promise.all(
    owners.map(async (position) => ({ position, bought: await boughtSinceFee(context, position) })),
  );
  const payers = all.filter(({ bought }) => !isZero(bought));
  return payers.length > 0 ? payers : [all.reduce((a, b) => (newest(b.position) > newest(a.position) ? b : a))];
}

async function boughtSinceFee({ journal }: ExecutionContext, position: PositionRecord): Promise<DecimalText> {
  const { instrument } = position;
  const events = await journal.events({ scope: position, types: ['execution', 'corporate-action'] });
  const last = events.findLastIndex(({ type, body }) => {
    const action = body as CorporateActionRecord;
    return type === 'corporate-action' && action.type === 'fee' && action.instrument === instrument;
  });
  const bought = events.slice(last + 1).flatMap(({ type, body }) => {
    const execution = body as ExecutionRecord;
    const counts = type === 'execution' && execution.kind === 'fill' && execution.instrument === instrument;
    return counts && execution.side === 'buy' ? [execution.quantity] : [];
  });
  return sum(bought);
}

const shareOf = (kept: DecimalText, bought: DecimalText, all: DecimalText): DecimalText =>
  compare(bought, all) === 0 ? kept : round(divide(multiply(kept, bought), all), 9);

const newest = ({ lots }: PositionRecord): number => Math.max(...lots.map(({ time }) => time));

/** Whether what is missing can be the fee of a purchase: Alpaca keeps 0.25 % of the coins, less for who trades much. */
async function isFeeInKind(
  broker: Broker,
  feeInKind: ReadonlyMap<string, string>,
  instrument: string,
  held: DecimalText,
  kept: DecimalText,
): Promise<boolean> {
  const most = (fraction: string) => compare(kept, multiply(held, fraction)) <= 0;
  if (![...feeInKind.values()].some(most)) return false;
  const { class: kind } = await broker.asset(instrument);
  const fraction = kind === undefined ? undefined : feeInKind.get(kind);
  return fraction !== undefined && most(fraction);
}
