import { type Clock, createHttp, type Logger } from '../../platform/index.js';
import { secureUrl } from './presets.js';

const TIMEOUT_MS = 5_000;

/**
 * A dead-man's switch by the convention of healthchecks.io: `<url>/start`, then `<url>` or `<url>/fail` with a reason. It
 * raises the alarm when none of them comes in time. Failures are warnings and change nothing else.
 */
export class Ping {
  private readonly url: URL;
  private started: Promise<void> | undefined;

  constructor(
    url: string,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {
    this.url = new URL(secureUrl(url, '--ping'));
  }

  /** Goes out beside the work; nothing waits for it. */
  start(): void {
    this.started = this.send('/start', '');
  }

  async success(): Promise<void> {
    await this.started;
    await this.send('', '');
  }

  async fail(reason: string): Promise<void> {
    await this.started;
    await this.send('/fail', reason);
  }

  private async send(suffix: string, body: string): Promise<void> {
    const address = new URL(this.url);
    address.pathname = address.pathname.replace(/\/$/, '') + suffix;
    const http = createHttp({ service: 'Ping', origins: [address.origin], clock: this.clock, timeoutMs: TIMEOUT_MS });
    try {
      await http.send({ method: 'POST', url: address.href, body, expect: 'any' });
    } catch (error) {
      this.logger.warn((error as Error).message);
    }
  }
}
