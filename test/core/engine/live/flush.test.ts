import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  allocateBars,
  type CorporateAction,
  calendarOf,
  defaultInstrument,
  type Instrument,
} from '../../../../src/core/domain/index.js';
import { defaultThresholds } from '../../../../src/core/engine/index.js';
import { GrowingFeed, LiveRunner, type LiveSettings } from '../../../../src/core/engine/live/index.js';
import type { ExecutionContext } from '../../../../src/core/execution/index.js';
import { roundingOf } from '../../../../src/core/market/index.js';
import * as momentum from '../../../../src/core/models/trainers/momentum.js';
import { ManualClock, silentLogger } from '../../../../src/core/platform/index.js';
import type { Database } from '../../../../src/core/state/database.js';
import { openJournal, streamOf } from '../../../../src/core/state/index.js';
import { openSqlite } from '../../../../src/core/state/sqlite.js';
import { SqlJournal } from '../../../../src/core/state/sqlJournal.js';
import { FakeVenue } from '../../execution/fakeVenue.js';
import { SCOPE, T0, temporaryFolder } from '../../state/helpers.js';

const MINUTE = 60_000;
const NAMES = ['AAA', 'BBB'];
const CLOSES = [100, 99, 100, 99];
const calendar = calendarOf('24/7');
const instruments = NAMES.map(
  (id): Instrument => ({ ...defaultInstrument(id, 'XNYS'), calendar: '24/7', fractionable: false }),
);

/** Bars that close at the times of the slots: slot k is the end of bar k. */
const slotAt = (k: number) => T0 + (k + 1) * MINUTE;

function makeFeed(): GrowingFeed {
  const rule = momentum.create({ window: 1, side: 'long' });
  const columns = NAMES.map((id) => {
    const bars = allocateBars(id, '1m', CLOSES.length);
    CLOSES.forEach((close, i) => {
      bars.time[i] = T0 + i * MINUTE;
      for (const field of ['open', 'high', 'low', 'close'] as const) bars[field][i] = close;
      bars.volume[i] = 1000;
    });
    return bars;
  });
  return new GrowingFeed(
    columns,
    (j) => ({ score: rule.scorer(instruments[j]!, calendar), measure: undefined }),
    calendar,
  );
}

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let clock: ManualClock;
let venue: FakeVenue;
/** Writes of the journal and calls at the venue in their order. */
let seen: string[];
beforeEach(async () => {
  folder = await temporaryFolder();
  clock = new ManualClock(T0);
  venue = new FakeVenue(clock);
  seen = [];
  venue.fault = (operation) => void seen.push(operation) as undefined;
});
afterEach(() => folder.remove());

const file = () => join(folder.path, 'journal.db');
const image = () => join(folder.path, 'image.db');

/** What is on the disk after a power cut: all up to the last write that waited for it. */
function keepImage(): void {
  copyFileSync(file(), image());
  if (existsSync(`${file()}-wal`)) copyFileSync(`${file()}-wal`, `${image()}-wal`);
}

/** A start of the runner on a journal whose writes are seen. `killed`: where it ends. */
async function start(
  at: string,
  killed?: 'after-intent' | 'before-send' | 'after-send',
  actions?: LiveSettings['actions'],
) {
  await (await openJournal(at)).close();
  const db = await openSqlite(at);
  const write: Database['write'] = async (work, options = {}) => {
    const result = await db.write(work, options);
    seen.push(options.relaxed === true ? 'written' : 'flushed');
    if (options.relaxed !== true && at === file()) keepImage();
    return result;
  };
  const journal = new SqlJournal(Object.assign(Object.create(db) as Database, { write }));
  const { recordDecision } = journal;
  journal.recordDecision = (...given) => {
    seen.push('decision');
    return recordDecision.apply(journal, given);
  };
  const lease = (await journal.acquireLease(streamOf(SCOPE), 'me', clock.now(), 60 * MINUTE, () => true))!;
  const execution: ExecutionContext = {
    ...{ journal, broker: venue, scope: SCOPE, clock, logger: silentLogger },
    limits: { takeDownFor: 0, settleDelays: [] },
    faultPoint: (point) => {
      if (point === killed) throw new Error('killed');
    },
  };
  const feed = makeFeed();
  const runner = new LiveRunner({
    ...{ execution, instruments, report: 'r', fractional: false, ...(actions && { actions }) },
    source: {
      instruments: NAMES,
      next: async () => undefined,
      past: () => [],
      barAt: (j, t) => feed.barAt(j, t),
      extremes: () => undefined,
      newest: () => undefined,
    },
    strategy: {
      thresholds: defaultThresholds('position', false),
      sizing: { kind: 'equal', fraction: 1 },
      protection: undefined,
      timeStop: Number.POSITIVE_INFINITY,
      reentry: 'new-signal',
      policies: [],
    },
    calendars: NAMES.map(() => calendar),
    rounding: roundingOf(instruments, false),
  });
  const slot = async (k: number) => {
    clock.set(slotAt(k));
    seen.length = 0;
    const expected = NAMES.map(() => T0 + k * MINUTE);
    return runner.tick(feed.tick(slotAt(k), expected, slotAt(k) + MINUTE / 2), lease);
  };
  return { journal, runner, slot, lease };
}

const OUTWARD = ['submit', 'cancel', 'replace'];
/** What had not reached the disk when each order or cancel left. */
function unflushed(): number[] {
  let waiting = 0;
  const counts: number[] = [];
  for (const each of seen) {
    if (each === 'written') waiting++;
    else if (each === 'flushed') waiting = 0;
    else if (OUTWARD.includes(each)) counts.push(waiting);
  }
  return counts;
}

describe('one flush for a decision and its marks', () => {
  test('nothing leaves before both are on the disk', async () => {
    const { journal, slot } = await start(file());
    expect((await slot(2)).orders).toHaveLength(2);
    expect(seen.slice(seen.indexOf('decision'))).toEqual([...['decision', 'flushed', 'submit', 'submit', 'written']]);
    expect(unflushed()).toEqual([0, 0]);
    await journal.close();
  });

  test('where the venue is asked for a cancel in between, the decision is on the disk before, and the marks come after', async () => {
    const { journal, slot } = await start(file());
    await slot(2);
    // The position is closed, and what is left of its entry is cancelled first.
    venue.fill(venue.open()[0]!, '4');
    expect((await slot(3)).orders.map(({ leg }) => leg)).toEqual(['exit']);
    const at = seen.indexOf('decision');
    expect(seen[at + 1]).toBe('flushed');
    expect(seen.indexOf('cancel')).toBeGreaterThan(at + 1);
    await journal.close();
  });

  for (const killed of ['after-intent', 'before-send', 'after-send'] as const) {
    for (const power of ['stays', 'is cut'] as const) {
      test(`killed ${killed}, power ${power}: the next start sends what is missing, once`, async () => {
        const first = await start(file(), killed);
        await expect(first.slot(2)).rejects.toThrow('killed');
        const left = venue.accepted.length;
        expect(left > 0).toBe(killed === 'after-send');
        const again = power === 'stays' ? file() : image();
        // A process that is killed closes nothing; its log is read by the next.
        if (power === 'is cut') await first.journal.close();
        const next = await start(again);
        const kept = (await next.journal.orders({ scope: SCOPE })).map(({ status }) => status);
        expect(kept).toEqual(['sending', 'sending']);
        await next.slot(2);
        expect(new Set(venue.accepted).size).toBe(venue.accepted.length);
        expect((await next.journal.orders({ scope: SCOPE })).map(({ clientOrderId }) => clientOrderId).sort()).toEqual(
          [...venue.accepted].sort(),
        );
        expect(venue.accepted).toHaveLength(2);
        await next.journal.verify();
        await next.journal.close();
        if (power === 'stays') await first.journal.close();
      });
    }
  }
});

describe('corporate actions of a slot', () => {
  test('are asked for once, whether a look ahead of it holds or not, and again where fills were booked', async () => {
    let asked = 0;
    const news: CorporateAction[] = [];
    const { journal, runner, slot, lease } = await start(file(), undefined, async () => {
      asked++;
      return news;
    });
    const during = async (work: () => Promise<unknown>) => {
      asked = 0;
      await work();
      return asked;
    };
    runner.hear({ type: 'connected' });
    // Before its first decision it owns nothing.
    expect(await during(() => slot(1))).toBe(0);
    await slot(2);
    clock.set(slotAt(3) - 3000);
    await runner.maintain(lease);
    // The look ahead did not know it: the slot reconciles.
    news.push({ instrument: 'AAA', date: '2026-01-05', type: 'dividend', amount: 1 });
    expect(await during(() => slot(3))).toBe(1);
    expect((await journal.events({ types: ['corporate-action'] })).length).toBe(1);
    venue.fill(venue.open()[0]!, '4');
    expect(await during(() => runner.maintain(lease))).toBe(2);
    await journal.close();
  });
});
