import { countsVolumeFrom } from '../../domain/bars.js';
import { seededRandom } from '../../domain/random.js';
import type { ActionSpace, Environment } from '../../learning/agents/index.js';
import {
  type ExchangeListener,
  type ExchangeSettings,
  REBALANCE_BAND,
  type Resizing,
  type Rounding,
  resize,
  SimulatedExchange,
  wantedWeight,
} from '../../market/index.js';
import type { MarketRun } from './runs.js';

export interface MarketRules {
  /** Target positions to choose from, as signed shares of a full position; null: any in [least, 1]. */
  readonly levels: readonly number[] | null;
  /** Least target: −1 where short positions are allowed, otherwise 0. */
  readonly least: number;
  readonly venue: ExchangeSettings;
}

/** `episode`: bars of an episode that starts at random; null: whole runs in order, one a reset. */
export interface MarketEpisodes {
  readonly episode: number | null;
}

const DEAF: ExchangeListener = { onOrder() {}, onFill() {} };
/** Fractions of a unit, and prices as they are: what a share of a lot is worth is nothing to learn from. */
const FINE: Rounding = {
  quantity: (_, quantity) => quantity,
  sum: (_, quantity) => quantity,
  price: (_, price) => price,
};
/** Log change of an account that has lost everything. */
const RUIN = -10;

/**
 * One instrument's market for an agent. It observes the features of a bar at its close and its own weight, states a target
 * position, and the orders that lead there fill at the next bar by the simulated exchange with its costs: the same code
 * and rules as a backtest. The reward is the log change of equity from close to close. Episodes are cut off, never ended,
 * by length or end of data: what comes after still has a value. Ruin ends an episode for good.
 */
export class MarketEnvironment implements Environment {
  readonly observationSize: number;
  readonly actionSpace: ActionSpace;
  terminated = false;
  truncated = false;
  private run: MarketRun;
  private exchange: SimulatedExchange;
  private bar = 0;
  private end = 0;
  private turn = 0;
  private halts = 0;
  private readonly change: Resizing = { close: 0, add: 0 };

  constructor(
    private readonly runs: readonly MarketRun[],
    private readonly rules: MarketRules,
    private readonly episodes: MarketEpisodes,
  ) {
    this.run = runs[0]!;
    this.observationSize = this.run.columns + 1;
    this.actionSpace =
      rules.levels === null
        ? { kind: 'continuous', size: 1, low: rules.least, high: 1 }
        : { kind: 'discrete', count: rules.levels.length };
    this.exchange = this.open();
  }

  /** Account value at the last close. */
  get equity(): number {
    return this.exchange.ledger.equity();
  }

  reset(seed: number, observation: Float32Array): void {
    const { runs, episodes } = this;
    if (episodes.episode === null) {
      this.run = runs[this.turn++ % runs.length]!;
      this.bar = this.run.from;
      this.end = this.run.to - 1;
    } else {
      const random = seededRandom(seed);
      this.run = this.draw(random.next());
      const { from, to } = this.run;
      const length = Math.min(episodes.episode, to - from - 1);
      this.bar = from + Math.floor(random.next() * (to - from - length));
      this.end = this.bar + length;
    }
    this.halts = countsVolumeFrom(this.run.bars);
    this.exchange = this.open();
    this.exchange.ledger.mark[0] = this.run.bars.close[this.bar]!;
    this.terminated = false;
    this.truncated = false;
    this.observe(observation);
  }

  step(action: Float32Array, observation: Float32Array): number {
    const { rules, run, exchange } = this;
    const before = this.equity;
    this.trade(rules.levels === null ? action[0]! : rules.levels[action[0]!]!, before);
    const { close, volume } = run.bars;
    const i = ++this.bar;
    if (volume[i] === 0 && i > this.halts) exchange.onHalt(0, close[i]!);
    else exchange.onRow(0, i, run.bars, i);
    const after = this.equity;
    this.terminated = !(after > 0);
    this.truncated = i >= this.end;
    this.observe(observation);
    return this.terminated ? RUIN : Math.log(after / before);
  }

  /** Orders that lead from what is held to the target; none while one is working. */
  private trade(target: number, equity: number): void {
    const { exchange, run, bar, change } = this;
    if (exchange.orders(0).length > 0) return;
    const wanted = wantedWeight(target, this.weight(equity), REBALANCE_BAND);
    if (Number.isNaN(wanted)) return;
    const held = exchange.ledger.quantity[0]!;
    resize(held, run.bars.close[bar]!, equity, wanted, change);
    const now = run.knownAt[bar]!;
    const { instrument } = run.bars;
    if (change.close > 0) {
      const side = held > 0 ? 'sell' : 'buy';
      exchange.submit(0, { instrument, side, leg: 'exit', type: 'market', quantity: change.close }, now);
    }
    if (change.add > 0) {
      const side = wanted > 0 ? 'buy' : 'sell';
      exchange.submit(0, { instrument, side, leg: 'entry', type: 'market', notional: change.add }, now);
    }
  }

  private weight(equity: number): number {
    const { quantity, mark } = this.exchange.ledger;
    return equity > 0 ? (quantity[0]! * mark[0]!) / equity : 0;
  }

  private observe(observation: Float32Array): void {
    const { features, first, columns } = this.run;
    const at = (first + this.bar) * columns;
    for (let c = 0; c < columns; c++) observation[c] = features[at + c]!;
    observation[columns] = this.weight(this.equity);
  }

  private open(): SimulatedExchange {
    return new SimulatedExchange(1, this.rules.venue, FINE, DEAF);
  }

  /** A run, with a chance in proportion to its bars. */
  private draw(share: number): MarketRun {
    const total = this.runs.reduce((sum, { from, to }) => sum + to - from, 0);
    let rest = share * total;
    for (const run of this.runs) {
      rest -= run.to - run.from;
      if (rest < 0) return run;
    }
    return this.runs.at(-1)!;
  }
}
