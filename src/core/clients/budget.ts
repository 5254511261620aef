import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, type RateGate, rateLimitCount, retryAt, sha256 } from '../platform/index.js';

export interface BudgetOptions {
  /** What the budget belongs to: service and key id. Only its hash is stored. */
  readonly key: string;
  /** Requests a minute, until the service's own headers say otherwise. */
  readonly perMinute: number;
  /** Part of the limit that reads leave free for writes (orders). Default 0.1. */
  readonly reserve?: number;
  readonly clock: Clock;
  /** Folder shared by all processes of this machine; absent: this process only. */
  readonly stateDir?: string | undefined;
}

const WINDOW_MS = 60_000;
/** Who looks at a terminal wonders after this long. */
const NOTICED_MS = 2_000;
/** Another process may have read the clock a little later and been recorded first. */
const AT_ONCE_MS = 1000;

/** How many requests of the limit one request may see used. */
type Allowed = (limit: number) => number;

/** Where the instants of past requests are kept. All methods are one transaction. */
interface Ledger {
  /** Per request: takes a slot and returns 0, or returns how long to wait. */
  take(now: number, requests: readonly Allowed[]): readonly number[];
  limit(value: number): void;
  block(until: number): void;
}

/**
 * A budget of requests a minute that every process with the same key shares: a sliding log of the last minute, so that
 * no alignment of the service's window is exceeded. A 429 or an exhausted `X-RateLimit-Remaining` stops all of them.
 */
export async function rateBudget(options: BudgetOptions): Promise<RateGate & { close(): void }> {
  const { clock, perMinute } = options;
  const reserve = options.reserve ?? 0.1;
  const ledger =
    options.stateDir === undefined
      ? memoryLedger(perMinute)
      : await fileLedger(options.stateDir, sha256(options.key).slice(0, 16), perMinute);
  let toldUntil = 0;
  const takeOne = gathered((requests: readonly Allowed[]) => ledger.take(clock.now(), requests));
  return {
    async acquire(kind, signal, maxWaitMs = Number.POSITIVE_INFINITY, onWait) {
      const allowed = (limit: number) => Math.max(1, kind === 'write' ? limit : Math.floor(limit * (1 - reserve)));
      for (;;) {
        const wait = await takeOne(allowed);
        if (wait === 0) return undefined;
        if (wait > maxWaitMs) return clock.now() + wait;
        if (wait >= NOTICED_MS && clock.now() >= toldUntil) {
          toldUntil = clock.now() + wait;
          onWait?.(wait);
        }
        await clock.sleep(Math.min(wait, WINDOW_MS), signal);
      }
    },
    observe(status, headers) {
      const now = clock.now();
      const limit = rateLimitCount(headers, 'limit');
      if (limit !== undefined && limit > 0) ledger.limit(limit);
      const said = retryAt(headers, now);
      const until = said === undefined ? undefined : Math.min(said, now + LONGEST_BLOCK_MS);
      if (status === 429) ledger.block(until ?? now + 1000);
      else if (rateLimitCount(headers, 'remaining') === 0 && until !== undefined) ledger.block(until);
    },
    close: () => ('close' in ledger ? (ledger as FileLedger).close() : undefined),
  };
}

/** Calls of one turn in one go: fifty orders that leave together take their slots in one transaction. */
function gathered<In, Out>(work: (inputs: readonly In[]) => readonly Out[]): (input: In) => Promise<Out> {
  let waiting: In[] = [];
  let results: Promise<readonly Out[]> | undefined;
  return async (input) => {
    const at = waiting.push(input) - 1;
    results ??= Promise.resolve().then(() => {
      const inputs = waiting;
      waiting = [];
      results = undefined;
      return work(inputs);
    });
    return (await results)[at]!;
  };
}

const LONGEST_BLOCK_MS = WINDOW_MS + 2000;

/** A block further away than any that is ever set means that the clock was set back: it is void. */
const blockedFor = (until: number, now: number): number =>
  until - now > LONGEST_BLOCK_MS ? 0 : Math.max(0, until - now);

function memoryLedger(perMinute: number): Ledger {
  const log: number[] = [];
  let limit = perMinute;
  let blocked = 0;
  return {
    take(now, requests) {
      const wait = blockedFor(blocked, now);
      if (wait > 0) return requests.map(() => wait);
      while (log.length > 0 && (log[0]! <= now - WINDOW_MS || log[0]! > now)) log.shift();
      return requests.map((allowed) => {
        const free = allowed(limit);
        if (log.length >= free) return Math.max(1, log[log.length - free]! + WINDOW_MS - now);
        log.push(now);
        return 0;
      });
    },
    limit: (value) => {
      limit = value;
    },
    block: (until) => {
      blocked = until;
    },
  };
}

interface FileLedger extends Ledger {
  close(): void;
}

interface Look {
  readonly perMinute: number;
  readonly blockedUntil: number;
  readonly used: number;
}

async function fileLedger(folder: string, key: string, perMinute: number): Promise<FileLedger> {
  const { default: Database } = await import('libsql');
  mkdirSync(folder, { recursive: true });
  const db = new Database(join(folder, 'rate-budget.db'));
  db.pragma('busy_timeout = 5000');
  db.pragma('journal_mode = WAL');
  // Lost on a power cut, which also empties the window: nothing to be durable about.
  db.pragma('synchronous = OFF');
  db.exec(`
    CREATE TABLE IF NOT EXISTS takes (key TEXT NOT NULL, at INTEGER NOT NULL, requests INTEGER NOT NULL);
    CREATE INDEX IF NOT EXISTS takes_by_time ON takes (key, at);
    CREATE TABLE IF NOT EXISTS budgets (key TEXT PRIMARY KEY, per_minute INTEGER NOT NULL, blocked_until INTEGER NOT NULL);
  `);
  db.prepare('INSERT INTO budgets VALUES (?, ?, 0) ON CONFLICT (key) DO NOTHING').run(key, perMinute);
  const look = db.prepare(
    `SELECT per_minute AS perMinute, blocked_until AS blockedUntil,
       (SELECT COALESCE(SUM(requests), 0) FROM takes WHERE key = budgets.key AND at > ? AND at <= ?) AS used
     FROM budgets WHERE key = ?`,
  );
  const newest = db.prepare('SELECT at, requests FROM takes WHERE key = ? AND at <= ? ORDER BY at DESC LIMIT ?');
  const forget = db.prepare('DELETE FROM takes WHERE key = ? AND (at <= ? OR at > ?)');
  const insert = db.prepare('INSERT INTO takes VALUES (?, ?, ?)');
  const setLimit = db.prepare('UPDATE budgets SET per_minute = ? WHERE key = ? AND per_minute <> ?');
  const setBlock = db.prepare('UPDATE budgets SET blocked_until = ? WHERE key = ?');
  const begin = db.prepare('BEGIN IMMEDIATE');
  const commit = db.prepare('COMMIT');
  /** What this process has said last; every reply repeats it. */
  let said: number | undefined;
  /** When this process last removed what is over. */
  let tidied = Number.NEGATIVE_INFINITY;
  /** Instant of the request that has `count` newer ones; those that the call of `now` adds are newer than all. */
  const instantOf = (count: number, now: number): number => {
    if (count < 0) return now;
    let newer = 0;
    const rows = newest.all(key, now + AT_ONCE_MS, count + 1) as { at: number; requests: number }[];
    return rows.find(({ requests }) => (newer += requests) > count)?.at ?? now;
  };
  return {
    take(now, requests) {
      begin.run();
      try {
        // Seldom: a call of fifty orders has no time to spare. What a clock that was set back has left in the future goes.
        const tidies = now < tidied || now - tidied >= WINDOW_MS;
        if (tidies) forget.run(key, now - WINDOW_MS, now + AT_ONCE_MS);
        const { perMinute: limit, blockedUntil, used } = look.get(now - WINDOW_MS, now + AT_ONCE_MS, key) as Look;
        const blocked = blockedFor(blockedUntil, now);
        let taken = used;
        const waits = requests.map((allowed) => {
          if (blocked > 0) return blocked;
          const free = allowed(limit);
          if (taken >= free) return Math.max(1, instantOf(free - 1 - (taken - used), now) + WINDOW_MS - now);
          taken++;
          return 0;
        });
        if (taken > used) insert.run(key, now, taken - used);
        commit.run();
        if (tidies) tidied = now;
        return waits;
      } catch (error) {
        db.exec('ROLLBACK');
        throw error;
      }
    },
    limit: (value) => {
      if (value !== said) setLimit.run(value, key, value);
      said = value;
    },
    block: (until) => {
      setBlock.run(Math.ceil(until), key);
    },
    close: () => db.close(),
  };
}
