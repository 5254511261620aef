import { type IbkrSession, isClientIdInUse, type OpenOptions, openIbkr } from '../../clients/ibkr/index.js';
import { QuantlineError } from '../../errors/index.js';
import type { BrokerContext } from '../broker.js';

export interface ConnectionSettings {
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly clientId?: number | undefined;
  readonly account?: string | undefined;
  readonly maxRequestsPerSecond: number;
  readonly timeoutSeconds: number;
}

const GATEWAY = { live: 4001, paper: 4002 };
/** How long a program that holds our client id is waited for: one that has just been stopped gives it free. */
const ID_FREE_MS = 10_000;
const ID_ASK_MS = 1000;
/** Other client ids for reading, beside a program that trades under ours. */
const READ_IDS = [101, 102, 103, 104, 105];

/** The live session with TWS, opened when it is needed and again after it has ended. */
export class IbkrConnection {
  private turn: Promise<IbkrSession | undefined> = Promise.resolve(undefined);
  private closed = false;
  /** Since when another program was found to hold our client id; all who wait for it do so together. */
  private inUseSince: number | undefined;

  constructor(
    private readonly options: ConnectionSettings,
    private readonly context: Pick<BrokerContext, 'secrets' | 'live' | 'logger' | 'ending' | 'clock'>,
    private readonly openAt = openIbkr,
  ) {}

  /**
   * A session that lives. `orders`: under the configured client id, which alone can place and cancel; `read` takes
   * another id where a trading process holds that one.
   */
  session(purpose: 'read' | 'orders' = 'read'): Promise<IbkrSession> {
    // One after another, or each of several first calls would connect.
    this.turn = this.turn.catch(() => undefined).then((current) => this.ensure(current, purpose));
    return this.turn as Promise<IbkrSession>;
  }

  private async ensure(current: IbkrSession | undefined, purpose: 'read' | 'orders'): Promise<IbkrSession> {
    if (this.closed) throw new QuantlineError('BUG', 'The connection to TWS was closed.');
    if (current !== undefined && current.ended === undefined) {
      if (purpose === 'read' || current.clientId === this.clientId()) return current;
      current.end('opened again under the id that trades');
    }
    const session = await this.open(purpose);
    try {
      this.accountOf(session);
    } catch (error) {
      session.end('the account is not the one to trade');
      throw error;
    }
    return session;
  }

  private clientId(): number {
    return this.options.clientId ?? this.number('IB_CLIENT_ID') ?? 17;
  }

  private number(variable: string): number | undefined {
    const value = this.context.secrets[variable];
    if (value === undefined) return undefined;
    if (/^\d+$/.test(value)) return Number(value);
    throw new QuantlineError('CONFIG', `${variable} is not a number.`, { hint: 'Write digits only.' });
  }

  private async open(purpose: 'read' | 'orders'): Promise<IbkrSession> {
    const { host, port, maxRequestsPerSecond, timeoutSeconds } = this.options;
    const { secrets, live, logger, ending } = this.context;
    const address = {
      host: host ?? secrets['IB_HOST'] ?? '127.0.0.1',
      port: port ?? this.number('IB_PORT') ?? GATEWAY[live ? 'live' : 'paper'],
      maxRequestsPerSecond,
      timeoutMs: timeoutSeconds * 1000,
      logger,
      ending,
    };
    const own = this.clientId();
    const { clock } = this.context;
    for (;;) {
      try {
        const session = await this.openAt({ ...address, clientId: own });
        this.inUseSince = undefined;
        return session;
      } catch (error) {
        if (!isClientIdInUse(error)) throw error;
        if (purpose === 'read') return await this.openBeside(address, own, error);
        this.inUseSince ??= clock.now();
        if (clock.now() - this.inUseSince >= ID_FREE_MS || ending?.aborted === true) throw error;
      }
      await clock.sleep(ID_ASK_MS, ending);
    }
  }

  /** Under an id of its own beside a program that trades. @throws `inUse` where all of them are taken. */
  private async openBeside(address: Omit<OpenOptions, 'clientId'>, own: number, inUse: unknown): Promise<IbkrSession> {
    for (const more of READ_IDS) {
      try {
        return await this.openAt({ ...address, clientId: own + more });
      } catch (next) {
        if (!isClientIdInUse(next)) throw next;
      }
    }
    throw inUse;
  }

  /**
   * The account that is traded. Its id tells paper (DU…, DF…) from real money; a port proves nothing.
   * @throws QuantlineError CREDENTIALS where it is of the other kind, CONFIG where several could be meant.
   */
  accountOf(session: IbkrSession): string {
    const { accounts } = session;
    const wanted = this.options.account ?? (accounts.length === 1 ? accounts[0] : undefined);
    if (wanted === undefined || !accounts.includes(wanted))
      throw new QuantlineError(
        'CONFIG',
        wanted === undefined
          ? `This login has ${accounts.length} accounts: ${accounts.join(', ')}.`
          : `This login has no account ${wanted}; it has ${accounts.join(', ')}.`,
        { hint: `Name one: --set account=${accounts[0] ?? 'DU1234567'}.` },
      );
    const paper = /^D[UF]/.test(wanted);
    if (paper === this.context.live)
      throw new QuantlineError(
        'CREDENTIALS',
        paper
          ? `Account ${wanted} is a paper account, but live trading was asked for.`
          : `Account ${wanted} holds real money, but --live was not given.`,
        {
          hint: paper
            ? 'Log TWS or IB Gateway in to the live account.'
            : 'Log TWS or IB Gateway in to the paper account; its id begins with DU.',
          details: { outcome: 'not_sent' },
        },
      );
    return wanted;
  }

  async close(): Promise<void> {
    this.closed = true;
    (await this.turn.catch(() => undefined))?.end('closed');
  }
}
