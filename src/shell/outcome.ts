import type { Artifact } from '../core/artifacts/index.js';
import type { ExitName } from '../core/errors/index.js';
import type { Outcome } from './base.js';

/** What a stage that wrote an artefact prints: its path, or under --json where it is and `more`. */
export function artifactOutcome(
  { kind, id, path }: Artifact,
  reused: boolean,
  more: Readonly<Record<string, unknown>>,
  lines: readonly string[],
  exit: ExitName = 'ok',
): Outcome {
  const note = reused ? [`The ${kind} ${id} was there already; nothing had to be computed.`] : [];
  const summary = [...lines, ...note].join('\n');
  return { text: path, json: { kind, id, path, reused, ...more }, exit, ...(summary === '' ? {} : { summary }) };
}

/** The figures of a summary on one line, for people. */
export function facts(summary: unknown): string {
  if (typeof summary !== 'object' || summary === null) return '';
  return Object.entries(summary)
    .filter(([, value]) => typeof value !== 'object')
    .map(([key, value]) => `${key} ${typeof value === 'number' ? Number(value.toFixed(4)) : value}`)
    .join(', ');
}
