import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Json, WriteResult } from '../../artifacts/index.js';
import type { Trial } from '../../learning/tuning/index.js';
import { writeParquet } from '../../platform/parquet.js';
import { returnsOf, short } from './study-trials.js';
import { RETURNS_FILE, TUNED_FILE, type Tuned, tunedSchema } from './tuned.js';

/** What is printed for people. */
export const TUNED_TEXT = 'tuning.txt';
/** Best trials that are printed. */
const TOP = 10;

type Row = Tuned['trials'][number];

/** Trials by number, as they are stored. */
export const trialsOf = (trials: readonly Trial[]): Row[] =>
  trials.map(({ number, state, value, parameters, reports, reason, attributes }) => ({
    ...{ number, state, value },
    parameters: { ...parameters },
    reports: reports.map((report) => ({ ...report })),
    reason: reason ?? null,
    returns: returnsOf(attributes) ?? null,
  }));

/** Writes the payload of a tuning study: document, tables as CSV, and the text for people. */
export async function writeTuned(
  folder: string,
  study: Tuned,
  series: Readonly<Record<string, Float64Array>>,
): Promise<WriteResult> {
  const names = Object.keys(study.space);
  const steps = Math.max(0, ...study.trials.flatMap(({ reports }) => reports.map(({ step }) => step)));
  const history = [
    ['trial', 'state', study.objective.metric, ...names, ...Array.from({ length: steps }, (_, i) => `after_${i + 1}`)],
    ...study.trials.map(({ number, state, value, parameters, reports }) => [
      ...[number, state, value],
      ...names.map((name) => parameters[name]),
      ...Array.from({ length: steps }, (_, i) => reports.find(({ step }) => step === i + 1)?.value),
    ]),
  ];
  const importance = Object.entries(study.importance).sort(([, a], [, b]) => b - a);
  await writeFile(join(folder, TUNED_FILE), `${JSON.stringify(tunedSchema.parse(study), null, 1)}\n`);
  if (Object.keys(series).length > 0) await writeParquet(join(folder, RETURNS_FILE), series);
  await writeFile(join(folder, 'trials.csv'), csv(history));
  await writeFile(join(folder, 'importance.csv'), csv([['parameter', 'importance'], ...importance]));
  await writeFile(join(folder, TUNED_TEXT), `${textOf(study, names, importance).join('\n')}\n`);
  const count = (state: Row['state']) => study.trials.filter((trial) => trial.state === state).length;
  const summary: Json = {
    kind: 'tuning',
    trainer: study.trainer.name,
    label: study.label,
    objective: study.objective.metric,
    trials: study.trials.length,
    complete: count('complete'),
    pruned: count('pruned'),
    failed: count('failed'),
    value: study.best.value,
    best: study.best.parameters,
  };
  return { summary };
}

function textOf(study: Tuned, names: readonly string[], importance: readonly [string, number][]): string[] {
  const { metric, direction } = study.objective;
  const sign = direction === 'maximize' ? -1 : 1;
  const best = study.trials
    .filter(({ state }) => state === 'complete')
    .sort((a, b) => sign * (a.value! - b.value!) || a.number - b.number)
    .slice(0, TOP);
  return [
    `${study.trials.length} trials; the best by ${metric} over ${study.cv}:`,
    ...table([
      ['trial', metric, ...names],
      ...best.map(({ number, value, parameters }) => [
        String(number),
        value!.toFixed(6),
        ...names.map((name) => short(parameters[name])),
      ]),
    ]),
    ...(importance.length === 0
      ? []
      : ['', `importance: ${importance.map(([name, share]) => `${name} ${(100 * share).toFixed(0)}%`).join(', ')}`]),
  ];
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, c) => Math.max(...rows.map((row) => row[c]!.length)));
  return rows.map((row) => row.map((cell, c) => cell.padStart(widths[c]!)).join('  '));
}

function csv(rows: readonly (readonly unknown[])[]): string {
  const cell = (value: unknown): string => {
    const text = value === null || value === undefined ? '' : String(value);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return `${rows.map((row) => row.map(cell).join(',')).join('\n')}\n`;
}
