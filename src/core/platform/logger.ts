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

export type LogLevel = 'debug' | 'info' | 'warn' | 'silent';

const ORDER: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, silent: 3 };

/** A logger that writes lines from `level` up; `redact` sees every message before it leaves. */
export function createLogger(
  level: LogLevel,
  write: (text: string) => void,
  redact: (text: string) => string = (text) => text,
): Logger {
  const at = (own: LogLevel, prefix: string) => (message: string) => {
    if (ORDER[own] >= ORDER[level]) write(`${prefix}${redact(message)}\n`);
  };
  return { debug: at('debug', 'debug: '), info: at('info', ''), warn: at('warn', 'warning: ') };
}
