import type { Sql } from './database.js';
import type { ChainEnd } from './events.js';
import { type Lease, streamOf } from './journal.js';
import type { StrategyScope, TradingState } from './records.js';
import { OTHERS, SCOPE, scopeParams } from './rows.js';

/** What the journal says where orders of a slot are about to be recorded. */
export interface Glance {
  /** As it is held now. */
  readonly held: Lease | undefined;
  readonly state: TradingState;
  /** The slot has its decision. */
  readonly decided: boolean;
  /** The slot has orders. */
  readonly ordered: boolean;
  /** Other strategies of the account own or have ordered something, or have owned it. */
  readonly others: boolean;
  readonly end: ChainEnd;
}

interface GlanceRow {
  readonly owner: string | null;
  readonly token: number;
  readonly deadline: number;
  readonly state: TradingState | null;
  readonly position: number | null;
  readonly checksum: string;
  readonly sequence: number | null;
  readonly decided: number;
  readonly ordered: number;
  readonly others: number;
}

const flag = (...selects: readonly string[]): string =>
  `CASE WHEN ${selects.map((select) => `EXISTS (SELECT 1 FROM ${select})`).join(' OR ')} THEN 1 ELSE 0 END`;

const GLANCE = `SELECT held.owner, held.token, held.deadline, states.state, newest.position, newest.checksum,
    (SELECT MAX(sequence) FROM events WHERE stream = ?) AS sequence,
    ${flag(`decisions WHERE ${SCOPE} AND slot = ?`)} AS decided,
    ${flag(`orders WHERE ${SCOPE} AND slot = ?`)} AS ordered,
    ${flag(`positions WHERE ${OTHERS}`, `orders WHERE ${OTHERS} AND is_open = 1`)} AS others
  FROM (SELECT 1 AS x) AS always
  LEFT JOIN leases AS held ON held.name = ?
  LEFT JOIN states ON ${SCOPE}
  LEFT JOIN (SELECT position, checksum FROM events ORDER BY position DESC LIMIT 1) AS newest ON 1 = 1`;

/** By one statement, because between the last bar and the first order each one more counts, most of all to a server. */
export async function glance(sql: Sql, scope: StrategyScope, lease: string, slot: number): Promise<Glance> {
  const own = scopeParams(scope);
  const params = [streamOf(scope), ...own, slot, ...own, slot, ...own, ...own, lease, ...own];
  const row = (await sql.get<GlanceRow>(GLANCE, params))!;
  const { owner, token, deadline, position, checksum } = row;
  return {
    held: owner === null ? undefined : { name: lease, owner, token, deadline },
    state: row.state ?? 'active',
    decided: row.decided === 1,
    ordered: row.ordered === 1,
    others: row.others === 1,
    end: {
      ...(position === null ? EMPTY : { position, checksum }),
      sequences: new Map([[streamOf(scope), row.sequence ?? 0]]),
    },
  };
}

const EMPTY = { position: 0, checksum: '' };
