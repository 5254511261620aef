import { cpSync, rmSync } from 'node:fs';
import { inspect } from 'node:util';
import { expect } from 'vitest';
import type { Artifact } from '../../src/core/artifacts/index.js';
import { calendarOf } from '../../src/core/domain/calendars/index.js';
import { seededRandom } from '../../src/core/domain/random.js';
import { QuantlineError } from '../../src/core/errors/index.js';
import { type Clock, type Logger, ManualClock } from '../../src/core/platform/index.js';
import { backtest } from '../../src/core/stages/backtest.js';
import { evaluate } from '../../src/core/stages/evaluate.js';
import { ingest } from '../../src/core/stages/ingest.js';
import type { Runtime } from '../../src/core/stages/runtime.js';
import { type TradeExtras, type TradeResult, trade } from '../../src/core/stages/trade.js';
import { train } from '../../src/core/stages/train.js';
import { openJournal } from '../../src/core/state/index.js';
import type { FakeOrder } from '../fakes/alpaca/book.js';
import type { FakeBar } from '../fakes/alpaca/market.js';
import { viewOf } from '../fakes/alpaca/rig.js';
import { FakeAlpaca } from '../fakes/alpaca/server.js';
import { checkOracle, type VenueView } from '../fakes/oracle.js';
import { optionsOf, testRuntime } from './workspace.js';

const XNYS = calendarOf('XNYS');

/** Monday after Thanksgiving 2026; the Friday before was a half day. */
export const MONDAY = '2026-11-30';
export const session = (date: string) => XNYS.session(date)!;

/** Closes as bars on their sessions, newest at `date`; stamped as the vendor does, at midnight in New York. */
export function dailyBars(closes: readonly number[], date: string): FakeBar[] {
  const last = session(date);
  const sessions = XNYS.sessionsBetween(last.open - closes.length * 2 * 86_400_000, last.open).slice(-closes.length);
  return sessions.map(({ date }, i) => {
    const c = closes[i]!;
    const o = i === 0 ? c : closes[i - 1]!;
    const midnight = `${date}T${date > '2026-11-01' || date < '2026-03-08' ? '05' : '04'}:00:00Z`;
    return { t: midnight, o, h: Math.max(o, c) * 1.001, l: Math.min(o, c) * 0.999, c, v: 1_000_000 };
  });
}

/** Bars of some minutes of one session, from its open on. */
export function minuteBars(closes: readonly number[], date: string, minutes = 1): FakeBar[] {
  const { open } = session(date);
  return closes.map((c, i) => {
    const o = i === 0 ? c : closes[i - 1]!;
    const t = new Date(open + i * minutes * 60_000).toISOString();
    return { t, o, h: Math.max(o, c) * 1.0005, l: Math.min(o, c) * 0.9995, c, v: 10_000 };
  });
}

/** A quiet walk around 100, to two decimals. */
export function walk(n: number, seed = 1): number[] {
  const random = seededRandom(seed);
  let price = 100;
  return Array.from({ length: n }, () => {
    price *= 1 + (random.next() - 0.5) * 0.01;
    return Math.round(price * 100) / 100;
  });
}

export interface VenueRigOptions {
  readonly symbols?: readonly string[];
  readonly trainer?: string;
  readonly backtest?: Readonly<Record<string, unknown>>;
  readonly interval?: string;
  /** The whole market by symbol; the dataset is made of what is known at `now`. */
  readonly bars: (symbol: string) => readonly FakeBar[];
  readonly now: number;
  readonly clock?: Clock & { set(time: number): void };
  readonly overrides?: Partial<Runtime>;
}

const TIMEFRAME: Readonly<Record<string, string>> = { '1d': '1Day', '1h': '1Hour', '1m': '1Min', '5m': '5Min' };

interface Made {
  readonly workspace: string;
  readonly run: string;
  readonly report: string;
}
const made = new Map<string, Promise<Made>>();

/**
 * A run and its report by the real stages; made once a file for the same market and settings, then copied. Its workspace
 * goes with the folder of all temporary files.
 */
function artefactsOf(options: VenueRigOptions, venue: FakeAlpaca, clock: Clock): Promise<Made> {
  const { symbols = ['AAPL'], interval = '1d', trainer = 'buy-and-hold' } = options;
  const key = JSON.stringify([symbols, interval, trainer, options.backtest, symbols.map(options.bars)]);
  const make = async (): Promise<Made> => {
    const runtime = testRuntime({ clock, secrets: venue.secrets }, true);
    const data = await ingest(
      optionsOf('ingest', { source: 'alpaca', symbols: symbols.join(','), interval, from: '2026-09-01' }),
      runtime,
    );
    const model = await train(optionsOf('train', { data: data.artifact.path, trainer }), runtime);
    const run = await backtest(optionsOf('backtest', { model: model.artifact.path, ...options.backtest }), runtime);
    const report = await evaluate(optionsOf('evaluate', { run: run.artifact.path }), runtime);
    return { workspace: runtime.workspace, run: run.artifact.id, report: report.artifact.id };
  };
  if (!made.has(key)) made.set(key, make());
  return made.get(key)!;
}

/** A fake Alpaca venue with a market, and a report made on its bars by the real stages. */
export class VenueRig {
  readonly said: string[] = [];
  /** Results and errors of the starts, which are printed too. */
  private readonly shown: string[] = [];
  /** The venue that the orders go to, for the oracle. */
  view: VenueView;
  private last: readonly [Readonly<Record<string, unknown>>?, Partial<Runtime>?] = [];
  private proven = false;

  private constructor(
    readonly venue: FakeAlpaca,
    readonly runtime: Runtime,
    readonly clock: Clock & { set(time: number): void },
    readonly run: Artifact,
    readonly report: Artifact,
  ) {
    this.view = viewOf(venue);
  }

  static async start(options: VenueRigOptions): Promise<VenueRig> {
    const { symbols = ['AAPL'], interval = '1d' } = options;
    const clock = options.clock ?? new ManualClock(options.now);
    const venue = await FakeAlpaca.start(() => clock.now());
    venue.hours = (now) => {
      const current = XNYS.sessionAt(now);
      const next = XNYS.nextSession(current?.close ?? now);
      return { open: current !== undefined, nextOpen: next.open, nextClose: current?.close ?? next.close };
    };
    for (const symbol of symbols) {
      venue.assets.set(symbol, {});
      venue.market.set(TIMEFRAME[interval]!, symbol, options.bars(symbol));
      venue.book.prices.set(symbol, options.bars(symbol).at(-1)!.c);
    }
    const said: string[] = [];
    const log = (text: string) => void said.push(text);
    const logger: Logger = { debug: log, info: log, warn: log };
    const made = await artefactsOf(options, venue, clock);
    const runtime = testRuntime({ clock, logger, secrets: venue.secrets, ...options.overrides }, true);
    cpSync(made.workspace, runtime.workspace, { recursive: true });
    const run = await runtime.artifacts.open('run', made.run);
    const report = await runtime.artifacts.open('report', made.report);
    const rig = new VenueRig(venue, runtime, clock, run, report);
    Object.assign(rig, { said });
    venue.requests.length = 0;
    return rig;
  }

  /** One start of `quantline trade` at the fake venue. */
  start(
    given: Readonly<Record<string, unknown>> = {},
    runtime: Partial<Runtime> = {},
    extras: TradeExtras = {},
  ): Promise<TradeResult> {
    const typed = { report: this.report.id, strategy: 'swing', broker: 'alpaca', once: true, ...given };
    const options = optionsOf('trade', typed);
    this.last = [given, runtime];
    this.proven = false;
    const started = trade(options, { ...this.runtime, ...runtime }, extras);
    const show = (what: unknown) => void this.shown.push(inspect(what, { depth: 8 }));
    started.then(({ session }) => show(session), show);
    return started;
  }

  async once(given: Readonly<Record<string, unknown>> = {}): Promise<TradeResult['session']> {
    return (await this.start(given)).session;
  }

  /** Orders that the venue still works. */
  openOrders(): FakeOrder[] {
    const open = new Set(['new', 'held', 'partially_filled']);
    return [...this.venue.book.orders.values()].filter(({ status }) => open.has(status));
  }

  /** The journal's own view. */
  async journal<T>(work: (journal: Awaited<ReturnType<typeof openJournal>>) => Promise<T>): Promise<T> {
    const journal = await openJournal(this.runtime.journal);
    try {
      return await work(journal);
    } finally {
      await journal.close();
    }
  }

  /** FAULTS.md, section 1, of this moment. */
  oracle(): Promise<{ readonly accepted: number; readonly fills: number }> {
    return this.journal((journal) => checkOracle(this.view, journal, [...this.said, ...this.shown]));
  }

  /** With every fault gone: the oracle, and that another start sends and books nothing more. */
  async converges(): Promise<void> {
    this.venue.disarm();
    await this.start();
    const before = await this.oracle();
    await this.start();
    expect(await this.oracle(), 'a rerun converges').toEqual(before);
    this.proven = true;
  }

  /**
   * What every test of a fault (F1, F2 … in its name) ends in, whatever it has shown itself: with the fault gone, starts
   * like its last one converge, and the oracle holds. A start may end with a documented error; never with another. Where
   * the test has ended in `converges` itself, that was it.
   */
  async afterFault(): Promise<void> {
    if (this.proven || !/\bF\d+\b/.test(expect.getState().currentTestName ?? '')) return;
    this.venue.disarm();
    const [given = {}, { signal: _, ...runtime } = {}] = this.last;
    const restart = () =>
      this.start({ ...given, once: true, patience: '1s' }, runtime).catch((error: unknown) => {
        if (!(error instanceof QuantlineError) || error.exitCode === 1) throw error;
      });
    // A journal that cannot be read has sent nothing, or the venue would know.
    const outcome = () =>
      this.oracle().catch((error: unknown) => {
        if (!(error instanceof QuantlineError)) throw error;
        expect(this.view.accepted([])).toEqual([]);
      });
    const sent = this.view.accepted([]).length;
    await restart();
    // What it sent may fill after it has ended.
    if (this.view.accepted([]).length > sent) await restart();
    const before = await outcome();
    await restart();
    expect(await outcome(), 'a rerun converges').toEqual(before);
    this.proven = true;
  }

  async close(): Promise<void> {
    try {
      await this.afterFault();
    } finally {
      await this.venue.close();
      rmSync(this.runtime.workspace, { recursive: true, force: true });
    }
  }
}
