import { seededRandom } from '../../../../src/core/domain/random.js';
import type { BrokerCapabilities } from '../../../../src/core/execution/index.js';
import type { StrategyScope } from '../../../../src/core/state/index.js';
import { SCOPE } from '../../state/helpers.js';
import type { DatedAction, MarketPlan } from './market.js';

export interface DeskPlan extends MarketPlan {
  readonly scope: StrategyScope;
}

/** What one sequence is made of. */
export interface Plan {
  readonly desks: readonly DeskPlan[];
  readonly instruments: readonly string[];
  /** `fake`: a port like Alpaca's. Otherwise a vendor's own adapter in front of the same ledger. */
  readonly venue: 'fake' | 'schwab' | 'ibkr';
  readonly capabilities: Partial<BrokerCapabilities>;
  /** The journal fails at times. */
  readonly outages: boolean;
  /** The venue has a stream. */
  readonly streams: boolean;
  /** People trade by hand, halt, resume and flatten, and companies split, rename and end their shares. */
  readonly people: boolean;
  /** Filled as they come. */
  readonly actions: DatedAction[];
  /** Orders may rest beside each other: pairs of entries, and exits beside what an entry has triggered. */
  readonly beside: boolean;
  /** Nothing else may stop a strategy. */
  readonly stopped: RegExp;
}

const INSTRUMENTS = ['SPY', 'QQQ', 'IWM'];

/** One strategy, which enters at market, with or without a stop. */
export function plainPlan(seed: number): Plan {
  const strategy = {
    thresholds: { enterLong: 1, exitLong: 0, enterShort: seed % 2 === 0 ? -1 : -9, exitShort: 0 },
    ...(seed % 3 === 0 && { protection: { stopLoss: 0.01 } }),
  };
  const emergency = seed % 5 === 0 ? 'hold' : 'exit';
  return {
    desks: [{ scope: SCOPE, instruments: INSTRUMENTS, strategy, emergency }],
    instruments: INSTRUMENTS,
    venue: 'fake',
    capabilities: {},
    outages: seed % 4 === 1,
    streams: seed % 7 < 3,
    people: false,
    actions: [],
    beside: false,
    // An exit was refused or could not be sent for minutes, or two have turned a position over.
    stopped: /is not protected: (.*refused|.*could not be sent for|more than one exit)/,
  };
}

const ENTRIES = [
  undefined,
  { type: 'limit', offset: 0.001 },
  {
    type: 'oco',
    orders: [
      { type: 'limit', offset: 0.01 },
      { type: 'stop', offset: 0.01 },
    ],
  },
  {
    type: 'oto',
    orders: [
      { type: 'limit', offset: 0.01 },
      { type: 'limit', offset: 0.02 },
    ],
    share: 0.4,
  },
] as const;
const PROTECTION = [
  undefined,
  { stopLoss: 0.01 },
  { trailingStop: 0.01 },
  { stopLoss: 0.01, takeProfit: 0.02 },
] as const;

/** Strategies of all kinds that share an account with each other and with people, at venues of all kinds. */
export function widePlan(seed: number): Plan {
  const random = seededRandom(seed * 104_729 + 7);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random.next() * list.length)]!;
  const instruments = ['SPY', 'QQQ', 'IWM', 'DIA', 'NEW'];
  // The second may want what the first holds.
  const universes = [['SPY', 'QQQ', 'NEW'], ['IWM', 'DIA', 'QQQ'], ['DIA']];
  const oco = random.next() < 0.5;
  const capabilities: Partial<BrokerCapabilities> = {
    pairedEntries: 'two-orders',
    oco,
    attachedProtection: oco && random.next() < 0.5,
    trailingStop: random.next() < 0.5,
    replace: random.next() < 0.7,
    orderTypes: new Set(['market', 'limit', 'stop', 'stop_limit', 'trailing_stop']),
  };
  const desks = Array.from({ length: pick([1, 1, 2, 3]) }, (_, d): DeskPlan => {
    const [entry, protection] = [pick(ENTRIES), pick(PROTECTION)];
    const short = pick([true, false]);
    return {
      scope: { ...SCOPE, strategy: ['swing', 'trend', 'carry'][d]! },
      instruments: universes[d]!,
      strategy: {
        thresholds: { enterLong: 1, exitLong: 0, enterShort: short ? -1 : -9, exitShort: 0 },
        ...(entry !== undefined && { entry }),
        ...(protection !== undefined && { protection }),
      },
      emergency: pick(['exit', 'exit', 'hold']),
      shares: true,
    };
  });
  const paired = desks.some(({ strategy }) => strategy.entry?.type === 'oco' || strategy.entry?.type === 'oto');
  return {
    desks,
    instruments,
    venue: 'fake',
    capabilities,
    outages: random.next() < 0.25,
    streams: random.next() < 0.4,
    people: true,
    actions: [],
    beside: paired || oco,
    stopped:
      /is not protected: (.*refused|.*could not be sent for|more than one exit)|both orders of its pair|is not managed|^reconciliation|person/,
  };
}

/** The same at Schwab, through its own adapter. */
export const schwabPlan = (seed: number): Plan => ({
  ...widePlan(seed),
  venue: 'schwab',
  capabilities: {},
  beside: true,
});

/** The same at Interactive Brokers, through its own adapter. */
export function ibkrPlan(seed: number): Plan {
  return { ...widePlan(seed), venue: 'ibkr', capabilities: {}, beside: true };
}
