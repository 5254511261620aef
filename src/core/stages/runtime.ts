import { join, resolve } from 'node:path';
import { type ArtifactStore, LocalArtifactStore } from '../artifacts/index.js';
import type { NativeLibraries } from '../models/trainer.js';
import {
  type Clock,
  defaultThreads,
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
};

/**
 * A runtime for library users. Quiet, on the system's clock and all cores; journal and trial ledger lie in the workspace
 * unless paths are given.
 */
export function createRuntime(options: RuntimeOptions): Runtime {
  const workspace = resolve(options.workspace);
  return {
    artifacts: new LocalArtifactStore(workspace),
    clock: systemClock,
    logger: silentLogger,
    progress: silentProgress,
    signal: new AbortController().signal,
    threads: defaultThreads(),
    secrets: {},
    libraries: {},
    trialLedger: join(workspace, 'trials.sqlite'),
    journal: join(workspace, 'journal', 'journal.sqlite'),
    ...options,
    workspace,
  };
}
