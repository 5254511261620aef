import type { ArtifactListing, Json } from '../artifacts/index.js';
import type { ModelsCompareOptions, ModelsPruneOptions } from '../config/index.js';
import { isQuantlineError, QuantlineError } from '../errors/index.js';
import type { Runtime } from './runtime.js';

type Store = Pick<Runtime, 'artifacts'>;
type Facts = Readonly<Record<string, Json | undefined>>;

/** One evaluated run of a model, or the model alone where nothing was evaluated. */
export interface ModelRow {
  readonly id: string;
  readonly tags: readonly string[];
  readonly trainer: string | null;
  readonly label: string | null;
  /** `native 3.2.0`; null for a rule. */
  readonly engine: string | null;
  readonly valid_from: string | null;
  /** What it was made from: kind and id. */
  readonly inputs: readonly string[];
  readonly run: string | null;
  readonly total_return: number | null;
  readonly sharpe: number | null;
  readonly max_drawdown: number | null;
  readonly report: string | null;
  readonly gate: string | null;
  /** null where it was not evaluated. */
  readonly pass: boolean | null;
}

const asObject = (value: Json | undefined): Facts =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Facts) : {};
const text = (value: Json | undefined): string | null => (typeof value === 'string' ? value : null);
const number = (value: Json | undefined): number | null => (typeof value === 'number' ? value : null);

/** `quantline models compare`: models beside what their runs earned and what the gates said of them, newest first. */
export async function compareModels(options: ModelsCompareOptions, { artifacts }: Store): Promise<readonly ModelRow[]> {
  const [models, runs, reports] = await Promise.all([
    artifacts.list('model'),
    artifacts.list('run'),
    artifacts.list('report'),
  ]);
  const wanted =
    options.models &&
    new Set(await Promise.all(options.models.map(async (m) => (await artifacts.open('model', m)).id)));
  const chosen = models.filter(({ id }) => wanted === undefined || wanted.has(id)).slice(0, options.limit);
  return chosen.flatMap((model) =>
    judgementsOf(model, runs, reports).map(([run, report]) => rowOf(model, run, report)),
  );
}

/** `quantline models`: each model with the verdicts on it; those of a refitted one are those on what it was fitted from. */
export async function listModels({ artifacts }: Store) {
  const [models, runs, reports] = await Promise.all([
    artifacts.list('model'),
    artifacts.list('run'),
    artifacts.list('report'),
  ]);
  return models.map((model) => ({
    model,
    verdicts: judgementsOf(model, runs, reports).flatMap(([, report]) => {
      const { gate, pass } = asObject(report?.manifest?.summary);
      return report === undefined ? [] : [`${pass === true ? 'passed' : 'failed'} ${text(gate)} (report ${report.id})`];
    }),
  }));
}

type Judgement = readonly [run: ArtifactListing | undefined, report: ArtifactListing | undefined];

/** The runs of a model with the reports on them; of one that `train --final` fitted also the evaluated recipe's. */
function judgementsOf(
  model: ArtifactListing,
  runs: readonly ArtifactListing[],
  reports: readonly ArtifactListing[],
): readonly Judgement[] {
  const inputs = model.manifest?.inputs ?? [];
  const own = madeFrom(runs, 'model', model.id);
  const recipe = runs.filter(({ id }) =>
    inputs.some(
      (input) =>
        (input.kind === 'run' && input.id === id) ||
        (input.kind === 'report' && madeFrom(reports, 'run', id).some((report) => report.id === input.id)),
    ),
  );
  const judged = [...own, ...recipe].flatMap((run): Judgement[] => {
    const on = madeFrom(reports, 'run', run.id);
    return on.length === 0 ? [[run, undefined]] : on.map((report) => [run, report]);
  });
  return judged.length === 0 ? [[undefined, undefined]] : judged;
}

const madeFrom = (list: readonly ArtifactListing[], kind: string, id: string): readonly ArtifactListing[] =>
  list.filter(({ manifest }) => manifest?.inputs.some((input) => input.kind === kind && input.id === id));

function rowOf(
  model: ArtifactListing,
  run: ArtifactListing | undefined,
  report: ArtifactListing | undefined,
): ModelRow {
  const summary = asObject(model.manifest?.summary);
  const earned = asObject(run?.manifest?.summary);
  const verdict = asObject(report?.manifest?.summary);
  const { engine } = model.manifest ?? {};
  return {
    id: model.id,
    tags: model.tags,
    trainer: text(summary['trainer']),
    label: text(summary['label']),
    engine: engine === undefined ? null : `${engine.name} ${engine.version}`,
    valid_from: text(summary['valid_from']),
    inputs: (model.manifest?.inputs ?? []).map(({ kind, id }) => `${kind} ${id}`),
    run: run?.id ?? null,
    total_return: number(earned['total_return']),
    sharpe: number(verdict['sharpe']),
    max_drawdown: number(verdict['max_drawdown']),
    report: report?.id ?? null,
    gate: text(verdict['gate']),
    pass: typeof verdict['pass'] === 'boolean' ? verdict['pass'] : null,
  };
}

/**
 * `quantline models tag`: points a name such as `champion` or `candidate:swing` at a model; an existing one moves. With
 * `remove` the name is taken away; MISMATCH where it names another model.
 */
export async function tagModel(
  reference: string,
  tag: string,
  remove: boolean,
  { artifacts }: Store,
): Promise<{ id: string; path: string; tag: string }> {
  const { kind, id, path } = await artifacts.open('model', reference);
  if (!remove) await artifacts.tag(tag, { kind, id });
  else {
    const named = (await artifacts.tags()).find((one) => one.tag === tag);
    if (named !== undefined && named.id !== id) {
      throw new QuantlineError('MISMATCH', `The tag ${tag} names ${named.kind} ${named.id}, not the model ${id}.`, {
        hint: 'Name the model that has the tag; quantline models lists them.',
      });
    }
    await artifacts.untag(tag);
  }
  return { id, path, tag };
}

export interface PrunedModels {
  /** Removed, or what would be without --dry-run. */
  readonly removed: readonly string[];
  /** Too old to keep, but a tag or another artefact needs them. */
  readonly needed: readonly string[];
  readonly dry_run: boolean;
}

/** `quantline models prune`: removes all but the newest models that no tag names and no run was made from. */
export async function pruneModels({ keep, dryRun }: ModelsPruneOptions, { artifacts }: Store): Promise<PrunedModels> {
  const removed: string[] = [];
  const needed: string[] = [];
  const [runs, models] = await Promise.all([artifacts.list('run'), artifacts.list('model')]);
  for (const model of models.slice(keep)) {
    if (model.tags.length > 0 || madeFrom(runs, 'model', model.id).length > 0) needed.push(model.id);
    else if (dryRun) removed.push(model.id);
    else {
      try {
        await artifacts.remove({ kind: 'model', id: model.id });
        removed.push(model.id);
      } catch (error) {
        // Something else was made from it, or has been since it was listed.
        if (!isQuantlineError(error) || error.code !== 'MISMATCH') throw error;
        needed.push(model.id);
      }
    }
  }
  return { removed, needed, dry_run: dryRun };
}
