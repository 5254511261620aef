import type { TradeOptions } from '../../config/index.js';
import type { OpenDataset } from '../../data/dataset.js';
import { entersByPair, PAIRED_VENUES, type Strategy } from '../../engine/strategy.js';
import { QuantlineError } from '../../errors/index.js';
import type { Broker, BrokerAccount } from '../../execution/index.js';
import type { ExchangeSettings } from '../../market/index.js';
import type { RunFile } from '../compose/run.js';
import { readReport } from '../reports.js';
import type { Runtime } from '../runtime.js';
import type { Tradeable } from './tradeable.js';

const guard = (message: string, hint: string): QuantlineError => new QuantlineError('GUARD', message, { hint });

/** What a venue other than the simulated one does not take, whatever else holds. */
export function checkNames(options: TradeOptions): void {
  const { broker, report, model, strategy } = options;
  if (broker === 'sim') {
    if (options.live) throw guard('--live has no meaning at the simulated venue.', 'Leave --live out.');
    return;
  }
  if (report === undefined)
    throw guard(
      `--run trades on the simulated venue only, not at ${broker}.`,
      'Evaluate the run and pass --report, or use --broker sim.',
    );
  if (report === 'latest' || model === 'latest')
    throw guard(
      `"latest" is refused at ${broker}: another stage may move it.`,
      'Name the report (and --model) by its path, its id or a tag.',
    );
  if (strategy === undefined)
    throw guard(
      `--strategy is required at ${broker}.`,
      'Give the name that the strategy keeps across retraining, such as --strategy swing.',
    );
}

/**
 * Everything that real money needs and that is known before the venue is asked: the variable with the account from the
 * real environment, and a report whose gate passed.
 */
export async function checkLive(options: TradeOptions, runtime: Runtime, tradeable: Tradeable): Promise<void> {
  if (!options.live) return;
  if (runtime.allowLive === undefined) {
    const elsewhere = runtime.secrets['QUANTLINE_ALLOW_LIVE'] !== undefined;
    throw guard(
      elsewhere
        ? '--live needs QUANTLINE_ALLOW_LIVE in the environment of the process itself; .env does not count.'
        : '--live needs the variable QUANTLINE_ALLOW_LIVE=<account id>, which says which account may be traded.',
      'Set it where the command is started: QUANTLINE_ALLOW_LIVE=<account id> quantline trade --live …',
    );
  }
  const { verdict } = await readReport(tradeable.source);
  if (verdict.pass || options.acceptUngated !== undefined) return;
  throw guard(
    `The report ${tradeable.source.id} did not pass its gate ${verdict.gate}: ${verdict.failed.join(', ')}.`,
    'Trade a report that passed, or take the responsibility with --accept-ungated "reason".',
  );
}

/** The account that the venue names must be the one that may be traded, and in order. */
export function checkAccount(options: TradeOptions, runtime: Runtime, broker: Broker, account: BrokerAccount): void {
  if (options.live && account.paper)
    throw guard(
      `${broker.venue} gives a paper account (${account.id}), but --live was asked for.`,
      'Use the keys of the live account, or leave --live out.',
    );
  if (options.live && account.id !== runtime.allowLive)
    throw guard(
      `QUANTLINE_ALLOW_LIVE allows the account ${runtime.allowLive}, but the keys belong to ${account.id}. Nothing was sent.`,
      'Set the variable to the account that you mean, or use its keys.',
    );
  if (!options.live && !account.paper)
    throw guard(
      `${broker.venue} gives an account with real money (${account.id}), but --live was not asked for.`,
      'Use the keys of a paper account, or --broker sim; real money needs --live.',
    );
  if (account.blocked)
    throw new QuantlineError(
      'REFUSED',
      `The account ${account.id} may not trade: ${account.reason ?? 'it is blocked'}.`,
      {
        hint: 'See the account at the broker. Nothing was sent.',
        details: { account: account.id },
      },
    );
}

/** CONFIG where the venue takes no pairs of entry orders, and the run enters by one. */
export function checkEntries(broker: Broker, strategy: Strategy): void {
  if (!entersByPair(strategy) || broker.capabilities.pairedEntries !== undefined) return;
  throw new QuantlineError(
    'CONFIG',
    `${broker.venue} takes no pairs of entry orders, but the run enters by ${strategy.entry!.type}.`,
    { hint: `Backtest with a single --entry order, or trade at a venue that takes them: ${PAIRED_VENUES.join(', ')}.` },
  );
}

/** CONFIG where a simulated venue would fill newer bars otherwise than the run: without its quotes, or its finer bars. */
export function checkNewerBars(
  broker: Broker,
  { fill }: Pick<ExchangeSettings, 'fill'>,
  { quotes }: Pick<OpenDataset, 'quotes'>,
  { detail }: Pick<RunFile, 'detail'>,
): void {
  if (broker.onTick === undefined) return;
  const missing =
    fill.spread !== undefined && quotes !== undefined
      ? { what: "at the dataset's bids and asks", without: 'on data without quotes' }
      : detail !== null
        ? { what: `by ${detail.interval} bars inside its own`, without: 'without --detail' }
        : undefined;
  if (missing === undefined) return;
  throw new QuantlineError('CONFIG', `The run was filled ${missing.what}, which newer bars do not have here.`, {
    hint: `Replay the dataset (leave --source out), or backtest ${missing.without}.`,
  });
}
