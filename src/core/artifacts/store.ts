import type { ArtifactIdentity } from './identity.js';
import type { ArtifactKind, ArtifactRef, Json } from './kinds.js';
import type { Manifest } from './manifest.js';

/** A verified artefact. */
export interface Artifact {
  readonly kind: ArtifactKind;
  readonly id: string;
  /** Absolute path of its folder; on a bucket its address. */
  readonly path: string;
  /** Local folder of the workspace that it belongs to, with its store of bars and its state. */
  readonly workspace: string;
  readonly manifest: Manifest;
  /** Absolute local path of one of its files; ARTIFACT_CORRUPT when the manifest names no such file. */
  file(name: string): string;
}

export interface WriteResult {
  readonly summary: Json;
}

export interface CreateOptions {
  /** Computes also where the artefact exists, and compares: BUG where the bytes differ. A damaged one is replaced. */
  readonly force?: boolean;
  /** Aborting leaves nothing under a final name. */
  readonly signal?: AbortSignal;
}

export interface CreateResult {
  readonly artifact: Artifact;
  /** The artefact existed and was verified; nothing was computed. */
  readonly reused: boolean;
}

/** One row of a listing. `problem` says why an artefact cannot be read; then there is no manifest. */
export interface ArtifactListing extends ArtifactRef {
  readonly path: string;
  readonly tags: readonly string[];
  readonly manifest?: Manifest;
  readonly problem?: string;
}

export interface Tag extends ArtifactRef {
  readonly tag: string;
}

/**
 * Where artefacts live. Payload first, manifest last: the manifest is what makes an artefact exist. All errors are
 * QuantlineErrors: ARTIFACT_NOT_FOUND (with nearest names), ARTIFACT_KIND (wrong kind or newer schema),
 * ARTIFACT_CORRUPT (names the file), STORAGE (disk), USAGE (a reference or tag that cannot be one).
 */
export interface ArtifactStore {
  /**
   * Returns the verified artefact of this identity, or lets `write` fill a fresh folder (absolute path) and makes it
   * one. Everything `write` leaves in the folder is the payload.
   */
  create(
    identity: ArtifactIdentity,
    write: (folder: string) => Promise<WriteResult>,
    options?: CreateOptions,
  ): Promise<CreateResult>;
  /**
   * Opens by path, id or unique prefix of one (4 digits or more), tag, or `latest`: the artefact of these kinds that
   * was created or returned last. Verifies kind, schema, id, and size and hash of every file.
   */
  open(kind: ArtifactKind | readonly ArtifactKind[], reference: string): Promise<Artifact>;
  /** The artefact's only input of a kind, from the store the artefact lies in. */
  openInput(artifact: Artifact, kind: ArtifactKind): Promise<Artifact>;
  /** Newest first; damaged ones are listed with their problem. */
  list(kind: ArtifactKind): Promise<readonly ArtifactListing[]>;
  /** Points a name such as `champion:swing` at an artefact; an existing tag moves. */
  tag(tag: string, ref: ArtifactRef): Promise<void>;
  untag(tag: string): Promise<void>;
  tags(): Promise<readonly Tag[]>;
  /** Refused (MISMATCH) while a tag or another artefact needs it, unless forced. */
  remove(ref: ArtifactRef, options?: { readonly force?: boolean }): Promise<void>;
}
