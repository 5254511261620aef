import { type Context, type Outcome, QuantlineCommand } from '../shell/base.js';
import { flagsOf } from '../shell/flags.js';
import { artifactOutcome, facts } from '../shell/outcome.js';
import { need } from '../shell/prompts.js';

export default class Train extends QuantlineCommand<'train'> {
  static override summary = 'Make a model: a rule as it is, or a learner fitted segment by segment.';
  static override description =
    'A split gives one segment, walk-forward many; a backtest scores only bars after the training range and its embargo. Prints the path of the model.';
  static override examples = [
    "<%= config.bin %> train --data latest --trainer 'sma-cross(10,30)'",
    "<%= config.bin %> train --data latest --trainer xgboost --label 'direction(5)' --split 70%",
    "<%= config.bin %> train --data latest --trainer xgboost --cv 'walk-forward(5)' --features 'ret(5),rsi(14)'",
    '<%= config.bin %> train --data latest --trainer ./my-rule.ts',
  ];
  static override flags = flagsOf('train');
  protected readonly command = 'train';

  protected async execute(context: Context<'train'>): Promise<Outcome> {
    const options = await need('train', context, 'data', 'trainer');
    const { train } = await import('../core/stages/train.js');
    const { artifact, reused, segments, folds } = await train(options, await context.runtime());
    const { summary } = artifact.manifest;
    const more = {
      summary,
      segments: segments.map(({ rows, trainFrom, trainTo, validFrom, validTo, metrics }) => ({
        ...{ rows, train_from: trainFrom, train_to: trainTo, valid_from: validFrom, valid_to: validTo },
        metrics,
      })),
      folds: folds.map(({ trainRows, testRows, metrics }) => ({ train_rows: trainRows, test_rows: testRows, metrics })),
    };
    const lines = [
      facts(summary),
      ...segments.map((s) => `trained to ${s.trainTo} on ${s.rows} rows, after it: ${facts(s.metrics)}`),
      ...folds.map((fold, i) => `fold ${i + 1}: ${facts(fold.metrics)}`),
    ];
    return artifactOutcome(artifact, reused, more, lines);
  }
}
