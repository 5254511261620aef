import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isQuantlineError, QuantlineError } from '../errors/index.js';
import { inOrder } from '../platform/ahead.js';
import { compare, openFolder } from './folder.js';
import { type ArtifactIdentity, identityOf } from './identity.js';
import { ARTIFACT_KINDS, type ArtifactKind, type ArtifactRef } from './kinds.js';
import { LocalArtifactStore } from './local.js';
import { MANIFEST_FILE, type Manifest, parseManifest } from './manifest.js';
import { type Note, notFound, ReferencedArtifacts } from './referenced.js';
import { wrongKind } from './references.js';
import type { Artifact, ArtifactListing, CreateOptions, CreateResult, WriteResult } from './store.js';

/** Objects below a prefix of a bucket, as this store needs them. An object is there whole or not at all. */
export interface ObjectFolder {
  /** False where one of that name exists, which is left as it is. */
  create(name: string, data: string): Promise<boolean>;
  createFrom(name: string, path: string): Promise<boolean>;
  /** Writes it, whatever is there. */
  put(name: string, data: string): Promise<void>;
  read(name: string): Promise<Buffer | undefined>;
  /** False where there is none. */
  download(name: string, path: string): Promise<boolean>;
  list(prefix: string): Promise<readonly string[]>;
  /** When it was last written (epoch ms); undefined where there is none. */
  written(name: string): Promise<number | undefined>;
  remove(name: string): Promise<void>;
}

export interface ObjectStoreOptions {
  /** `gs://bucket/prefix`, without settings. */
  readonly place: string;
  /** Local workspace: copies of artefacts lie below it, and bars and state that belong to them. */
  readonly workspace: string;
  /** Folder within `workspace` for copies of this place. */
  readonly mirror: string;
  readonly open: () => Promise<ObjectFolder>;
}

const AT_ONCE = 8;

/**
 * Artefacts on a bucket: `<kind>/<id>/manifest.json`, and each file below a folder named by its hash, so that writers
 * never overwrite each other. There is no rename: payload goes first, and the manifest, created only if absent, is what
 * makes an artefact exist. They are computed, read and verified in a local copy.
 */
export class ObjectArtifactStore extends ReferencedArtifacts {
  readonly place: string;
  private readonly copies: LocalArtifactStore;
  private opened: Promise<ObjectFolder> | undefined;

  constructor(private readonly options: ObjectStoreOptions) {
    super();
    this.place = options.place.replace(/\/+$/, '');
    this.copies = new LocalArtifactStore(options.mirror);
  }

  private objects(): Promise<ObjectFolder> {
    this.opened ??= this.options.open();
    return this.opened;
  }

  async create(
    identity: ArtifactIdentity,
    write: (folder: string) => Promise<WriteResult>,
    options: CreateOptions = {},
  ): Promise<CreateResult> {
    options.signal?.throwIfAborted();
    const ref = { kind: identity.kind, id: identityOf(identity) };
    const there = await this.manifestText(ref);
    if (there !== undefined && options.force !== true) {
      const artifact = await this.load(ref, true);
      await this.remember(ref);
      return { artifact, reused: true };
    }
    // A copy that was never published is published now; forced, only what the bucket has is compared with.
    const copy = this.copyOf(ref);
    const good = options.force !== true && (await openFolder(copy).then(Boolean, ignoreDamage)) === true;
    if (!good) await rm(copy, { recursive: true, force: true });
    if (options.force === true && there !== undefined) await this.load(ref, true).catch(ignoreDamage);
    const { artifact: made } = await this.copies.create(identity, write, options);
    options.signal?.throwIfAborted();
    await this.publish(made, options.force === true);
    await this.remember(ref);
    return { artifact: this.own(made), reused: false };
  }

  /** Payload first, the manifest last. Forced, damaged objects are replaced. */
  private async publish({ kind, id, manifest, file, path }: Artifact, force: boolean): Promise<void> {
    const objects = await this.objects();
    const signal = new AbortController().signal;
    const uploads = inOrder(Object.keys(manifest.files), AT_ONCE, signal, async (name) => {
      const object = objectOf({ kind, id }, manifest, name);
      if (force) await objects.remove(object);
      await objects.createFrom(object, file(name));
    });
    for await (const _ of uploads);
    const name = `${kind}/${id}/${MANIFEST_FILE}`;
    const text = await readFile(join(path, MANIFEST_FILE), 'utf8');
    if (await objects.create(name, text)) return;
    const existing = (await objects.read(name))?.toString('utf8');
    if (existing === text) return;
    try {
      compare(parseManifest(existing ?? '', `${this.place}/${name}`), manifest, this.pathOf({ kind, id }));
    } catch (error) {
      if (!force || !isDamage(error)) throw error;
      await objects.put(name, text);
    }
  }

  protected async openPath(text: string, kinds: readonly ArtifactKind[]): Promise<Artifact> {
    if (!text.startsWith('gs://')) return openFolder(text, true, kinds);
    const path = text.replace(/\/+$/, '');
    const folder = basename(path) === MANIFEST_FILE ? path.slice(0, -MANIFEST_FILE.length - 1) : path;
    const [kind, id, ...rest] = folder.startsWith(`${this.place}/`)
      ? folder.slice(this.place.length + 1).split('/')
      : [];
    const known = ARTIFACT_KINDS.find((one) => one === kind);
    if (known === undefined || id === undefined || rest.length > 0)
      throw notFound(folder, `names no artefact in ${this.place}`, kinds);
    if (!kinds.includes(known)) throw wrongKind(known, kinds, folder);
    if (!(await this.has({ kind: known, id }))) throw notFound(folder, 'does not exist', kinds);
    return this.load({ kind: known, id }, true);
  }

  /** The copy where it is the same, otherwise a new one, which appears under its name by one rename. */
  protected async load(ref: ArtifactRef, payload: boolean): Promise<Artifact> {
    const where = `${this.pathOf(ref)}/${MANIFEST_FILE}`;
    const text = await this.manifestText(ref);
    if (text === undefined) throw notFound(this.pathOf(ref), 'does not exist', [ref.kind]);
    const manifest = parseManifest(text, where);
    const copy = this.copyOf(ref);
    const same = (await readFile(join(copy, MANIFEST_FILE), 'utf8').catch(() => undefined)) === text;
    if (same)
      try {
        return this.own(await openFolder(copy, payload, [ref.kind]));
      } catch (error) {
        ignoreDamage(error);
      }
    await this.fetch(ref, manifest, text);
    return this.own(await openFolder(copy, true, [ref.kind]));
  }

  private async fetch(ref: ArtifactRef, manifest: Manifest, text: string): Promise<void> {
    const objects = await this.objects();
    const staging = join(this.copies.place, '.staging', `${ref.id}-${process.pid}-${randomBytes(4).toString('hex')}`);
    try {
      await mkdir(staging, { recursive: true });
      const signal = new AbortController().signal;
      const downloads = inOrder(Object.keys(manifest.files), AT_ONCE, signal, async (name) => {
        const target = join(staging, name);
        await mkdir(dirname(target), { recursive: true });
        if (await objects.download(objectOf(ref, manifest, name), target)) return;
        throw new QuantlineError(
          'ARTIFACT_CORRUPT',
          `${name} of ${ref.kind} ${ref.id} is missing: ${this.pathOf(ref)}`,
          {
            hint: 'Restore the file from a backup, or run the stage that wrote it again with --force.',
            details: { ...ref, file: name },
          },
        );
      });
      for await (const _ of downloads);
      await writeFile(join(staging, MANIFEST_FILE), text);
      const copy = this.copyOf(ref);
      await mkdir(dirname(copy), { recursive: true });
      await rm(copy, { recursive: true, force: true });
      await rename(staging, copy).catch((error: NodeJS.ErrnoException) => {
        // Another process has fetched the same meanwhile.
        if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST' && error.code !== 'EPERM') throw error;
      });
    } finally {
      await rm(staging, { recursive: true, force: true });
    }
  }

  async list(kind: ArtifactKind): Promise<readonly ArtifactListing[]> {
    const objects = await this.objects();
    const tags = await this.tags();
    const found = inOrder(await this.ids(kind), AT_ONCE, new AbortController().signal, async (id) => {
      const ref = { kind, id };
      const path = this.pathOf(ref);
      const [text, at] = await Promise.all([this.manifestText(ref), objects.written(`${kind}/${id}/${MANIFEST_FILE}`)]);
      const base = { ...ref, path, tags: tags.filter((t) => t.kind === kind && t.id === id).map(({ tag }) => tag) };
      if (text === undefined || at === undefined) return undefined;
      try {
        return { at, row: { ...base, manifest: parseManifest(text, `${path}/${MANIFEST_FILE}`) } };
      } catch (error) {
        return { at, row: { ...base, problem: (error as Error).message } };
      }
    });
    const rows: { readonly at: number; readonly row: ArtifactListing }[] = [];
    for await (const one of found) if (one !== undefined) rows.push(one);
    return rows.sort((a, b) => b.at - a.at || (a.row.id < b.row.id ? -1 : 1)).map(({ row }) => row);
  }

  private async manifestText({ kind, id }: ArtifactRef): Promise<string | undefined> {
    return (await (await this.objects()).read(`${kind}/${id}/${MANIFEST_FILE}`))?.toString('utf8');
  }

  protected async has(ref: ArtifactRef): Promise<boolean> {
    return (await this.manifestText(ref)) !== undefined;
  }

  protected pathOf({ kind, id }: ArtifactRef): string {
    return `${this.place}/${kind}/${id}`;
  }

  private copyOf({ kind, id }: ArtifactRef): string {
    return join(this.copies.place, kind, id);
  }

  private own(copy: Artifact): Artifact {
    return { ...copy, path: this.pathOf(copy), workspace: this.options.workspace };
  }

  protected async ids(kind: ArtifactKind): Promise<readonly string[]> {
    const ids = (await (await this.objects()).list(`${kind}/`)).map((name) => name.split('/')[1] ?? '');
    return [...new Set(ids)].filter((id) => /^[0-9a-f]{16}$/.test(id));
  }

  /** Without its manifest it is gone; what is left of a removal that was cut off is no artefact. */
  protected async discard(ref: ArtifactRef): Promise<void> {
    const objects = await this.objects();
    await objects.remove(`${ref.kind}/${ref.id}/${MANIFEST_FILE}`);
    for (const name of await objects.list(`${ref.kind}/${ref.id}/`)) await objects.remove(name);
    await rm(this.copyOf(ref), { recursive: true, force: true });
  }

  protected async writtenAt({ kind, id }: ArtifactRef): Promise<bigint> {
    return BigInt((await (await this.objects()).written(`${kind}/${id}/${MANIFEST_FILE}`)) ?? 0);
  }

  protected async readNote(name: string): Promise<Note | undefined> {
    const objects = await this.objects();
    const [text, at] = [await objects.read(name), await objects.written(name)];
    return text === undefined || at === undefined ? undefined : { text: text.toString('utf8'), at: BigInt(at) };
  }

  protected async writeNote(name: string, text: string): Promise<void> {
    await (await this.objects()).put(name, text);
  }

  protected async dropNote(name: string): Promise<boolean> {
    const objects = await this.objects();
    if ((await objects.written(name)) === undefined) return false;
    await objects.remove(name);
    return true;
  }

  protected async noteNames(folder: string): Promise<readonly string[]> {
    return (await (await this.objects()).list(`${folder}/`)).map((name) => name.slice(folder.length + 1));
  }
}

/** Its name says what it holds: two writers of one artefact never disagree about an object. */
const objectOf = ({ kind, id }: ArtifactRef, manifest: Manifest, name: string): string =>
  `${kind}/${id}/${manifest.files[name]!.sha256.slice(0, 16)}/${name}`;

const isDamage = (error: unknown): boolean =>
  isQuantlineError(error) && ['ARTIFACT_CORRUPT', 'ARTIFACT_NOT_FOUND'].includes(error.code);

function ignoreDamage(error: unknown): void {
  if (!isDamage(error)) throw error;
}
