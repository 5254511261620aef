import { existsSync } from 'node:fs';
import type { TrialsOptions } from '../config/index.js';
import { isoTime } from '../platform/index.js';
import { TrialLedger } from '../state/index.js';
import type { Runtime } from './runtime.js';

/** One trial of the ledger. */
export interface TrialRow {
  readonly id: string;
  readonly first_seen: string;
  readonly strategy: string;
  readonly source: string;
  readonly instruments: readonly string[];
  readonly interval: string;
  readonly seed: number | null;
  /** Per session, not annualised; null where the returns have no variance. */
  readonly sharpe: number | null;
  readonly sessions: number;
  /** How often it was run; it counts once. */
  readonly runs: number;
}

export interface TrialList {
  /** null where nothing was ever tried. */
  readonly ledger: string | null;
  readonly since: string | null;
  /** Distinct trials in the ledger, those that the filter lets through, and the newest of these that are listed here. */
  readonly count: number;
  readonly matching: number;
  readonly shown: number;
  /** Sample variance of the per-session Sharpe ratios of all that the filter lets through. */
  readonly sharpe_variance: number;
  /** Newest first. */
  readonly trials: readonly TrialRow[];
}

/** `quantline trials`: everything that was ever tried by this user, in any workspace. Looking begins no ledger. */
export async function trials(
  { source, interval, symbols, limit }: TrialsOptions,
  { trialLedger, clock }: Pick<Runtime, 'trialLedger' | 'clock'>,
): Promise<TrialList> {
  if (!trialLedger.includes('://') && !existsSync(trialLedger))
    return { ledger: null, since: null, count: 0, matching: 0, shown: 0, sharpe_variance: 0, trials: [] };
  const ledger = await TrialLedger.open(trialLedger, clock.now());
  try {
    const filter = {
      ...(source !== undefined && { source }),
      ...(interval !== undefined && { interval }),
      ...(symbols !== undefined && { instruments: symbols }),
    };
    const summary = await ledger.summary(filter);
    const found = [...(await ledger.list(filter))].reverse().slice(0, limit);
    return {
      ledger: ledger.id,
      since: isoTime(ledger.since),
      count: await ledger.count(),
      matching: summary.count,
      shown: found.length,
      sharpe_variance: summary.sharpeVariance,
      trials: found.map((trial) => ({
        id: trial.key,
        first_seen: isoTime(trial.firstSeen),
        strategy: trial.strategy,
        source: trial.source,
        instruments: trial.instruments,
        interval: trial.interval,
        seed: trial.seed ?? null,
        sharpe: Number.isFinite(trial.sharpe) ? trial.sharpe : null,
        sessions: trial.sessions,
        runs: trial.runs,
      })),
    };
  } finally {
    await ledger.close();
  }
}
