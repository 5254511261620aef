import type { Artifact } from '../../artifacts/index.js';
import type { TradeOptions } from '../../config/index.js';
import type { OpenDataset } from '../../data/dataset.js';
import { openDataset } from '../../data/open.js';
import { QuantlineError } from '../../errors/index.js';
import { checkFits, type OpenModel, openModel } from '../compose/model.js';
import { openRunHead, type RunHead } from '../compose/run.js';
import type { Runtime } from '../runtime.js';

/** Everything that a report (or a run) leads to: what was evaluated is what trades. */
export interface Tradeable {
  /** The report, or the run where a simulated venue trades an ungated one. */
  readonly source: Artifact;
  readonly run: RunHead;
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
  const run = await openRunHead(runArtifact);
  if (run.run.liveOrder === null) {
    throw new QuantlineError('CONFIG', 'The run follows conventions that no venue knows, so nothing can trade it.', {
      hint: 'Backtest again without --fill this-close, --sizing all-in, --protect-from signal, --ticks none and --close-at-end.',
    });
  }
  const evaluated = await artifacts.openInput(runArtifact, 'model');
  const refitted = options.model === undefined ? undefined : await openRefitted(options.model, evaluated, runtime);
  const model = await openModel(refitted ?? evaluated, run.run.inSample);
  const dataset = await openDataset(runtime, await artifacts.openInput(refitted ?? runArtifact, 'dataset'));
  checkFits(model, dataset);
  return { source, run, model, dataset };
}

/** A verdict counts for the model that was evaluated and for what `train --final` fitted from it, nothing else. */
async function openRefitted(reference: string, evaluated: Artifact, { artifacts }: Runtime): Promise<Artifact> {
  const model = await artifacts.open('model', reference);
  const { inputs } = model.manifest;
  if (model.id === evaluated.id || inputs.some(({ kind, id }) => kind === 'model' && id === evaluated.id)) return model;
  throw new QuantlineError(
    'MISMATCH',
    `The model ${model.id} was not refitted from the evaluated one, ${evaluated.id}.`,
    {
      hint: 'Make it with quantline train --final and this report, or trade the report that evaluated it.',
      details: { model: model.id, evaluated: evaluated.id },
    },
  );
}
