import type { ArtifactStore } from '../artifacts/index.js';
import type { Clock, Logger, Progress } from '../platform/index.js';

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
  /** Path of the per-user trial ledger. */
  readonly trialLedger: string;
  /** Journal: a file path, or a postgres:// URL. */
  readonly journal: string;
  /** Test hook: called at named points of the order path; does nothing outside fault tests. */
  readonly faultPoint?: (name: string) => void;
}
