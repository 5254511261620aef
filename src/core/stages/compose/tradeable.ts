import type { Artifact } from '../../artifacts/index.js';
import type { TradeOptions } from '../../config/index.js';
import { type OpenDataset, openDataset } from '../../data/dataset.js';
import { QuantlineError } from '../../errors/index.js';
import type { Runtime } from '../runtime.js';
import { checkFits, type OpenModel, openModel } from './model.js';
import { type OpenRun, openRun } from './run.js';

/** Everything that a report (or a run) leads to: what was evaluated is what trades. */
export interface Tradeable {
  /** The report, or the run where a simulated venue trades an ungated one. */
  readonly source: Artifact;
  readonly run: OpenRun;
  readonly model: OpenModel;
  readonly dataset: OpenDataset;
}

export async function openTradeable(options: TradeOptions, runtime: Runtime): Promise<Tradeable> {
  const { report, run: reference } = options;
  if ((report === undefined) === (reference === undefined)) {
    throw new QuantlineError('USAGE', report === undefined ? 'Trade what?' : '--report and --run say two things.', {
      hint: 'Give --report; --run trades an ungated run on the simulated venue.',
    });
  }
  if (options.broker !== 'sim') refuseAtRealVenue(options);
  const { artifacts } = runtime;
  const source =
    report !== undefined ? await artifacts.open('report', report) : await artifacts.open('run', reference!);
  const runArtifact = report !== undefined ? await artifacts.openInput(source, 'run') : source;
  const run = await openRun(runArtifact);
  if (run.run.liveOrder === null) {
    throw new QuantlineError('CONFIG', 'The run follows conventions that no venue knows, so nothing can trade it.', {
      hint: 'Backtest again without --fill this-close, --sizing all-in, --protect-from signal, --ticks none and --close-at-end.',
    });
  }
  const model = await openModel(await artifacts.openInput(runArtifact, 'model'), run.run.inSample);
  const dataset = await openDataset(runtime, await artifacts.openInput(runArtifact, 'dataset'));
  checkFits(model, dataset);
  return { source, run, model, dataset };
}

/** What a real venue does not take, whatever else holds. */
function refuseAtRealVenue(options: TradeOptions): void {
  if (options.report === undefined) {
    throw new QuantlineError('GUARD', `--run trades on the simulated venue only, not at ${options.broker}.`, {
      hint: 'Evaluate the run and pass --report, or use --broker sim.',
    });
  }
  if (options.report === 'latest') {
    throw new QuantlineError('GUARD', `"latest" is refused at ${options.broker}: another stage may move it.`, {
      hint: 'Name the report by its path, its id or a tag.',
    });
  }
  if (options.strategy === undefined) {
    throw new QuantlineError('GUARD', `--strategy is required at ${options.broker}.`, {
      hint: 'Give the name that the strategy keeps across retraining, such as --strategy swing.',
    });
  }
  // What is replayed are bars of the past: orders from them must never reach a venue.
  throw new QuantlineError('CONFIG', `Trading live bars at ${options.broker} is not in this version.`, {
    hint: 'Use --broker sim, which replays the dataset through the same runner.',
  });
}
