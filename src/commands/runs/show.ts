import type { Artifact } from '../../core/artifacts/index.js';
import type { Format } from '../../core/config/index.js';
import { QuantlineError } from '../../core/errors/index.js';
import { reference } from '../../shell/arguments.js';
import { showArtifact } from '../../shell/artifacts.js';
import { type Context, type Outcome, QuantlineCommand } from '../../shell/base.js';
import { columnsTable } from '../../shell/columns.js';
import { flagsOf } from '../../shell/flags.js';
import { asObjects, render } from '../../shell/output.js';

const PARTS = ['trades', 'orders', 'equity'] as const;

export default class RunsShow extends QuantlineCommand<'runs:show'> {
  static override summary = 'Show what a run did: its facts, round trips, orders or equity curve.';
  static override examples = [
    '<%= config.bin %> runs show latest',
    '<%= config.bin %> runs show latest --trades --format csv',
  ];
  static override args = reference('run');
  static override flags = flagsOf('runs:show');
  protected readonly command = 'runs:show';

  protected async execute({ args, options, runtime }: Context<'runs:show'>): Promise<Outcome> {
    const { artifacts } = await runtime();
    const chosen = PARTS.filter((part) => options[part]);
    if (chosen.length > 1) {
      throw new QuantlineError('USAGE', `One table at a time: --${chosen.join(' or --')}.`, {
        hint: 'Run the command once for each.',
      });
    }
    const artifact = await artifacts.open('run', args['reference']!);
    const part = chosen[0];
    return part === undefined
      ? showArtifact(artifact, options.format)
      : showPart(artifact, part, options.format, options.limit);
  }
}

async function showPart(artifact: Artifact, part: string, format: Format, limit: number | undefined): Promise<Outcome> {
  const { readParquet } = await import('../../core/platform/parquet.js');
  const table = columnsTable(await readParquet(artifact.file(`${part}.parquet`)), limit);
  return { text: await render(table, format), json: asObjects(table) };
}
