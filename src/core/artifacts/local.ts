import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { QuantlineError } from '../errors/index.js';
import { storageError, syncFolder, writeFileAtomic } from '../platform/files.js';
import { compare, describe, exists, modified, names, openFolder } from './folder.js';
import { type ArtifactIdentity, identityOf } from './identity.js';
import { ARTIFACT_KINDS, type ArtifactKind, type ArtifactRef, artifactRefSchema } from './kinds.js';
import { MANIFEST_FILE, type Manifest, serializeManifest } from './manifest.js';
import { sealPayload } from './payload.js';
import { checkTag, listCommand, nearest, parseReference } from './references.js';
import type {
  Artifact,
  ArtifactListing,
  ArtifactStore,
  CreateOptions,
  CreateResult,
  Tag,
  WriteResult,
} from './store.js';

/** Staging folders this much older than a fresh one belong to processes long dead. */
const ABANDONED_MS = 86_400_000;

/** Artefacts in a local directory. A finished folder appears under its name by one rename. */
export class LocalArtifactStore implements ArtifactStore {
  readonly workspace: string;

  constructor(workspace: string) {
    this.workspace = resolve(workspace);
  }

  async create(
    identity: ArtifactIdentity,
    write: (folder: string) => Promise<WriteResult>,
    options: CreateOptions = {},
  ): Promise<CreateResult> {
    options.signal?.throwIfAborted();
    const id = identityOf(identity);
    const final = this.folderOf(identity.kind, id);
    if (!options.force && (await exists(join(final, MANIFEST_FILE)))) {
      const artifact = await openFolder(final);
      await this.remember(artifact);
      return { artifact, reused: true };
    }
    const staging = await this.stage(`${identity.kind}-${id}`);
    try {
      const { summary } = await write(staging);
      options.signal?.throwIfAborted();
      const files = await sealPayload(staging);
      const manifest = describe(identity, id, summary, files);
      await writeFileAtomic(join(staging, MANIFEST_FILE), serializeManifest(manifest), { exclusive: true });
      options.signal?.throwIfAborted();
      const artifact = await this.publish(staging, final, manifest);
      await this.remember(artifact);
      return { artifact, reused: false };
    } catch (error) {
      throw storageError(error, final);
    } finally {
      await rm(staging, { recursive: true, force: true }).catch(() => {});
    }
  }

  /** Moves a finished folder to its final name, or compares it with the artefact that is there already. */
  private async publish(staging: string, final: string, manifest: Omit<Manifest, 'checksum'>): Promise<Artifact> {
    await mkdir(dirname(final), { recursive: true });
    for (let attempt = 0; attempt < 3; attempt++) {
      try {
        await rename(staging, final);
        await syncFolder(dirname(final));
        return openFolder(final, false);
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code;
        if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== 'EPERM') throw error;
        if (!(await exists(final))) throw error;
      }
      const existing = await openFolder(final).catch((error: unknown) => {
        if ((error as QuantlineError).code === 'ARTIFACT_CORRUPT') return undefined;
        if ((error as QuantlineError).code === 'ARTIFACT_NOT_FOUND') return undefined;
        throw error;
      });
      if (existing !== undefined) {
        compare(existing.manifest, manifest, final);
        return existing;
      }
      await this.discard(final);
    }
    throw new QuantlineError('STORAGE', `Other processes keep replacing ${final}.`, {
      hint: 'Stop them and run the same command again.',
    });
  }

  async open(kind: ArtifactKind | readonly ArtifactKind[], reference: string): Promise<Artifact> {
    const kinds = typeof kind === 'string' ? [kind] : kind;
    return openFolder(await this.locate(kinds, reference), true, kinds);
  }

  async openInput(artifact: Artifact, kind: ArtifactKind): Promise<Artifact> {
    const refs = artifact.manifest.inputs.filter((input) => input.kind === kind);
    const ref = refs[0];
    if (ref === undefined || refs.length > 1) {
      const what = refs.length === 0 ? `no ${kind}` : `${refs.length} inputs of kind ${kind}`;
      throw new QuantlineError('MISMATCH', `${artifact.kind} ${artifact.id} was made from ${what}.`);
    }
    const beside = join(dirname(dirname(artifact.path)), ref.kind, ref.id);
    const folder = (await exists(join(beside, MANIFEST_FILE))) ? beside : this.folderOf(ref.kind, ref.id);
    if (!(await exists(join(folder, MANIFEST_FILE)))) {
      throw new QuantlineError(
        'ARTIFACT_NOT_FOUND',
        `${artifact.kind} ${artifact.id} was made from ${ref.kind} ${ref.id}, which is not there: ${beside}`,
        {
          hint: `Run the stage that writes the ${ref.kind} again, or copy it into the workspace.`,
          details: { ...ref },
        },
      );
    }
    return openFolder(folder, true, [kind]);
  }

  async list(kind: ArtifactKind): Promise<readonly ArtifactListing[]> {
    const tags = await this.tags();
    const rows: { at: bigint; row: ArtifactListing }[] = [];
    for (const id of await this.ids(kind)) {
      const path = this.folderOf(kind, id);
      const base = { kind, id, path, tags: tags.filter((t) => t.kind === kind && t.id === id).map((t) => t.tag) };
      const at = await modified(join(path, MANIFEST_FILE));
      if (at === undefined) continue;
      try {
        rows.push({ at, row: { ...base, manifest: (await openFolder(path, false, [kind])).manifest } });
      } catch (error) {
        rows.push({ at, row: { ...base, problem: (error as Error).message } });
      }
    }
    rows.sort((a, b) => (a.at === b.at ? (a.row.id < b.row.id ? -1 : 1) : a.at > b.at ? -1 : 1));
    return rows.map((entry) => entry.row);
  }

  async tag(tag: string, ref: ArtifactRef): Promise<void> {
    checkTag(tag);
    await openFolder(await this.locate([ref.kind], ref.id), false, [ref.kind]);
    await writeFileAtomic(this.tagFile(tag), `${JSON.stringify({ kind: ref.kind, id: ref.id })}\n`);
  }

  async untag(tag: string): Promise<void> {
    try {
      await unlink(this.tagFile(tag));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw storageError(error, this.tagFile(tag));
      throw await this.noTag(tag);
    }
  }

  async tags(): Promise<readonly Tag[]> {
    const out: Tag[] = [];
    for (const file of await names(join(this.workspace, 'tags'))) {
      if (!file.endsWith('.json')) continue;
      const tag = decodeURIComponent(file.slice(0, -5));
      out.push({ tag, ...(await readRef(join(this.workspace, 'tags', file))) });
    }
    return out.sort((a, b) => (a.tag < b.tag ? -1 : 1));
  }

  async remove(ref: ArtifactRef, options: { readonly force?: boolean } = {}): Promise<void> {
    const folder = await this.locate([ref.kind], ref.id);
    const id = basename(folder);
    if (!options.force) {
      const tag = (await this.tags()).find((t) => t.kind === ref.kind && t.id === id);
      const refuse = (by: string) =>
        new QuantlineError('MISMATCH', `${ref.kind} ${id} is needed by ${by}.`, {
          hint: 'Remove that first, or use --force.',
        });
      if (tag !== undefined) throw refuse(`the tag ${tag.tag}`);
      for (const kind of ARTIFACT_KINDS) {
        for (const row of await this.list(kind)) {
          if (row.manifest?.inputs.some((input) => input.kind === ref.kind && input.id === id)) {
            throw refuse(`${kind} ${row.id}`);
          }
        }
      }
    }
    for (const tag of await this.tags()) if (tag.kind === ref.kind && tag.id === id) await this.untag(tag.tag);
    await this.discard(folder);
  }

  /** Folder of the artefact that a reference names; of the wanted kinds where several match. */
  private async locate(kinds: readonly ArtifactKind[], text: string): Promise<string> {
    const reference = parseReference(text);
    if (reference.form === 'path') {
      const path = resolve(reference.path);
      const folder = basename(path) === MANIFEST_FILE ? dirname(path) : path;
      if (await exists(join(folder, MANIFEST_FILE))) return folder;
      const what = (await exists(folder)) ? 'holds no artefact (it has no manifest.json)' : 'does not exist';
      throw new QuantlineError('ARTIFACT_NOT_FOUND', `${folder} ${what}.`, {
        hint: `Give the path that the stage printed, or an id: ${listCommand(kinds[0]!)}`,
        details: { path: folder },
      });
    }
    if (reference.form === 'latest') return this.latest(kinds);
    if (reference.form === 'tag') {
      const tag = (await this.tags()).find((t) => t.tag === reference.tag);
      if (tag === undefined) throw await this.noTag(reference.tag);
      const folder = this.folderOf(tag.kind, tag.id);
      if (await exists(join(folder, MANIFEST_FILE))) return folder;
      throw new QuantlineError(
        'ARTIFACT_NOT_FOUND',
        `The tag ${tag.tag} names ${tag.kind} ${tag.id}, which is not there.`,
        {
          hint: 'Tag another artefact, or remove the tag.',
        },
      );
    }
    return this.byPrefix(kinds, reference.prefix);
  }

  private async byPrefix(kinds: readonly ArtifactKind[], prefix: string): Promise<string> {
    const known: ArtifactRef[] = [];
    for (const kind of ARTIFACT_KINDS) {
      for (const id of await this.ids(kind)) {
        if (await exists(join(this.folderOf(kind, id), MANIFEST_FILE))) known.push({ kind, id });
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
    if (only !== undefined) return this.folderOf(only.kind, only.id);
    const near = nearest(
      prefix,
      known.filter((ref) => kinds.includes(ref.kind)).map((ref) => ref.id),
    );
    throw new QuantlineError('ARTIFACT_NOT_FOUND', `No ${kinds.join(' or ')} ${prefix} in ${this.workspace}.`, {
      hint:
        near.length > 0
          ? `Nearest: ${near.join(', ')}.`
          : `There is none yet. List them with: ${listCommand(kinds[0]!)}`,
      details: { reference: prefix, nearest: near },
    });
  }

  /** The artefact that `create` made or returned last: recorded in a file per kind, else by time of the manifest. */
  private async latest(kinds: readonly ArtifactKind[]): Promise<string> {
    let best: { at: bigint; folder: string } | undefined;
    for (const kind of kinds) {
      const pointer = join(this.workspace, kind, 'latest.json');
      const at = await modified(pointer);
      const ref = at === undefined ? undefined : await readRef(pointer).catch(() => undefined);
      const folder = ref === undefined ? undefined : this.folderOf(kind, ref.id);
      if (at !== undefined && folder !== undefined && (await exists(join(folder, MANIFEST_FILE)))) {
        if (best === undefined || at > best.at) best = { at, folder };
        continue;
      }
      const newest = (await this.list(kind))[0];
      if (newest === undefined) continue;
      const time = (await modified(join(newest.path, MANIFEST_FILE))) ?? 0n;
      if (best === undefined || time > best.at) best = { at: time, folder: newest.path };
    }
    if (best !== undefined) return best.folder;
    throw new QuantlineError('ARTIFACT_NOT_FOUND', `There is no ${kinds.join(' or ')} in ${this.workspace} yet.`, {
      hint: 'Run the stage that writes one, or choose another --workspace.',
    });
  }

  private async noTag(tag: string): Promise<QuantlineError> {
    const near = nearest(
      tag,
      (await this.tags()).map((t) => t.tag),
    );
    return new QuantlineError('ARTIFACT_NOT_FOUND', `No tag "${tag}" in ${this.workspace}.`, {
      hint: near.length > 0 ? `Nearest: ${near.join(', ')}.` : 'There are no tags yet.',
      details: { reference: tag, nearest: near },
    });
  }

  private async stage(label: string): Promise<string> {
    const parent = join(this.workspace, '.staging');
    const folder = join(parent, `${label}-${process.pid}-${randomBytes(4).toString('hex')}`);
    try {
      await mkdir(folder, { recursive: true });
    } catch (error) {
      throw storageError(error, folder);
    }
    await this.sweep(parent, folder);
    return folder;
  }

  /** Removes what dead processes left, judged against the time of a folder made now. */
  private async sweep(parent: string, fresh: string): Promise<void> {
    const now = (await stat(fresh)).mtimeMs;
    for (const name of await names(parent)) {
      const path = join(parent, name);
      const at = await stat(path).catch(() => undefined);
      if (at !== undefined && now - at.mtimeMs > ABANDONED_MS) await rm(path, { recursive: true, force: true });
    }
  }

  /** Takes a folder out of sight at once, then deletes it. */
  private async discard(folder: string): Promise<void> {
    const hidden = join(this.workspace, '.staging', `gone-${process.pid}-${randomBytes(4).toString('hex')}`);
    try {
      await mkdir(dirname(hidden), { recursive: true });
      await rename(folder, hidden);
      await rm(hidden, { recursive: true, force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw storageError(error, folder);
    }
  }

  private async remember(artifact: Artifact): Promise<void> {
    const pointer = join(this.workspace, artifact.kind, 'latest.json');
    await writeFileAtomic(pointer, `${JSON.stringify({ kind: artifact.kind, id: artifact.id })}\n`);
  }

  private folderOf(kind: ArtifactKind, id: string): string {
    return join(this.workspace, kind, id);
  }

  private tagFile(tag: string): string {
    return join(this.workspace, 'tags', `${encodeURIComponent(tag)}.json`);
  }

  private async ids(kind: ArtifactKind): Promise<readonly string[]> {
    return (await names(join(this.workspace, kind))).filter((name) => /^[0-9a-f]{16}$/.test(name));
  }
}

async function readRef(path: string): Promise<ArtifactRef> {
  const parsed = artifactRefSchema.safeParse(
    await readFile(path, 'utf8')
      .then(JSON.parse)
      .catch(() => undefined),
  );
  if (parsed.success) return parsed.data;
  throw new QuantlineError('ARTIFACT_CORRUPT', `This file does not name an artefact: ${path}`, {
    hint: 'Delete it and set the tag again.',
    details: { path },
  });
}
