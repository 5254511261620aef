import { type Clock, systemClock } from './clock.js';
import { type Progress, silentProgress } from './logger.js';
import { isLiveTerminal } from './terminal.js';

export interface ProgressOptions {
  readonly quiet: boolean;
  readonly write: (text: string) => void;
  /** A moving spinner; by default where stderr is a terminal. */
  readonly live?: boolean;
  readonly clock?: Clock;
}

/** A spinner on a terminal, one line a minute elsewhere, nothing when quiet. */
export function createProgress(options: ProgressOptions): Progress {
  if (options.quiet) return silentProgress;
  return (options.live ?? isLiveTerminal())
    ? new SpinnerProgress(options.clock ?? systemClock)
    : new LineProgress(options);
}

const LINE_EVERY_MS = 60_000;
/** Before this long a speed says little. */
const SPEED_AFTER_MS = 3000;

/** Text, share done, and how long the rest takes at the speed so far. */
function describe(text: string, done: number | undefined, total: number | undefined, elapsed: number): string {
  if (done === undefined) return text;
  if (total === undefined || total <= 0) return `${text} ${done}`;
  const share = `${text} ${Math.floor((100 * done) / total)}% (${done}/${total})`;
  if (done <= 0 || done >= total || elapsed < SPEED_AFTER_MS) return share;
  return `${share}, ${duration((elapsed * (total - done)) / done)} left`;
}

function duration(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 90) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

class LineProgress implements Progress {
  private last = Number.NEGATIVE_INFINITY;
  private started: number | undefined;
  private readonly clock: Clock;

  constructor(private readonly options: ProgressOptions) {
    this.clock = options.clock ?? systemClock;
  }

  update(text: string, done?: number, total?: number): void {
    const now = this.clock.monotonic();
    this.started ??= now;
    if (now - this.started < LINE_EVERY_MS || now - this.last < LINE_EVERY_MS) return;
    this.last = now;
    this.options.write(`${describe(text, done, total, now - this.started)}\n`);
  }

  end(text?: string): void {
    const shown = this.last > Number.NEGATIVE_INFINITY;
    this.started = undefined;
    this.last = Number.NEGATIVE_INFINITY;
    if (text !== undefined && shown) this.options.write(`${text}\n`);
  }
}

/** The part of ora's spinner that is used. */
interface Spinner {
  text: string;
  stop(): unknown;
}

class SpinnerProgress implements Progress {
  private spinner: Spinner | undefined;
  private loading = false;
  private text: string | undefined;
  private started: number | undefined;

  constructor(private readonly clock: Clock) {}

  update(text: string, done?: number, total?: number): void {
    const now = this.clock.monotonic();
    this.started ??= now;
    this.text = describe(text, done, total, now - this.started);
    if (this.spinner !== undefined) this.spinner.text = this.text;
    else if (!this.loading) void this.start();
  }

  private async start(): Promise<void> {
    this.loading = true;
    const { default: ora } = await import('ora');
    this.loading = false;
    // Ended while ora was loading: nothing to show any more.
    if (this.text !== undefined)
      this.spinner = ora({ stream: process.stderr, discardStdin: false, text: this.text }).start();
  }

  end(text?: string): void {
    this.text = undefined;
    this.started = undefined;
    this.spinner?.stop();
    this.spinner = undefined;
    if (text !== undefined) process.stderr.write(`${text}\n`);
  }
}
