import { QuantlineError } from '../errors/index.js';
import { ARTIFACT_KINDS, type ArtifactKind } from './kinds.js';

export type Reference =
  | { readonly form: 'path'; readonly path: string }
  | { readonly form: 'id'; readonly prefix: string }
  | { readonly form: 'tag'; readonly tag: string }
  | { readonly form: 'latest' };

const TAG = /^[A-Za-z][\w.-]*(?::[\w.-]+)?$/;

/** Reads what a person typed. A separator makes it a path; 4 to 16 hex digits an id; the rest a tag. */
export function parseReference(text: string): Reference {
  if (text === 'latest') return { form: 'latest' };
  if (/[\\/]/.test(text) || text === '.' || text === '..') return { form: 'path', path: text };
  if (/^[0-9a-f]{4,16}$/.test(text)) return { form: 'id', prefix: text };
  if (TAG.test(text)) return { form: 'tag', tag: text };
  throw new QuantlineError('USAGE', `"${text}" names no artefact.`, {
    hint: 'Give a path, an id (or its first 4 digits or more), a tag such as champion:swing, or latest.',
  });
}

/** Refuses names that would be read as something else. */
export function checkTag(tag: string): void {
  if (parseReferenceForm(tag) !== 'tag' || (ARTIFACT_KINDS as readonly string[]).includes(tag)) {
    throw new QuantlineError('USAGE', `"${tag}" cannot be a tag.`, {
      hint: 'Use letters, digits, dots and dashes, with at most one colon, as in champion:swing.',
    });
  }
}

function parseReferenceForm(text: string): Reference['form'] | undefined {
  try {
    return parseReference(text).form;
  } catch {
    return undefined;
  }
}

/** The command that lists a kind. */
export const listCommand = (kind: ArtifactKind): string => `quantline ${kind === 'study' ? 'studies' : `${kind}s`}`;

export function wrongKind(kind: ArtifactKind, wanted: readonly ArtifactKind[], path: string): QuantlineError {
  const names = wanted.map((one) => `a ${one}`).join(' or ');
  return new QuantlineError('ARTIFACT_KIND', `This is a ${kind}; pass ${names}: ${path}`, {
    hint: `List what there is: ${wanted.map(listCommand).join(' or ')}`,
    details: { path, kind, wanted },
  });
}

/** The candidates nearest to `wanted` by edit distance, at most three, nearest first. */
export function nearest(wanted: string, candidates: readonly string[]): readonly string[] {
  return candidates
    .map((name) => ({ name, distance: distance(wanted, name.slice(0, Math.max(wanted.length, 4))) }))
    .sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, 3)
    .map((row) => row.name);
}

function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      row.push(Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    previous = row;
  }
  return previous[b.length]!;
}
