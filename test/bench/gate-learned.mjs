// How often the default gate lets a learner pass: gate.mjs's markets (20 instruments, 8 years of days, 5 bp a side) through the
// stages themselves, `ingest`, `train`, `backtest` and `evaluate`, each market in a workspace and a trial ledger of its own.
// `--trainer=logistic`, `--label='direction(1)'`, `--features=preset:core`, `--cv='walk-forward(6)'` with `--split=25%`: the last six years
// are judged, each by a model of the years before it. `--tries`, `--edge`, `--first` and `--log` as in gate.mjs.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { COMMAND_OPTIONS } from '../../dist/core/config/index.js';
import { backtest } from '../../dist/core/stages/backtest.js';
import { evaluate } from '../../dist/core/stages/evaluate.js';
import { ingest } from '../../dist/core/stages/ingest.js';
import { createRuntime } from '../../dist/core/stages/runtime.js';
import { train } from '../../dist/core/stages/train.js';
import { tally, verdictOf } from './gate-tally.mjs';
import { arg } from './harness.mjs';

const settings = {
  gate: arg('gate', 'default'),
  trainer: arg('trainer', 'logistic'),
  label: arg('label', 'direction(1)'),
  features: arg('features', 'preset:core'),
  cv: arg('cv', 'walk-forward(6)'),
  split: arg('split', '25%'),
};
const symbols = Array.from({ length: 20 }, (_, i) => `S${i + 1}`).join();
const range = { symbols, interval: '1d', from: '2012-01-03', to: '2019-12-31' };
const costs = { cash: '1000000', commission: '5bp', fees: 'none', short: true, lot: 'fractional' };
const options = (command, given) => COMMAND_OPTIONS[command].parse(given);

await tally('gate-learned', settings, async (seed, edge) => {
  const workspace = mkdtempSync(join(tmpdir(), 'quantline-gate-'));
  const runtime = createRuntime({ workspace, threads: 1 });
  try {
    const { trainer, label, features, cv, split, gate } = settings;
    const source = { source: 'synthetic', set: [`seed=${seed}`, `edge=${edge}`, 'start=2012-01-03'] };
    const data = (await ingest(options('ingest', { ...source, ...range }), runtime)).artifact.path;
    const recipe = { data, trainer, label, features, cv, split, engine: 'embedded', ...costs };
    const model = (await train(options('train', recipe), runtime)).artifact.path;
    const run = (await backtest(options('backtest', { model, ...costs }), runtime)).artifact.path;
    const { report } = await evaluate(options('evaluate', { run, gate }), runtime);
    return [verdictOf(trainer, report)];
  } finally {
    rmSync(workspace, { recursive: true, force: true });
  }
});
