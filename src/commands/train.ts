import { kebab, strategyOptions } from '../core/config/index.js';
import { QuantlineError } from '../core/errors/index.js';
import type { TrainResult } from '../core/stages/train.js';
import { type Context, type Outcome, QuantlineCommand } from '../shell/base.js';
import { flagsOf } from '../shell/flags.js';
import { artifactOutcome, facts } from '../shell/outcome.js';
import { render } from '../shell/output.js';
import { need } from '../shell/prompts.js';

export default class Train extends QuantlineCommand<'train'> {
  static override summary = 'Make a model: a rule as it is, or a learner fitted segment by segment.';
  static override description =
    'A split gives one segment, walk-forward many; a backtest scores only bars after the training range and its embargo. Prints the path of the model.';
  static override examples = [
    "<%= config.bin %> train --data latest --trainer 'sma-cross(10,30)'",
    "<%= config.bin %> train --data latest --trainer xgboost --label 'direction(5)' --split 70%",
    "<%= config.bin %> train --data latest --trainer xgboost --cv 'walk-forward(5)' --features 'ret(5),rsi(14)'",
    '<%= config.bin %> train --data latest --compare logistic,xgboost,lstm --cv purged:5',
    '<%= config.bin %> train --data latest --trainer ./my-rule.ts',
    '<%= config.bin %> train --final latest --data latest --if-older 7d --tag swing-now',
  ];
  static override flags = flagsOf('train');
  protected readonly command = 'train';

  protected async execute(context: Context<'train'>): Promise<Outcome> {
    if (context.options.compare !== undefined && context.options.final === undefined) return this.compare(context);
    const { artifact, reused, segments, folds, paths, kept } = await this.made(context);
    const { summary } = artifact.manifest;
    const more = {
      summary,
      segments: segments.map(({ rows, trainFrom, trainTo, validFrom, validTo, metrics }) => ({
        ...{ rows, train_from: trainFrom, train_to: trainTo, valid_from: validFrom, valid_to: validTo },
        metrics,
      })),
      folds: folds.map(({ trainRows, testRows, metrics }) => ({ train_rows: trainRows, test_rows: testRows, metrics })),
      paths,
      ...(kept !== undefined && { kept }),
    };
    const lines = [
      facts(summary),
      ...segments.map((s) => `trained to ${s.trainTo} on ${s.rows} rows, after it: ${facts(s.metrics)}`),
      ...segments.flatMap(({ history }, s) => curve(history, segments.length > 1 ? ` of segment ${s + 1}` : '')),
      ...folds.map((fold, i) => `fold ${i + 1}: ${facts(fold.metrics)}`),
      ...(paths === null ? [] : Object.entries(paths).map(([name, over]) => `paths, ${name}: ${facts(over)}`)),
    ];
    return artifactOutcome(artifact, reused, more, kept === undefined ? lines : [kept]);
  }

  private async made(context: Context<'train'>): Promise<TrainResult> {
    if (context.options.final !== undefined) {
      for (const key of RECIPE) {
        if (context.origins.get(key)?.kind !== 'flag') continue;
        throw usage(`--${kebab(key)} does not apply to --final: the evaluated recipe says it.`);
      }
      const { trainFinal } = await import('../core/stages/train-final.js');
      return trainFinal(context.options, await context.runtime());
    }
    if (context.options.ifOlder !== undefined)
      throw usage('--if-older needs --final: it tells the age of what that made.');
    const options = await need('train', context, 'data', 'trainer');
    const { train } = await import('../core/stages/train.js');
    return train(options, await context.runtime());
  }

  private async compare(context: Context<'train'>): Promise<Outcome> {
    const { compareTrainers } = await import('../core/stages/train-compare.js');
    const result = await compareTrainers(await need('train', context, 'data'), await context.runtime());
    const names = [...new Set(result.trainers.flatMap(({ metrics }) => Object.keys(metrics)))];
    const rows = result.trainers.map(({ trainer, engine, metrics }) => [
      ...[trainer, engine],
      ...names.map((name) => metrics[name]),
    ]);
    const decimals = Object.fromEntries(names.map((name) => [name, 4]));
    return {
      text: await render({ columns: ['trainer', 'engine', ...names], rows, decimals }, 'table'),
      json: result,
      summary: `Means over the ${result.folds} folds of ${result.cv}, ${result.rows} rows from ${result.from} to ${result.to}. Money metrics: a backtest with the costs, fills and sizing given here; an agent’s with its own.`,
    };
  }
}

/** Options that --final takes from the evaluated model. */
const RECIPE = [
  ...(['trainer', 'features', 'label', 'split', 'cv', 'embargo', 'seed', 'engine', 'weights', 'balance'] as const),
  ...(['select', 'calibrate', 'rounds', 'param', 'study', 'compare', 'maxModelAge'] as const),
  ...Object.keys(strategyOptions.shape),
];

const usage = (message: string): QuantlineError =>
  new QuantlineError('USAGE', message, {
    hint: 'Write: quantline train --final <report> --data <newer dataset> [--if-older 7d].',
  });

/** Points of a learning curve: at most eight, the last among them. */
const POINTS = 8;

function curve(history: readonly Readonly<Record<string, number>>[], of: string): string[] {
  if (history.length < 2) return [];
  const step = Math.ceil(history.length / POINTS);
  const shown = history
    .map((point, i) => ({ point, at: i + 1 }))
    .filter(({ at }) => at === history.length || at % step === 0);
  return [`learning curve${of}:`, ...shown.map(({ point, at }) => `  ${at} of ${history.length}: ${facts(point)}`)];
}
