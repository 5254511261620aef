import type { Artifact } from '../../artifacts/index.js';
import type { TradeOptions } from '../../config/index.js';
import type { OpenDataset } from '../../data/dataset.js';
import { openDataset } from '../../data/open.js';
import { QuantlineError } from '../../errors/index.js';
import { checkFits, type OpenModel, openModel } from '../compose/model.js';
import { type OpenRun, openRun } from '../compose/run.js';
import type { Runtime } from '../runtime.js';

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
