import { join, resolve } from 'node:path';
import { type ArtifactStore, LocalArtifactStore, ObjectArtifactStore } from '../artifacts/index.js';
import { Bucket, bucketAddress, isBucketAddress } from '../clients/google/bucket.js';
import { QuantlineError } from '../errors/index.js';
import type { NativeLibraries } from '../models/trainer.js';
import {
  type Clock,
  defaultThreads,
  idOf,
  type Logger,
  type Progress,
  silentLogger,
  silentProgress,
  systemClock,
} from '../platform/index.js';

/** What every stage is given by the shell (or by a library user): the world outside, as arguments. */
export interface Runtime {
  /** Absolute path of the workspace. */
  readonly workspace: string;
  readonly artifacts: ArtifactStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly progress: Progress;
  /** Aborted on Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
  readonly threads: number;
  /** Resolved secrets and vendor variables by their usual names; never logged, never stored. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Account that may be traded with real money: QUANTLINE_ALLOW_LIVE of the process itself, of no file. */
  readonly allowLive?: string | undefined;
  /** Path of the per-user trial ledger. */
  readonly trialLedger: string;
  /** Journal: a file path, or a postgres:// URL. */
  readonly journal: string;
  /** Where native libraries lie. */
  readonly libraries: NativeLibraries;
  /** Test hook: called at named points of the order path; does nothing outside fault tests. */
  readonly faultPoint?: (name: string) => void;
}

export type RuntimeOptions = Partial<Omit<Runtime, 'workspace' | 'artifacts'>> & {
  /** Folder of the workspace; relative to the current directory. */
  readonly workspace: string;
  /** `gs://bucket/prefix`, or a store of one's own, where artefacts do not lie in the workspace. */
  readonly artifacts?: string | ArtifactStore | undefined;
};

/**
 * A runtime for library users. Quiet, on the system's clock and all cores; journal and trial ledger lie in the workspace
 * unless paths are given.
 */
export function createRuntime(options: RuntimeOptions): Runtime {
  const { artifacts, ...given } = options;
  const workspace = resolve(options.workspace);
  return {
    clock: systemClock,
    logger: silentLogger,
    progress: silentProgress,
    signal: new AbortController().signal,
    threads: defaultThreads(),
    secrets: {},
    libraries: {},
    trialLedger: join(workspace, 'trials.sqlite'),
    journal: join(workspace, 'journal', 'journal.sqlite'),
    ...given,
    artifacts:
      artifacts === undefined
        ? new LocalArtifactStore(workspace)
        : typeof artifacts === 'string'
          ? artifactsOn(artifacts, workspace)
          : artifacts,
    workspace,
  };
}

/** Artefacts on a bucket. @throws QuantlineError USAGE where the address is none. */
function artifactsOn(address: string, workspace: string): ArtifactStore {
  if (!isBucketAddress(address))
    throw new QuantlineError('USAGE', `"${address}" is no place for artefacts.`, {
      hint: 'Write gs://bucket/prefix; a local folder is chosen with --workspace.',
    });
  const at = bucketAddress(address);
  const place = `gs://${at.bucket}${at.prefix === '' ? '' : `/${at.prefix}`}`;
  const mirror = join(workspace, 'mirror', idOf({ place, endpoint: at.endpoint ?? '' }));
  return new ObjectArtifactStore({ place, workspace, mirror, open: () => Bucket.open(at) });
}
