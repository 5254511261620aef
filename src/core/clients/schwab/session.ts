import { type Clock, isoTime, type Logger } from '../../platform/index.js';
import { type OAuthOptions, refreshTokens } from './oauth.js';
import { loginHint, readTokens, refuseExpired, type SchwabTokens, withLock, writeTokens } from './tokens.js';

const DAY_MS = 86_400_000;
/** A token this near to its end is renewed first. */
const MARGIN_MS = 60_000;

export interface SessionOptions extends OAuthOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly file: string;
  /** Told once when the login ends within a day. */
  readonly onExpiring?: ((message: string, expiresAt: number) => void) | undefined;
}

/** The login as all processes share it: one of them renews the access token, the others read what it wrote. */
export class SchwabSession {
  private announced = false;
  private turn: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: SessionOptions) {}

  /** An access token that is good now. `stale`: one that Schwab has just refused. CREDENTIALS when the login is over. */
  async accessToken(stale?: string): Promise<string> {
    const next = this.turn.catch(() => {}).then(() => this.current(stale));
    this.turn = next;
    return next;
  }

  private good(tokens: SchwabTokens, stale: string | undefined): boolean {
    return tokens.access_token !== stale && tokens.access_expires_at - MARGIN_MS > this.options.clock.now();
  }

  private async current(stale: string | undefined): Promise<string> {
    const { clock, file, app } = this.options;
    const tokens = await readTokens(file, app);
    refuseExpired(tokens, clock.now());
    this.announce(tokens);
    if (this.good(tokens, stale)) return tokens.access_token;
    return withLock(file, clock, async () => {
      const latest = await readTokens(file, app);
      refuseExpired(latest, clock.now());
      if (this.good(latest, stale)) return latest.access_token;
      const renewed = await refreshTokens(this.options, latest);
      await writeTokens(file, renewed);
      return renewed.access_token;
    });
  }

  private announce({ refresh_expires_at: end }: SchwabTokens): void {
    const { clock, logger, onExpiring } = this.options;
    if (this.announced || end - clock.now() > DAY_MS) return;
    this.announced = true;
    const message = `The login at Schwab ends at ${isoTime(end)}. ${loginHint}`;
    logger.warn(message);
    onExpiring?.(message, end);
  }
}
