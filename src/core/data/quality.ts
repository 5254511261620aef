import type { BarColumns, CorporateAction, Density, SessionScope, TradingCalendar } from '../domain/index.js';
import { lowerBound, sliceBars } from '../domain/index.js';
import { QuantlineError } from '../errors/index.js';
import { isoTime } from '../platform/index.js';
import * as detect from './checks.js';

/** `refuse` stops the symbol, `drop` leaves the bars out, `warn` keeps and reports them, `allow` keeps and counts them. */
export const POLICIES = ['refuse', 'drop', 'warn', 'allow'] as const;
export type QualityPolicy = (typeof POLICIES)[number];

interface CheckInfo {
  readonly summary: string;
  readonly policy: QualityPolicy;
  /** Policies that make sense for it. */
  readonly allowed: readonly QualityPolicy[];
}

const ANY = POLICIES;
const REPAIRED = ['refuse', 'drop', 'warn'] as const;

/** Every check with its default policy. Values that cannot be right refuse; what may be right warns. */
export const QUALITY_CHECKS = {
  order: { summary: 'rows that go back in time (drop, warn: sorted)', policy: 'refuse', allowed: REPAIRED },
  repeated: { summary: 'rows that repeat another one exactly (one is kept)', policy: 'warn', allowed: REPAIRED },
  conflicting: {
    summary: 'rows of one time with different values (drop, warn: the last one counts)',
    policy: 'refuse',
    allowed: REPAIRED,
  },
  session: { summary: 'bars outside the trading session (left out)', policy: 'drop', allowed: ['refuse', 'drop'] },
  alignment: { summary: 'bars that do not start on the session’s grid', policy: 'warn', allowed: ANY },
  missing: { summary: 'bars with a missing or infinite value', policy: 'refuse', allowed: ['refuse', 'drop'] },
  price: { summary: 'prices of zero or less', policy: 'refuse', allowed: ['refuse', 'drop'] },
  range: { summary: 'high below low', policy: 'refuse', allowed: ['refuse', 'drop'] },
  ohlc: { summary: 'open or close outside low to high', policy: 'refuse', allowed: ANY },
  negative_volume: { summary: 'volume below zero', policy: 'refuse', allowed: ['refuse', 'drop'] },
  zero_volume: { summary: 'bars without volume', policy: 'warn', allowed: ANY },
  outliers: { summary: 'prices far from the bars on both sides', policy: 'refuse', allowed: ANY },
  splits: {
    summary: 'jumps like a split that no action explains',
    policy: 'refuse',
    allowed: ['refuse', 'warn', 'allow'],
  },
  gaps: {
    summary: 'bars missing between the first and the last',
    policy: 'warn',
    allowed: ['refuse', 'warn', 'allow'],
  },
  stale: { summary: 'sessions missing at the end', policy: 'warn', allowed: ['refuse', 'warn', 'allow'] },
} as const satisfies Record<string, CheckInfo>;

export type QualityCheck = keyof typeof QUALITY_CHECKS;
export type QualityPolicies = Readonly<Record<QualityCheck, QualityPolicy>>;

/** What one check found in one instrument's bars. */
export interface QualityFinding {
  readonly check: QualityCheck;
  readonly policy: QualityPolicy;
  readonly count: number;
  readonly examples: readonly string[];
}

/** Default policies with `check=policy` texts applied; USAGE for unknown names and for policies that do not fit. */
export function qualityPolicies(texts: Readonly<Record<string, string>> = {}): QualityPolicies {
  const policies: Record<string, QualityPolicy> = Object.fromEntries(
    Object.entries(QUALITY_CHECKS).map(([name, info]) => [name, info.policy]),
  );
  for (const [name, policy] of Object.entries(texts)) {
    const info: CheckInfo | undefined = Object.hasOwn(QUALITY_CHECKS, name)
      ? QUALITY_CHECKS[name as QualityCheck]
      : undefined;
    if (info === undefined)
      throw new QuantlineError('USAGE', `There is no quality check "${name}".`, {
        hint: `Checks: ${Object.keys(QUALITY_CHECKS).join(', ')}.`,
      });
    if (!(info.allowed as readonly string[]).includes(policy))
      throw new QuantlineError('USAGE', `The check ${name} (${info.summary}) cannot be "${policy}".`, {
        hint: `Use one of ${info.allowed.join(', ')}.`,
      });
    policies[name] = policy as QualityPolicy;
  }
  return policies as QualityPolicies;
}

/**
 * What a source met, left out or put right on the way. Ingest applies the policy of the named check to it and puts it
 * into the dataset's quality report.
 */
export interface SourceNote {
  readonly instrument: string;
  readonly check: QualityCheck;
  readonly count: number;
  /** A few cases, as a person would look for them: times, lines, values. */
  readonly examples: readonly string[];
}

export interface QualityContext {
  readonly calendar: TradingCalendar;
  readonly scope: SessionScope;
  readonly density: Density;
  readonly policies: QualityPolicies;
  readonly actions?: readonly CorporateAction[];
  /** What the source met on the way. */
  readonly notes?: readonly SourceNote[];
  /** Bars before this instant are context: compared with, neither judged nor counted. */
  readonly judgeFrom?: number;
  /** Bars from this instant on are context too: they are judged later, with what follows them. */
  readonly judgeUntil?: number;
  /** Bars are expected up to this instant; undefined for archives that end when they end. */
  readonly expectedUntil?: number;
}

export interface QualityResult {
  /** The bars that remain. */
  readonly bars: BarColumns;
  /** Findings with a count, in the order of QUALITY_CHECKS. */
  readonly findings: readonly QualityFinding[];
}

const EXAMPLES = 5;

/** Findings of parts of a series, put together. */
export function joinFindings(parts: readonly QualityFinding[]): readonly QualityFinding[] {
  const joined = new Map<QualityCheck, QualityFinding>();
  for (const part of parts) {
    const before = joined.get(part.check);
    joined.set(part.check, {
      ...part,
      count: part.count + (before?.count ?? 0),
      examples: [...(before?.examples ?? []), ...part.examples].slice(0, EXAMPLES),
    });
  }
  return (Object.keys(QUALITY_CHECKS) as QualityCheck[]).flatMap((check) => joined.get(check) ?? []);
}

/**
 * Runs all checks on one instrument's bars (ascending times). Throws QUALITY, naming every check that refuses, with
 * counts and examples; otherwise returns the bars without the dropped ones.
 */
export function checkQuality(input: BarColumns, context: QualityContext): QualityResult {
  const { policies } = context;
  const findings = new Map<QualityCheck, QualityFinding>();
  const found = (check: QualityCheck, count: number, examples: readonly string[]) => {
    const before = findings.get(check);
    findings.set(check, {
      check,
      policy: policies[check],
      count: count + (before?.count ?? 0),
      examples: [...(before?.examples ?? []), ...examples].slice(0, EXAMPLES),
    });
  };
  for (const note of context.notes ?? []) found(note.check, note.count, note.examples);

  let bars = input;
  /** Reports marked bars and takes them out where the policy says so. */
  const { judgeFrom = Number.NEGATIVE_INFINITY, judgeUntil = Number.POSITIVE_INFINITY } = context;
  const marked = (check: QualityCheck, all: readonly number[], show = (row: number) => isoTime(bars.time[row]!)) => {
    const rows = all.filter((row) => bars.time[row]! >= judgeFrom && bars.time[row]! < judgeUntil);
    if (rows.length === 0) return;
    found(check, rows.length, rows.slice(0, EXAMPLES).map(show));
    if (policies[check] === 'drop') bars = detect.without(bars, rows);
  };
  const valued = (field: 'open' | 'high' | 'low' | 'close' | 'volume') => (row: number) =>
    `${isoTime(bars.time[row]!)} ${field} ${bars[field][row]}`;
  const whole = (row: number) =>
    `${isoTime(bars.time[row]!)} O ${bars.open[row]} H ${bars.high[row]} L ${bars.low[row]} C ${bars.close[row]}`;

  marked('order', detect.backward(bars));
  marked('session', detect.outsideSession(bars, context.calendar, context.scope));
  marked('alignment', detect.misaligned(bars, context.calendar));
  marked('missing', detect.missing(bars), whole);
  marked('price', detect.nonPositive(bars), whole);
  marked('range', detect.inverted(bars), whole);
  marked('ohlc', detect.inconsistent(bars), whole);
  marked('negative_volume', detect.negativeVolume(bars), valued('volume'));
  marked('zero_volume', detect.zeroVolume(bars));
  // The rest compares neighbours and needs values that are values.
  if (![...findings.values()].some(({ check, policy }) => policy === 'refuse' && FATAL.has(check))) {
    marked('outliers', detect.outliers(bars, context.calendar, context.actions ?? []), whole);
    marked('splits', detect.unexplainedSplits(bars, context.calendar, context.actions ?? []), (row) => {
      const ratio = bars.close[row - 1]! / bars.open[row]!;
      return `${isoTime(bars.time[row]!)} ${bars.close[row - 1]} to ${bars.open[row]} (ratio ${ratio.toPrecision(4)})`;
    });
    if (context.density === 'dense') {
      // One bar of the context, so that a gap between it and the first new bar is seen.
      const first = Math.max(lowerBound(bars.time, judgeFrom) - 1, 0);
      const until = lowerBound(bars.time, judgeUntil);
      const gaps = detect.gaps(sliceBars(bars, first, until), context.calendar, context.scope);
      if (gaps.count > 0) found('gaps', gaps.count, gaps.examples.slice(0, EXAMPLES));
    }
    if (context.expectedUntil !== undefined) {
      const late = detect.staleSessions(bars, context.calendar, context.expectedUntil);
      if (late.length > 0) found('stale', late.length, late.slice(0, EXAMPLES));
    }
  }
  const ordered = (Object.keys(QUALITY_CHECKS) as QualityCheck[]).flatMap((check) => findings.get(check) ?? []);
  const refused = ordered.filter((finding) => finding.policy === 'refuse');
  if (refused.length > 0) throw refusal(input.instrument, refused);
  const [first, end] = [lowerBound(bars.time, judgeFrom), lowerBound(bars.time, judgeUntil)];
  return { bars: sliceBars(bars, first, end), findings: ordered };
}

/** Checks after whose refusal values cannot be compared. */
const FATAL: ReadonlySet<QualityCheck> = new Set(['order', 'missing', 'price']);

function refusal(instrument: string, refused: readonly QualityFinding[]): QuantlineError {
  const lines = refused.map(({ check, count, examples }) => {
    const more = count > examples.length ? ', …' : '';
    return `${check} (${QUALITY_CHECKS[check].summary}): ${count}, at ${examples.join('; ')}${more}`;
  });
  const first = refused[0]!.check;
  const other = QUALITY_CHECKS[first].allowed.find((policy) => policy !== 'refuse');
  return new QuantlineError('QUALITY', `${instrument} failed ${lines.join('\n  and ')}`, {
    hint: `Correct the data, or choose another policy, such as --quality ${first}=${other}.`,
    details: { symbol: instrument, findings: refused },
  });
}
