import type { Artifact, ArtifactKind, ArtifactListing } from '../core/artifacts/index.js';
import type { CommandId, Format } from '../core/config/index.js';
import type { Context, Outcome } from './base.js';
import { decimalsOf } from './columns.js';
import { type Cell, render, type Table } from './output.js';

type Listing = { readonly options: { readonly format: Format; readonly limit?: number | undefined } };

/** The table of all artefacts of a kind, newest first. */
export async function listArtifacts<C extends CommandId>(
  context: Context<C> & Listing,
  kind: ArtifactKind,
  more: (row: ArtifactListing) => Readonly<Record<string, readonly string[]>> = () => ({}),
): Promise<Outcome> {
  const { artifacts } = await context.runtime();
  const rows = (await artifacts.list(kind)).slice(0, context.options.limit);
  const extra = rows.map(more);
  const documents = rows.map(({ id, path, tags, manifest, problem }, i) => ({
    kind,
    id,
    path,
    tags: [...tags],
    inputs: (manifest?.inputs ?? []).map((input) => `${input.kind} ${input.id}`),
    ...extra[i],
    summary: asRecord(manifest?.summary),
    problem: problem ?? null,
  }));
  const further = Object.keys(extra[0] ?? {});
  const summaries = documents.map(({ summary }) => flatten(summary));
  const fields = [...new Set(summaries.flatMap((summary) => Object.keys(summary)))];
  const table: Table = {
    columns: [
      'id',
      'tags',
      'inputs',
      ...further,
      ...fields,
      ...(documents.some(({ problem }) => problem !== null) ? ['problem'] : []),
    ],
    rows: documents.map(({ id, tags, inputs, problem }, i) => [
      id,
      tags.join(' '),
      inputs.join(', '),
      ...further.map((name) => extra[i]![name]!.join(', ')),
      ...fields.map((field) => summaries[i]![field]),
      ...(problem === null ? [] : [problem]),
    ]),
    decimals: Object.fromEntries(fields.map((field) => [field, decimalsOf(summaries.map((s) => s[field]))])),
  };
  const { format } = context.options;
  return {
    text: format === 'json' ? JSON.stringify(documents, undefined, 2) : await render(table, format),
    json: documents,
    ...(documents.length === 0 ? { summary: `There is no ${kind} in this workspace yet.` } : {}),
  };
}

/** What an artefact is and where it came from. */
export async function showArtifact(artifact: Artifact, format: Format): Promise<Outcome> {
  const { kind, id, path, manifest } = artifact;
  const document = {
    kind,
    id,
    path,
    stage: manifest.stage,
    settings: manifest.settings,
    inputs: manifest.inputs,
    seed: manifest.seed ?? null,
    engine: manifest.engine ?? null,
    build: manifest.build,
    summary: manifest.summary,
    files: Object.entries(manifest.files).map(([name, file]) => ({ name, ...file })),
  };
  const { files, ...facts } = document;
  const shown = { ...facts, files: Object.fromEntries(files.map(({ name, bytes }) => [name, `${bytes} bytes`])) };
  const text =
    format === 'json'
      ? JSON.stringify(document, undefined, 2)
      : await render({ columns: ['key', 'value'], rows: Object.entries(flatten(shown)) }, format);
  return { text, json: document };
}

const asRecord = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};

/** Nested settings as dotted keys; lists of plain values in one cell. */
function flatten(value: unknown, prefix = ''): Record<string, Cell> {
  if (Array.isArray(value) && value.every((item) => typeof item !== 'object' || item === null)) {
    return { [prefix]: value.join(' ') };
  }
  if (typeof value !== 'object' || value === null) return { [prefix]: value as Cell };
  const out: Record<string, Cell> = {};
  for (const [key, inner] of Object.entries(value))
    Object.assign(out, flatten(inner, prefix ? `${prefix}.${key}` : key));
  return out;
}
