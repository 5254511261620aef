import { z } from 'zod';
import {
  adapterSettings,
  type BacktestOptions,
  type Commission,
  parseCall,
  RATE_KINDS,
  type StrategyOptions,
} from '../../config/index.js';
import type { Instrument } from '../../domain/instrument.js';
import type { Protection } from '../../domain/orders.js';
import { defaultThresholds, type Strategy, type Thresholds } from '../../engine/strategy.js';
import {
  type ExchangeSettings,
  type FillModel,
  REBALANCE_BAND,
  type Rounding,
  roundingOf,
  US_REGULATORY_FEES,
} from '../../market/index.js';
import type { ScoreKind } from '../../models/model.js';
import { loadAdapter } from '../../registry/index.js';
import type { RiskPolicy } from '../../risk/index.js';
import { entryOf } from './entry.js';

const commissionShape = {
  percent: z.number(),
  perShare: z.number(),
  perOrder: z.number(),
  minimum: z.number(),
  maximumPercent: z.number().nullable(),
};

/** Infinity has no place in JSON. */
const finite = <T extends Commission>(terms: T) => ({
  ...terms,
  maximumPercent: Number.isFinite(terms.maximumPercent) ? terms.maximumPercent : null,
});
const unbounded = <T extends { readonly maximumPercent: number | null }>(terms: T) => ({
  ...terms,
  maximumPercent: terms.maximumPercent ?? Number.POSITIVE_INFINITY,
});

/**
 * How scores become positions and what trading costs, as plain JSON: what a run stores, and what a session trades with.
 * Null stands for "none".
 */
export const strategySettingsSchema = z.strictObject({
  cash: z.number(),
  commission: z.strictObject({
    ...commissionShape,
    schedule: z.array(z.strictObject({ from: z.string(), ...commissionShape })),
  }),
  fees: z.union([
    z.enum(['us', 'none']),
    z.array(
      z.strictObject({ from: z.string(), ofProceeds: z.number(), perShare: z.number(), perShareCap: z.number() }),
    ),
  ]),
  rates: z.array(z.strictObject({ kind: z.enum(RATE_KINDS), symbol: z.string(), from: z.string(), rate: z.number() })),
  slippage: z.union([
    z.strictObject({ kind: z.enum(['fixed', 'entry-spread']), fraction: z.number() }),
    z.strictObject({ kind: z.literal('volume-share'), limit: z.number(), impact: z.number() }),
    z.strictObject({ kind: z.literal('square-root'), limit: z.number(), factor: z.number() }),
  ]),
  fill: z.string(),
  entry: z.string(),
  sizing: z.union([
    z.strictObject({ kind: z.literal('equal'), fraction: z.number() }),
    z.strictObject({ kind: z.literal('fraction'), fraction: z.number() }),
    z.strictObject({ kind: z.literal('all-in'), fraction: z.number() }),
    z.strictObject({ kind: z.literal('cash'), amount: z.number() }),
    z.strictObject({ kind: z.literal('volatility'), target: z.number(), window: z.number() }),
    z.strictObject({ kind: z.literal('atr-risk'), risk: z.number(), multiple: z.number(), window: z.number() }),
  ]),
  short: z.boolean(),
  enter: z.number().nullable(),
  exit: z.number().nullable(),
  lot: z.enum(['whole', 'fractional', 'units']),
  leverage: z.number(),
  stopLoss: z.number().nullable(),
  takeProfit: z.number().nullable(),
  trailingStop: z.number().nullable(),
  timeStop: z.number().nullable(),
  reentry: z.enum(['new-signal', 'immediate']),
  risk: z.array(z.string()),
  protectFrom: z.enum(['fill', 'signal']).default('fill'),
  ticks: z.enum(['venue', 'none']).default('venue'),
  closeAtEnd: z.enum(['no', 'open', 'close']).default('no'),
});
export type StrategySettings = z.output<typeof strategySettingsSchema>;

export function strategySettingsOf(options: StrategyOptions & Pick<BacktestOptions, 'closeAtEnd'>): StrategySettings {
  const { text: _, ...commission } = options.commission;
  const { text: __, ...slippage } = options.slippage;
  return {
    cash: options.cash,
    commission: { ...finite(commission), schedule: commission.schedule.map(finite) },
    fees: typeof options.fees === 'string' ? options.fees : [...options.fees],
    rates: [...options.rates],
    slippage,
    fill: options.fill.text,
    entry: options.entry.text,
    sizing: options.sizing,
    short: options.short,
    enter: options.enter ?? null,
    exit: options.exit ?? null,
    lot: options.lot,
    leverage: options.leverage,
    stopLoss: options.stopLoss ?? null,
    takeProfit: options.takeProfit ?? null,
    trailingStop: options.trailingStop ?? null,
    timeStop: options.timeStop ?? null,
    reentry: options.reentry,
    risk: (options.risk ?? []).map((call) => call.text),
    protectFrom: options.protectFrom,
    ticks: options.ticks,
    closeAtEnd: options.closeAtEnd,
  };
}

export interface ComposedStrategy {
  readonly strategy: Strategy;
  readonly venue: ExchangeSettings;
  readonly rounding: Rounding;
  readonly closeAtEnd: boolean | 'open';
}

/** The engine's objects for these settings: the same call serves the backtest and the live runner. */
export async function composeStrategy(
  settings: StrategySettings,
  scoreKind: ScoreKind,
  instruments: readonly Instrument[],
): Promise<ComposedStrategy> {
  const policies = await Promise.all(settings.risk.map((text) => loadCall<RiskPolicy>('policy', text)));
  return {
    strategy: {
      thresholds: thresholdsOf(settings, scoreKind),
      entry: entryOf(settings.entry),
      sizing: settings.sizing,
      protection: protectionOf(settings),
      protectFromSignal: settings.protectFrom === 'signal',
      timeStop: settings.timeStop ?? Number.POSITIVE_INFINITY,
      reentry: settings.reentry,
      policies,
      ...(scoreKind === 'target' && { rebalance: REBALANCE_BAND }),
    },
    venue: await venueOf(settings),
    rounding: gridOf(settings, instruments),
    closeAtEnd: settings.closeAtEnd === 'open' ? 'open' : settings.closeAtEnd === 'close',
  };
}

function gridOf({ lot, ticks }: StrategySettings, instruments: readonly Instrument[]): Rounding {
  const units = lot === 'units' ? instruments.map((one) => ({ ...one, lot: 1 })) : instruments;
  const grid = roundingOf(units, lot === 'fractional');
  return ticks === 'none' ? { ...grid, price: (_, price) => price } : grid;
}

/**
 * The live order that realises a run with these settings; undefined where there is none: the fill model has none, or a
 * convention of other engines was asked for that no venue knows.
 */
export function liveOrderOf(settings: StrategySettings, venue: ExchangeSettings): string | undefined {
  const foreign =
    settings.sizing.kind === 'all-in' ||
    settings.protectFrom === 'signal' ||
    settings.ticks === 'none' ||
    settings.closeAtEnd !== 'no';
  return foreign ? undefined : venue.fill.liveOrder;
}

export async function venueOf(settings: StrategySettings): Promise<ExchangeSettings> {
  const { commission } = settings;
  return {
    cash: settings.cash,
    costs: {
      ...unbounded(commission),
      schedule: commission.schedule.map(unbounded),
      fees: settings.fees === 'us' ? US_REGULATORY_FEES : settings.fees === 'none' ? [] : settings.fees,
    },
    rates: settings.rates,
    slippage: settings.slippage,
    fill: await loadCall<FillModel>('fill', settings.fill),
    leverage: settings.leverage,
    allowShort: settings.short,
  };
}

async function loadCall<T>(port: 'policy' | 'fill', text: string): Promise<T> {
  const call = parseCall(text);
  const { module } = await loadAdapter<{ settings: z.ZodObject; create(settings: unknown): T | Promise<T> }>(
    port,
    call.name,
  );
  return module.create(adapterSettings(call.name, module.settings, call));
}

/** Thresholds of the score; the short side mirrors the long one around the middle of the score. */
function thresholdsOf(settings: StrategySettings, kind: ScoreKind): Thresholds {
  const defaults = defaultThresholds(kind, settings.short);
  if (settings.enter === null && settings.exit === null) return defaults;
  const enterLong = settings.enter ?? defaults.enterLong;
  const exitLong = settings.exit ?? (settings.enter === null ? defaults.exitLong : settings.enter);
  const mirror = (score: number) => (kind === 'probability' ? 1 - score : -score);
  return {
    enterLong,
    exitLong,
    enterShort: settings.short ? mirror(enterLong) : Number.NEGATIVE_INFINITY,
    exitShort: mirror(exitLong),
  };
}

function protectionOf(settings: StrategySettings): Protection | undefined {
  const { stopLoss, takeProfit, trailingStop } = settings;
  if (stopLoss === null && takeProfit === null && trailingStop === null) return undefined;
  return {
    ...(stopLoss !== null && { stopLoss }),
    ...(takeProfit !== null && { takeProfit }),
    ...(trailingStop !== null && { trailingStop }),
  };
}
