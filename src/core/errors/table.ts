/**
 * The one table of error codes. A code names the cause; its exit code is the contract with the shell
 * (README, "Exit codes"). A test holds this table and the README against each other.
 */
export const EXIT_CODES = {
  ok: 0,
  bug: 1,
  usage: 2,
  config: 3,
  data: 4,
  gate: 5,
  refused: 6,
  unavailable: 7,
  nothing: 8,
  interrupted: 130,
} as const;

export type ExitName = keyof typeof EXIT_CODES;

/** Error code → name of its exit code. */
export const ERROR_CODES = {
  /** A defect of Quantline itself. */
  BUG: 'bug',
  /** A flag, argument or expression cannot be read. */
  USAGE: 'usage',
  /** A configuration file, environment variable or setting is wrong. */
  CONFIG: 'config',
  /** Keys are missing, wrong, expired or of another environment. */
  CREDENTIALS: 'config',
  /** A guard against accidental live trading is not satisfied. */
  GUARD: 'config',
  /** An input file cannot be read or holds what is not data. */
  INPUT: 'data',
  /** Data failed a quality check whose policy is to refuse. */
  QUALITY: 'data',
  /** No data, or not enough of it, for what was asked. */
  NO_DATA: 'data',
  /** No artefact under that path, id or tag. */
  ARTIFACT_NOT_FOUND: 'data',
  /** An artefact of another kind or schema than needed. */
  ARTIFACT_KIND: 'data',
  /** A manifest or payload differs from its recorded hash. */
  ARTIFACT_CORRUPT: 'data',
  /** Artefacts that do not fit together (instruments, features, interval). */
  MISMATCH: 'data',
  /** A bar would be scored by a model trained on labels that end after it. */
  LEAKAGE: 'data',
  /** Journal or ledger is damaged, newer than this version, or on an unsuitable disk. */
  STATE: 'data',
  /** The disk is full, read-only, or permission is missing. */
  STORAGE: 'data',
  /** The broker refused an order or an account. */
  REFUSED: 'refused',
  /** A risk rule or a reconciliation difference halted the strategy. */
  HALTED: 'refused',
  /** An outside service does not answer or asks to wait. */
  UNAVAILABLE: 'unavailable',
  /** The machine has not the memory that was asked for, or a worker ran out of it. */
  MEMORY: 'unavailable',
  /** Stopped by a signal. */
  INTERRUPTED: 'interrupted',
} as const satisfies Record<string, ExitName>;

export type ErrorCode = keyof typeof ERROR_CODES;
