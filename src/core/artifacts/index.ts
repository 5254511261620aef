/**
 * Artefacts: what each stage writes and the next one reads, at `<workspace>/<kind>/<id>/`.
 *
 *   const store = new LocalArtifactStore(workspace);
 *   const { artifact, reused } = await store.create(identity, async (folder) => { …write files…; return { summary } });
 *   const run = await store.open('run', 'latest');            // path, id, prefix, tag or latest; verified
 *   const data = await store.openInput(run, 'dataset');       // along the lineage
 *
 * The id is a hash of what decides the result (`identityOf`), so an artefact is computed once.
 */
export { type ArtifactIdentity, buildId, hashCode, identityOf } from './identity.js';
export {
  ARTIFACT_KINDS,
  ARTIFACT_SCHEMAS,
  type ArtifactKind,
  type ArtifactRef,
  artifactRefSchema,
  type Json,
} from './kinds.js';
export { LocalArtifactStore } from './local.js';
export { MANIFEST_FILE, type Manifest, manifestSchema, parseManifest } from './manifest.js';
export { ObjectArtifactStore, type ObjectFolder, type ObjectStoreOptions } from './objects.js';
export type {
  Artifact,
  ArtifactListing,
  ArtifactStore,
  CreateOptions,
  CreateResult,
  Tag,
  WriteResult,
} from './store.js';
