import type { BacktestOptions } from '../../config/index.js';
import {
  adapterSettings,
  COMMAND_OPTIONS,
  nearest,
  parseDecimal,
  splitTopLevel,
  valueError,
} from '../../config/index.js';
import { isQuantlineError, QuantlineError } from '../../errors/index.js';
import type { TrainerModule } from '../../models/trainer.js';
import { type StrategySettings, strategySettingsOf } from './strategy.js';

/** One setting of the grid with its values as text, in order. */
export interface SweepAxis {
  readonly key: string;
  /** A setting of the rule, or of the strategy. */
  readonly of: 'rule' | 'strategy';
  readonly values: readonly string[];
}

export interface Combination {
  /** Index of each axis's value. */
  readonly at: readonly number[];
  /** Settings of the rule; null where the model is learned. */
  readonly rule: Readonly<Record<string, unknown>> | null;
  readonly strategy: StrategySettings;
}

export interface Grid {
  readonly axes: readonly SweepAxis[];
  readonly combinations: readonly Combination[];
  /** Combinations that make no sense together, by the reason given. */
  readonly skipped: Readonly<Record<string, number>>;
}

/** More combinations than this are refused: whoever means it can write several sweeps. */
const MOST = 1_000_000;

const SHAPE = COMMAND_OPTIONS.backtest.shape;
/** Options of backtest that a sweep may vary: how scores become positions, and what trading costs. */
const STRATEGY_KEYS = Object.keys(SHAPE).filter(
  (key) =>
    !['data', 'model', 'from', 'to', 'detail', 'sweep', 'sweepBy', 'inSample', 'seed', 'tag', 'force', 'risk'].includes(
      key,
    ),
);

const plain = (key: string): string => key.toLowerCase().replace(/[-_]/g, '');

/**
 * Reads `fast=5..20,slow=20..60:5,stop-loss=none|2%`: ranges with an optional step, and lists of alternatives, `none` being
 * the level without an option.
 */
export function parseAxes(text: string, ruleKeys: readonly string[]): SweepAxis[] {
  const axes: SweepAxis[] = [];
  for (const { text: part, at } of splitTopLevel(text)) {
    const equals = part.indexOf('=');
    const column = at + 1 + (part.length - part.trimStart().length);
    if (equals < 1) throw valueError(text, 'expected setting=values, such as fast=5..20', column);
    const name = part.slice(0, equals).trim();
    const rule = ruleKeys.find((key) => plain(key) === plain(name));
    const key = rule ?? STRATEGY_KEYS.find((candidate) => plain(candidate) === plain(name));
    if (key === undefined) {
      const near = nearest(name, [...ruleKeys, ...STRATEGY_KEYS]);
      throw new QuantlineError('USAGE', `Neither the rule nor the strategy has a setting "${name}".`, {
        hint: near === undefined ? `The rule has ${ruleKeys.join(', ') || 'none'}.` : `Did you mean "${near}"?`,
        details: { text, column, rule: ruleKeys, strategy: STRATEGY_KEYS },
      });
    }
    if (axes.some((axis) => axis.key === key)) throw valueError(text, `"${key}" stands here twice`, column);
    const values = parseValues(text, part.slice(equals + 1).trim(), at + equals + 2);
    axes.push({ key, of: rule === undefined ? 'strategy' : 'rule', values });
  }
  return axes;
}

function parseValues(text: string, spec: string, column: number): string[] {
  if (spec === '') throw valueError(text, 'expected values, such as 5..20 or 1%|2%', column);
  if (!spec.includes('..')) return spec.split('|').map((value) => value.trim());
  const match = /^(.+?)(%|bps?)?\.\.(.+?)(%|bps?)?(?::(.+?)(%|bps?)?)?$/.exec(spec);
  const [, a = '', unitA, b = '', unit = '', s = '1', unitS] = match ?? [];
  const [from, to, step] = [parseDecimal(a.trim()), parseDecimal(b.trim()), parseDecimal(s.trim())];
  if (!(step > 0) || !(to >= from)) throw valueError(text, 'expected a range such as 5..20 or 20..60:5', column);
  if ((unitA ?? unit) !== unit || (unitS ?? unit) !== unit) {
    throw valueError(text, 'a range has one unit, such as 1%..5%:0.5%', column);
  }
  const digits = Math.max(...[a, s].map((part) => (part.split('.')[1] ?? '').trim().length));
  const values: string[] = [];
  for (let i = 0; from + i * step <= to + step * 1e-9; i++) {
    if (i > MOST) throw tooMany();
    values.push(`${Number((from + i * step).toFixed(digits))}${unit}`);
  }
  return values;
}

const tooMany = () =>
  new QuantlineError('USAGE', `The grid has more than ${MOST} combinations.`, { hint: 'Use larger steps.' });

/**
 * Every combination that the rule and the options accept, the last axis running fastest. What a rule refuses (a fast
 * average that is not faster) is skipped and counted; a value that an option cannot read is an error.
 */
export async function buildGrid(
  text: string,
  options: BacktestOptions,
  rule: { readonly module: TrainerModule; readonly settings: Readonly<Record<string, unknown>> } | undefined,
  settingsOf: (options: BacktestOptions, rule: Readonly<Record<string, unknown>> | null) => Promise<StrategySettings>,
): Promise<Grid> {
  const axes = parseAxes(text, rule === undefined ? [] : Object.keys(rule.module.settings.shape));
  const total = axes.reduce((n, axis) => n * axis.values.length, 1);
  if (total > MOST) throw tooMany();
  const read = axes.map((axis) => (axis.of === 'rule' ? [] : axis.values.map((value) => readOption(axis.key, value))));
  const combinations: Combination[] = [];
  const skipped: Record<string, number> = {};
  for (let c = 0; c < total; c++) {
    const at = positions(c, axes);
    const texts: Record<string, string> = {};
    const changed: Record<string, unknown> = {};
    for (const [k, axis] of axes.entries()) {
      if (axis.of === 'rule') texts[axis.key] = axis.values[at[k]!]!;
      else changed[axis.key] = read[k]![at[k]!];
    }
    try {
      const settings =
        rule === undefined
          ? null
          : adapterSettings(rule.module.name, rule.module.settings, undefined, texts, rule.settings);
      if (rule !== undefined) await rule.module.create(settings!);
      const strategy = await settingsOf({ ...options, ...changed } as BacktestOptions, settings);
      combinations.push({ at, rule: settings, strategy });
    } catch (error) {
      if (!isQuantlineError(error) || error.code !== 'USAGE') throw error;
      const reason = error.message.replace(/\(?-?\d[\d.]*\)?/g, '…');
      skipped[reason] = (skipped[reason] ?? 0) + 1;
    }
  }
  if (combinations.length === 0) {
    throw new QuantlineError('USAGE', `No combination of the grid is possible: ${Object.keys(skipped)[0]}`, {
      hint: 'Choose ranges that make sense together, such as fast=5..20,slow=30..60:5.',
      details: { skipped },
    });
  }
  return { axes, combinations, skipped };
}

/** The level at which an option that is off unless given is off. */
const WITHOUT = 'none';

function readOption(key: string, value: string): unknown {
  const schema = (
    SHAPE as unknown as Record<string, { safeParse(raw: unknown): ReturnType<typeof SHAPE.cash.safeParse> }>
  )[key]!;
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  if (value === WITHOUT && schema.safeParse(undefined).success && schema.safeParse(undefined).data === undefined)
    return undefined;
  throw new QuantlineError('USAGE', `--sweep, ${key}: ${parsed.error.issues[0]?.message}`, {
    hint: 'Write values as the option itself takes them, such as stop-loss=1%..5%:1%.',
  });
}

function positions(c: number, axes: readonly SweepAxis[]): number[] {
  const at = new Array<number>(axes.length);
  for (let k = axes.length - 1; k >= 0; k--) {
    const n = axes[k]!.values.length;
    at[k] = c % n;
    c = Math.floor(c / n);
  }
  return at;
}

/** The usual settings of a combination: what the options say, short where the rule asks for it. */
export const plainSettings = async (options: BacktestOptions, short: boolean): Promise<StrategySettings> => ({
  ...strategySettingsOf(options),
  short: options.short || short,
});
