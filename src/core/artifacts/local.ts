import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { QuantlineError } from '../errors/index.js';
import { storageError, syncFolder, writeFileAtomic } from '../platform/files.js';
import { compare, describe, exists, modified, names, openFolder } from './folder.js';
import { type ArtifactIdentity, identityOf } from './identity.js';
import type { ArtifactKind, ArtifactRef } from './kinds.js';
import { MANIFEST_FILE, type Manifest, serializeManifest } from './manifest.js';
import { sealPayload } from './payload.js';
import { inputOf, missingInput, type Note, notFound, ReferencedArtifacts } from './referenced.js';
import type { Artifact, ArtifactListing, CreateOptions, CreateResult, WriteResult } from './store.js';

/** Staging folders this much older than a fresh one belong to processes long dead. */
const ABANDONED_MS = 86_400_000;

/** Artefacts in a local directory. A finished folder appears under its name by one rename. */
export class LocalArtifactStore extends ReferencedArtifacts {
  readonly place: string;

  constructor(workspace: string) {
    super();
    this.place = resolve(workspace);
  }

  async create(
    identity: ArtifactIdentity,
    write: (folder: string) => Promise<WriteResult>,
    options: CreateOptions = {},
  ): Promise<CreateResult> {
    options.signal?.throwIfAborted();
    const id = identityOf(identity);
    const final = this.pathOf({ kind: identity.kind, id });
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
      await this.hide(final);
    }
    throw new QuantlineError('STORAGE', `Other processes keep replacing ${final}.`, {
      hint: 'Stop them and run the same command again.',
    });
  }

  protected async openPath(text: string, kinds: readonly ArtifactKind[]): Promise<Artifact> {
    if (text.startsWith('gs://'))
      throw new QuantlineError('USAGE', `${text} is an artefact on a bucket.`, {
        hint: 'Say where artefacts are: --artifacts gs://bucket/prefix.',
      });
    const path = resolve(text);
    const folder = basename(path) === MANIFEST_FILE ? dirname(path) : path;
    if (await exists(join(folder, MANIFEST_FILE))) return openFolder(folder, true, kinds);
    throw notFound(
      folder,
      (await exists(folder)) ? 'holds no artefact (it has no manifest.json)' : 'does not exist',
      kinds,
    );
  }

  /** An artefact of another workspace has its inputs there. */
  override async openInput(artifact: Artifact, kind: ArtifactKind): Promise<Artifact> {
    const ref = inputOf(artifact, kind);
    const beside = join(dirname(dirname(artifact.path)), ref.kind, ref.id);
    if (await exists(join(beside, MANIFEST_FILE))) return openFolder(beside, true, [kind]);
    if (await this.has(ref)) return this.load(ref, true);
    throw missingInput(artifact, ref, beside);
  }

  protected load({ kind, id }: ArtifactRef, payload: boolean): Promise<Artifact> {
    return openFolder(this.pathOf({ kind, id }), payload, [kind]);
  }

  protected has(ref: ArtifactRef): Promise<boolean> {
    return exists(join(this.pathOf(ref), MANIFEST_FILE));
  }

  protected pathOf({ kind, id }: ArtifactRef): string {
    return join(this.place, kind, id);
  }

  async list(kind: ArtifactKind): Promise<readonly ArtifactListing[]> {
    const tags = await this.tags();
    const rows: { at: bigint; row: ArtifactListing }[] = [];
    for (const id of await this.ids(kind)) {
      const path = this.pathOf({ kind, id });
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

  protected async writtenAt(ref: ArtifactRef): Promise<bigint> {
    return (await modified(join(this.pathOf(ref), MANIFEST_FILE))) ?? 0n;
  }

  protected async readNote(name: string): Promise<Note | undefined> {
    const path = join(this.place, name);
    const at = await modified(path);
    if (at === undefined) return undefined;
    const text = await readFile(path, 'utf8').catch(() => '');
    return { at, text };
  }

  protected writeNote(name: string, text: string): Promise<void> {
    return writeFileAtomic(join(this.place, name), text);
  }

  protected async dropNote(name: string): Promise<boolean> {
    const path = join(this.place, name);
    try {
      await unlink(path);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw storageError(error, path);
    }
  }

  protected noteNames(folder: string): Promise<readonly string[]> {
    return names(join(this.place, folder));
  }

  private async stage(label: string): Promise<string> {
    const parent = join(this.place, '.staging');
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

  protected discard(ref: ArtifactRef): Promise<void> {
    return this.hide(this.pathOf(ref));
  }

  /** Takes a folder out of sight at once, then deletes it. */
  private async hide(folder: string): Promise<void> {
    const hidden = join(this.place, '.staging', `gone-${process.pid}-${randomBytes(4).toString('hex')}`);
    try {
      await mkdir(dirname(hidden), { recursive: true });
      await rename(folder, hidden);
      await rm(hidden, { recursive: true, force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw storageError(error, folder);
    }
  }

  protected async ids(kind: ArtifactKind): Promise<readonly string[]> {
    return (await names(join(this.place, kind))).filter((name) => /^[0-9a-f]{16}$/.test(name));
  }
}
