/** Text for people, on stderr. Quiet by default below `info`; never carries a secret. */
export interface Logger {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
}

/** Long-running work seen by a person: a spinner on a terminal, sparse lines elsewhere, nothing under --quiet. */
export interface Progress {
  /** `done` of `total` units; total undefined when unknown. */
  update(text: string, done?: number, total?: number): void;
  end(text?: string): void;
}

export const silentLogger: Logger = { debug() {}, info() {}, warn() {} };
export const silentProgress: Progress = { update() {}, end() {} };
