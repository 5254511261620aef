import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { QuantlineError } from '../../errors/index.js';
import { type Journal, openJournal, type StrategyScope } from '../../state/index.js';
import type { Runtime } from '../runtime.js';
import { isVenueOf } from './venues.js';

type Place = Pick<Runtime, 'journal'>;

/** Whether there is a journal yet; a server's is taken to be there. */
export const hasJournal = ({ journal }: Place): boolean => journal.includes('://') || existsSync(journal);

/** A journal that is not there yet knows of nothing; looking at it does not make one. */
export async function withJournal<T>(
  runtime: Place,
  empty: T | (() => Promise<T>),
  use: (journal: Journal) => Promise<T>,
): Promise<T> {
  if (!hasJournal(runtime)) return typeof empty === 'function' ? (empty as () => Promise<T>)() : empty;
  const journal = await openJournal(runtime.journal);
  try {
    return await use(journal);
  } finally {
    await journal.close();
  }
}

/** The same for a look at a venue, which may hold something before anything has traded here. */
export async function withJournalOf<T>(
  runtime: Place,
  broker: string | undefined,
  use: (journal: Journal) => Promise<readonly T[]>,
): Promise<readonly T[]> {
  if (hasJournal(runtime) || broker === undefined) return withJournal(runtime, [], use);
  const folder = await mkdtemp(join(tmpdir(), 'quantline-'));
  try {
    const journal = await openJournal(join(folder, 'journal.sqlite'));
    return await use(journal).finally(() => journal.close());
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export interface ScopeFilter {
  readonly strategy?: string | undefined;
  readonly broker?: string | undefined;
}

export async function scopesOf(journal: Journal, { strategy, broker }: ScopeFilter): Promise<readonly StrategyScope[]> {
  const all = await journal.scopes();
  return all.filter(
    (scope) => isVenueOf(scope.venue, broker) && (strategy === undefined || scope.strategy === strategy),
  );
}

/** The strategies that are meant; NO_DATA where there is none: a switch that turns nothing off must say so. */
export async function someScopes(journal: Journal, filter: ScopeFilter): Promise<readonly StrategyScope[]> {
  const found = await scopesOf(journal, filter);
  if (found.length > 0) return found;
  const known = [...new Set((await journal.scopes()).map(({ strategy, venue }) => `${strategy} at ${venue}`))];
  throw noStrategy(filter, known);
}

export function noStrategy({ strategy, broker }: ScopeFilter, known: readonly string[]): QuantlineError {
  const what = `strategy${strategy === undefined ? '' : ` "${strategy}"`}${broker === undefined ? '' : ` at ${broker}`}`;
  return new QuantlineError('NO_DATA', `The journal knows no ${what}; nothing was changed.`, {
    hint:
      known.length === 0
        ? 'Nothing has traded with this journal; check --workspace and --journal.'
        : `It knows ${known.join(', ')}.`,
    details: { strategy: strategy ?? null, broker: broker ?? null },
  });
}
