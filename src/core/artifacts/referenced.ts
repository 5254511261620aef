import { QuantlineError } from '../errors/index.js';
import type { ArtifactIdentity } from './identity.js';
import { ARTIFACT_KINDS, type ArtifactKind, type ArtifactRef, artifactRefSchema } from './kinds.js';
import { checkTag, listCommand, nearest, parseReference, wrongKind } from './references.js';
import type {
  Artifact,
  ArtifactListing,
  ArtifactStore,
  CreateOptions,
  CreateResult,
  Tag,
  WriteResult,
} from './store.js';

/** A small file of the store beside the artefacts: a tag, or what was used last. */
export interface Note {
  readonly text: string;
  /** When it was written, for comparison with others of the same store only. */
  readonly at: bigint;
}

/** What a store does by ids and names alone, wherever its bytes lie. */
export abstract class ReferencedArtifacts implements ArtifactStore {
  /** Where the store is, for messages. */
  abstract readonly place: string;

  abstract create(
    identity: ArtifactIdentity,
    write: (folder: string) => Promise<WriteResult>,
    options?: CreateOptions,
  ): Promise<CreateResult>;

  abstract list(kind: ArtifactKind): Promise<readonly ArtifactListing[]>;
  /** Opens one by its path, also one that lies elsewhere. */
  protected abstract openPath(path: string, kinds: readonly ArtifactKind[]): Promise<Artifact>;
  /** Opens one that is there; `payload`: every file verified. */
  protected abstract load(ref: ArtifactRef, payload: boolean): Promise<Artifact>;
  protected abstract has(ref: ArtifactRef): Promise<boolean>;
  protected abstract pathOf(ref: ArtifactRef): string;
  /** Ids that artefacts of a kind may have; `has` says which exist. */
  protected abstract ids(kind: ArtifactKind): Promise<readonly string[]>;
  protected abstract discard(ref: ArtifactRef): Promise<void>;
  protected abstract readNote(name: string): Promise<Note | undefined>;
  protected abstract writeNote(name: string, text: string): Promise<void>;
  /** False where there was none. */
  protected abstract dropNote(name: string): Promise<boolean>;
  protected abstract noteNames(folder: string): Promise<readonly string[]>;
  /** When an artefact came to exist, comparable with notes. */
  protected abstract writtenAt(ref: ArtifactRef): Promise<bigint>;

  async open(kind: ArtifactKind | readonly ArtifactKind[], reference: string): Promise<Artifact> {
    const kinds = typeof kind === 'string' ? [kind] : kind;
    const parsed = parseReference(reference);
    if (parsed.form === 'path') return this.openPath(parsed.path, kinds);
    const ref = await this.resolve(kinds, reference);
    if (!kinds.includes(ref.kind)) throw wrongKind(ref.kind, kinds, this.pathOf(ref));
    return this.load(ref, true);
  }

  async openInput(artifact: Artifact, kind: ArtifactKind): Promise<Artifact> {
    const ref = inputOf(artifact, kind);
    if (!(await this.has(ref))) throw missingInput(artifact, ref, this.pathOf(ref));
    return this.load(ref, true);
  }

  async tag(tag: string, ref: ArtifactRef): Promise<void> {
    checkTag(tag);
    const { kind, id } = await this.resolve([ref.kind], ref.id);
    await this.load({ kind, id }, false);
    await this.writeNote(tagNote(tag), `${JSON.stringify({ kind, id })}\n`);
  }

  async untag(tag: string): Promise<void> {
    if (!(await this.dropNote(tagNote(tag)))) throw await this.noTag(tag);
  }

  async tags(): Promise<readonly Tag[]> {
    const out: Tag[] = [];
    for (const file of await this.noteNames('tags')) {
      if (!file.endsWith('.json')) continue;
      const note = await this.readNote(`tags/${file}`);
      if (note !== undefined)
        out.push({ tag: decodeURIComponent(file.slice(0, -5)), ...readRef(note.text, `${this.place}/tags/${file}`) });
    }
    return out.sort((a, b) => (a.tag < b.tag ? -1 : 1));
  }

  async remove(ref: ArtifactRef, options: { readonly force?: boolean } = {}): Promise<void> {
    const { kind: own, id } = await this.resolve([ref.kind], ref.id);
    if (!options.force) {
      const tag = (await this.tags()).find((t) => t.kind === own && t.id === id);
      const refuse = (by: string) =>
        new QuantlineError('MISMATCH', `${own} ${id} is needed by ${by}.`, {
          hint: 'Remove that first, or use --force.',
        });
      if (tag !== undefined) throw refuse(`the tag ${tag.tag}`);
      for (const kind of ARTIFACT_KINDS) {
        for (const row of await this.list(kind)) {
          if (row.manifest?.inputs.some((input) => input.kind === own && input.id === id)) {
            throw refuse(`${kind} ${row.id}`);
          }
        }
      }
    }
    for (const tag of await this.tags()) if (tag.kind === own && tag.id === id) await this.untag(tag.tag);
    await this.discard({ kind: own, id });
  }

  /** The artefact that was made or returned last is the latest of its kind. */
  protected remember({ kind, id }: ArtifactRef): Promise<void> {
    return this.writeNote(`${kind}/latest.json`, `${JSON.stringify({ kind, id })}\n`);
  }

  /** The artefact that an id, tag or `latest` names; of the wanted kinds where several match. */
  private async resolve(kinds: readonly ArtifactKind[], text: string): Promise<ArtifactRef> {
    const reference = parseReference(text);
    if (reference.form === 'latest') return this.latest(kinds);
    if (reference.form === 'id') return this.byPrefix(kinds, reference.prefix);
    if (reference.form === 'path') throw notFound(text, 'names no artefact here', kinds);
    const tag = (await this.tags()).find((t) => t.tag === reference.tag);
    if (tag === undefined) throw await this.noTag(reference.tag);
    if (await this.has(tag)) return { kind: tag.kind, id: tag.id };
    throw new QuantlineError(
      'ARTIFACT_NOT_FOUND',
      `The tag ${tag.tag} names ${tag.kind} ${tag.id}, which is not there.`,
      { hint: 'Tag another artefact, or remove the tag.' },
    );
  }

  private async byPrefix(kinds: readonly ArtifactKind[], prefix: string): Promise<ArtifactRef> {
    const known: ArtifactRef[] = [];
    for (const kind of ARTIFACT_KINDS) {
      for (const id of await this.ids(kind)) {
        if (await this.has({ kind, id })) known.push({ kind, id });
      }
    }
    const matching = known.filter((ref) => ref.id.startsWith(prefix));
    const wanted = matching.filter((ref) => kinds.includes(ref.kind));
    const candidates = wanted.length > 0 ? wanted : matching;
    const only = candidates[0];
    if (candidates.length > 1) {
      throw new QuantlineError('USAGE', `"${prefix}" fits ${candidates.map((r) => `${r.kind} ${r.id}`).join(', ')}.`, {
        hint: 'Give more digits.',
      });
    }
    if (only !== undefined) return only;
    const near = nearest(
      prefix,
      known.filter((ref) => kinds.includes(ref.kind)).map((ref) => ref.id),
    );
    throw new QuantlineError('ARTIFACT_NOT_FOUND', `No ${kinds.join(' or ')} ${prefix} in ${this.place}.`, {
      hint:
        near.length > 0
          ? `Nearest: ${near.join(', ')}.`
          : `There is none yet. List them with: ${listCommand(kinds[0]!)}`,
      details: { reference: prefix, nearest: near },
    });
  }

  /** The artefact that `create` made or returned last: recorded in a note per kind, else by time of the manifest. */
  private async latest(kinds: readonly ArtifactKind[]): Promise<ArtifactRef> {
    let best: { at: bigint; ref: ArtifactRef } | undefined;
    for (const kind of kinds) {
      const name = `${kind}/latest.json`;
      const note = await this.readNote(name);
      const parsed = note === undefined ? undefined : parseRef(note.text);
      if (note !== undefined && parsed !== undefined && (await this.has({ kind, id: parsed.id }))) {
        if (best === undefined || note.at > best.at) best = { at: note.at, ref: { kind, id: parsed.id } };
        continue;
      }
      const newest = (await this.list(kind))[0];
      if (newest === undefined) continue;
      const at = await this.writtenAt(newest);
      if (best === undefined || at > best.at) best = { at, ref: { kind, id: newest.id } };
    }
    if (best !== undefined) return best.ref;
    throw new QuantlineError('ARTIFACT_NOT_FOUND', `There is no ${kinds.join(' or ')} in ${this.place} yet.`, {
      hint: 'Run the stage that writes one, or choose another --workspace.',
    });
  }

  private async noTag(tag: string): Promise<QuantlineError> {
    const near = nearest(
      tag,
      (await this.tags()).map((t) => t.tag),
    );
    return new QuantlineError('ARTIFACT_NOT_FOUND', `No tag "${tag}" in ${this.place}.`, {
      hint: near.length > 0 ? `Nearest: ${near.join(', ')}.` : 'There are no tags yet.',
      details: { reference: tag, nearest: near },
    });
  }
}

const tagNote = (tag: string): string => `tags/${encodeURIComponent(tag)}.json`;

function parseRef(text: string): ArtifactRef | undefined {
  try {
    return artifactRefSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

function readRef(text: string, path: string): ArtifactRef {
  const ref = parseRef(text);
  if (ref !== undefined) return ref;
  throw new QuantlineError('ARTIFACT_CORRUPT', `This file does not name an artefact: ${path}`, {
    hint: 'Delete it and set the tag again.',
    details: { path },
  });
}

/** The only input of a kind. */
export function inputOf(artifact: Artifact, kind: ArtifactKind): ArtifactRef {
  const refs = artifact.manifest.inputs.filter((input) => input.kind === kind);
  const ref = refs[0];
  if (ref !== undefined && refs.length === 1) return ref;
  const what = refs.length === 0 ? `no ${kind}` : `${refs.length} inputs of kind ${kind}`;
  throw new QuantlineError('MISMATCH', `${artifact.kind} ${artifact.id} was made from ${what}.`);
}

export const missingInput = (artifact: Artifact, ref: ArtifactRef, path: string): QuantlineError =>
  new QuantlineError(
    'ARTIFACT_NOT_FOUND',
    `${artifact.kind} ${artifact.id} was made from ${ref.kind} ${ref.id}, which is not there: ${path}`,
    {
      hint: `Run the stage that writes the ${ref.kind} again, or copy it into the workspace.`,
      details: { ...ref },
    },
  );

export const notFound = (path: string, what: string, kinds: readonly ArtifactKind[]): QuantlineError =>
  new QuantlineError('ARTIFACT_NOT_FOUND', `${path} ${what}.`, {
    hint: `Give the path that the stage printed, or an id: ${listCommand(kinds[0]!)}`,
    details: { path },
  });
