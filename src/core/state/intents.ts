import { isZero } from '../domain/decimal.js';
import type { OrderLeg } from '../domain/orders.js';
import { QuantlineError } from '../errors/index.js';
import { clientOrderIdOf } from './clientOrderId.js';
import type { Sql } from './database.js';
import type { Glance } from './glance.js';
import { scopeOf, type WithheldEntry } from './journal.js';
import { isTerminal } from './orderState.js';
import type { NewIntent, OrderRecord, PlacedIntent, StrategyScope } from './records.js';
import { type OrderRow, OTHERS, type PositionRow, SCOPE, scopeParams, toOrder } from './rows.js';

export interface Placement {
  readonly placed: readonly PlacedIntent[];
  /** Entries that are not placed, because another strategy of the account owns their instrument. */
  readonly withheld: readonly WithheldEntry[];
}

/**
 * Gives new intents their revision and client order id, in the write transaction of the glance. MISMATCH where that would
 * break a rule of the order life cycle; then nothing is recorded.
 */
export async function placeIntents(
  sql: Sql,
  scope: StrategyScope,
  slot: number,
  intents: readonly NewIntent[],
  { others, ordered }: Glance,
): Promise<Placement> {
  const placed: PlacedIntent[] = [];
  const withheld: WithheldEntry[] = [];
  const legs = new Set<string>();
  const foreign = others ? await claimedByOthers(sql, scope) : undefined;
  const orders = ordered ? await ordersOf(sql, scope, slot) : [];
  const last = newestOf(orders);
  const taken = new Set(orders.map((order) => order.clientOrderId));
  for (const intent of intents) {
    const { instrument } = intent.request;
    const key = legKey(instrument, intent.leg);
    if (legs.has(key)) throw broken(`two ${intent.leg} orders for ${instrument} in one slot`, { instrument });
    legs.add(key);
    // What it owns it may always close and protect: a fill taken back late can leave an instrument with two owners.
    const owner = intent.leg === 'entry' ? foreign?.get(instrument) : undefined;
    if (owner !== undefined) {
      withheld.push({ instrument, owner });
      continue;
    }
    const previous = last.get(key);
    if (previous !== undefined && !isTerminal(previous.status) && intent.replaces !== previous.clientOrderId) {
      throw broken(
        `the ${intent.leg} order ${previous.clientOrderId} for ${instrument} is still ${previous.status}; a second one ` +
          'would double it',
        { instrument, clientOrderId: previous.clientOrderId, status: previous.status },
      );
    }
    let revision = previous === undefined ? 0 : previous.revision + 1;
    const idOf = () => clientOrderIdOf(scope, { instrument, slot, leg: intent.leg, revision });
    let clientOrderId = idOf();
    // An order keeps its id when its instrument is renamed, and the old name may still be ordered.
    for (; taken.has(clientOrderId); clientOrderId = idOf()) revision++;
    placed.push({ ...intent, clientOrderId, slot, revision });
  }
  return { placed, withheld };
}

/** As `placeIntents`, where nothing may be left out. */
export async function placeAll(
  sql: Sql,
  scope: StrategyScope,
  slot: number,
  intents: readonly NewIntent[],
  found: Glance,
): Promise<readonly PlacedIntent[]> {
  const { placed, withheld } = await placeIntents(sql, scope, slot, intents, found);
  const [first] = withheld;
  if (first === undefined) return placed;
  const { instrument, owner } = first;
  throw broken(`${instrument} in account ${scope.account} belongs to the strategy ${owner}`, { instrument, owner });
}

/** MISMATCH (`account_moved`) where another strategy of the account has recorded orders after event `seen`. */
export async function checkOthersStill(
  sql: Sql,
  { venue, account, strategy }: StrategyScope,
  seen: number,
): Promise<void> {
  const rows = await sql.all<{ stream: string }>(
    "SELECT DISTINCT stream FROM events WHERE type = 'intents' AND position > ?",
    [seen],
  );
  for (const { stream } of rows) {
    const other = scopeOf(stream);
    if (other?.venue !== venue || other.account !== account || other.strategy === strategy) continue;
    throw broken(`the strategy ${other.strategy} of account ${account} has ordered meanwhile`, {
      reason: 'account_moved',
    });
  }
}

const broken = (what: string, details: Readonly<Record<string, unknown>>) =>
  new QuantlineError('MISMATCH', `An order was not recorded: ${what}.`, { details });

export const legKey = (instrument: string, leg: OrderLeg): string => `${instrument}\n${leg}`;

/** Orders of a slot, ascending by revision. */
export async function ordersOf(sql: Sql, scope: StrategyScope, slot: number): Promise<readonly OrderRecord[]> {
  const rows = await sql.all<OrderRow>(`SELECT * FROM orders WHERE ${SCOPE} AND slot = ? ORDER BY revision`, [
    ...scopeParams(scope),
    slot,
  ]);
  return rows.map(toOrder);
}

/** The newest revision of each instrument and leg of a slot, by `legKey`. */
export const newestOf = (orders: readonly OrderRecord[]): ReadonlyMap<string, OrderRecord> =>
  new Map(orders.map((order) => [legKey(order.instrument, order.leg), order]));

/** Instruments of the account that other strategies hold or have open orders for. */
async function claimedByOthers(sql: Sql, scope: StrategyScope): Promise<ReadonlyMap<string, string>> {
  const claims = new Map<string, string>();
  const held = await sql.all<PositionRow>(`SELECT * FROM positions WHERE ${OTHERS}`, scopeParams(scope));
  for (const row of held) if (!isZero(row.quantity)) claims.set(row.instrument, row.strategy);
  const open = await sql.all<OrderRow>(
    `SELECT instrument, strategy FROM orders WHERE ${OTHERS} AND is_open = 1`,
    scopeParams(scope),
  );
  for (const row of open) claims.set(row.instrument, row.strategy);
  return claims;
}
