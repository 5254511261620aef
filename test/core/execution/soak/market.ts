import type { CorporateAction } from '../../../../src/core/domain/bars.js';
import type { TradingCalendar } from '../../../../src/core/domain/calendar.js';
import { calendarOf } from '../../../../src/core/domain/calendars/index.js';
import { defaultInstrument, type Instrument } from '../../../../src/core/domain/instrument.js';
import { type Random, seededRandom } from '../../../../src/core/domain/random.js';
import { LiveRunner, type LiveTick, type TickBar, type TickSource } from '../../../../src/core/engine/live/index.js';
import type { Strategy } from '../../../../src/core/engine/strategy.js';
import type { EmergencyPolicy, ExecutionContext } from '../../../../src/core/execution/index.js';
import { roundingOf } from '../../../../src/core/market/rounding.js';
import type { Clock } from '../../../../src/core/platform/index.js';
import { strategy } from '../../../support/market.js';

export const SLOT_MS = 300_000;
const ALWAYS = calendarOf('24/7');
const { class: kind, tickRule, lot } = defaultInstrument('', 'XNYS');
const SHARE = { class: kind, tickRule, lot };

/** A corporate action in force from a slot on: its bar and later ones are in new units. */
export interface DatedAction {
  readonly action: CorporateAction;
  readonly slot: number;
}

export interface MarketPlan {
  readonly instruments: readonly string[];
  readonly strategy: Partial<Strategy>;
  readonly emergency: EmergencyPolicy;
  /** Whole shares, at prices on the tick of shares. Default: fractions at any price. */
  readonly shares?: boolean;
}

/** A market whose bars and scores follow from seed and slot alone, so that every life of a runner sees the same. */
export class SlotMarket implements TickSource {
  readonly instruments: readonly string[];
  private readonly known: readonly Instrument[];

  constructor(
    private readonly seed: number,
    private readonly plan: MarketPlan,
    private readonly clock: Clock,
    /** All instruments: the prices of one are the same for every strategy. */
    private readonly all: readonly string[] = plan.instruments,
    private readonly actions: readonly DatedAction[] = [],
  ) {
    this.instruments = plan.instruments;
    this.known = plan.instruments.map((id) => defaultInstrument(id, '24/7', plan.shares === true ? SHARE : {}));
  }

  /** The runner itself, as a session makes it. */
  runner(execution: ExecutionContext): LiveRunner {
    const { known, plan } = this;
    return new LiveRunner({
      execution,
      source: this,
      instruments: known,
      calendars: known.map(() => this.calendar()),
      strategy: strategy(plan.strategy),
      rounding: roundingOf(known, false),
      fractional: false,
      report: 'r',
      emergency: plan.emergency,
      actions: async (held, announced) => this.since(held, announced),
    });
  }

  /** Always open, but that an action comes into force with its slot and not at midnight. */
  private calendar(): TradingCalendar {
    const at = (date: string) => this.actions.find(({ action }) => action.date === date)?.slot;
    return Object.assign(Object.create(ALWAYS) as TradingCalendar, {
      session: (date: string) => ({ date, open: at(date)!, close: at(date)! + SLOT_MS, earlyClose: false }),
      previousSession: (t: number) => ({ date: '', open: t - SLOT_MS, close: t, earlyClose: false }),
    });
  }

  async next(time: number): Promise<LiveTick | undefined> {
    const slot = Math.floor(this.clock.now() / SLOT_MS) * SLOT_MS;
    // The market is closed when an action comes into force.
    if (slot <= time || this.actions.some((each) => each.slot === slot)) return undefined;
    const random = this.randomOf(slot / SLOT_MS);
    const index = slot / SLOT_MS - 1;
    const bars = this.instruments.map((name) => (this.trades(name, index) ? this.bar(name, index) : undefined));
    const scores = bars.map(() => Math.floor(random.next() * 3) - 1);
    const known = this.actions.flatMap(({ action, slot: from }) =>
      from === index * SLOT_MS && this.instruments.includes(action.instrument) ? [action] : [],
    );
    return {
      ...(known.length > 0 && { actions: known }),
      ...{ time: slot, session: 0, bars, scores, measures: scores, validUntil: slot + SLOT_MS / 2 },
    };
  }

  /** What has come into force since these positions began, or is about to, as a session asks for it. */
  since(
    held: readonly { readonly instrument: string; readonly since: number }[],
    announced = false,
  ): readonly CorporateAction[] {
    const now = this.clock.now() + (announced ? SLOT_MS / 2 : 0);
    return held.flatMap(({ instrument, since }) =>
      this.actions
        .filter(({ action, slot }) => action.instrument === instrument && slot > since && slot <= now)
        .map(({ action }) => action),
    );
  }

  /** Whether it has bars: not before it was renamed to, and not after it has ended. */
  private trades(name: string, index: number): boolean {
    const ends = ({ action: { type, instrument } }: DatedAction) =>
      instrument === name && (type === 'delisting' || type === 'rename');
    const born = this.actions.find(({ action }) => action.type === 'rename' && action.becomes === name);
    if (name.startsWith('NEW') && (born === undefined || index * SLOT_MS < born.slot)) return false;
    return !this.actions.some((each) => ends(each) && each.slot <= index * SLOT_MS);
  }

  private randomOf(index: number): Random {
    return seededRandom(this.seed * 7919 + index);
  }

  /** Around 3,333: a third of 100,000 buys ten units. */
  private bar(name: string, index: number): TickBar {
    const random = this.randomOf(index * 31 + this.all.indexOf(name) + 1);
    const scale = this.scale(name, index);
    const [open, close] = [(3300 + random.next() * 66) / scale, (3300 + random.next() * 33) / scale];
    const [high, low] = [Math.max(open, close) * 1.002, Math.min(open, close) * 0.998];
    return { index, time: index * SLOT_MS, open, high, low, close, volume: 1e6 };
  }

  private scale(name: string, index: number): number {
    let scale = 1;
    for (const { action, slot } of this.actions)
      if (action.type === 'split' && action.instrument === name && slot <= index * SLOT_MS) scale *= action.ratio;
    return scale;
  }

  *past(): Iterable<LiveTick> {}

  barAt(_j: number, t: number): number {
    return Math.floor(t / SLOT_MS);
  }

  newest(): number {
    return (Math.floor(this.clock.now() / SLOT_MS) - 1) * SLOT_MS;
  }

  extremes(j: number, t: number, bought = t): { readonly high: number; readonly low: number } | undefined {
    let [high, low] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (let i = Math.floor(t / SLOT_MS); i * SLOT_MS <= this.newest(); i++) {
      const name = this.instruments[j];
      if (name === undefined || !this.trades(name, i)) continue;
      const bar = this.bar(name, i);
      const ratio = this.scale(name, i) / this.scale(name, Math.floor(bought / SLOT_MS));
      [high, low] = [Math.max(high, bar.high * ratio), Math.min(low, bar.low * ratio)];
    }
    return low <= high ? { high, low } : undefined;
  }
}
