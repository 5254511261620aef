import type { Socket } from 'node:net';
import type { IBApi } from '@stoqey/ib';
import { QuantlineError } from '../../errors/index.js';
import { deadline, deadlineText } from '../../platform/index.js';
import { CLIENT_ID_IN_USE, connectivity } from './codes.js';
import { IbkrSession, type SessionOptions } from './session.js';

export interface IbkrAddress {
  readonly host: string;
  readonly port: number;
  readonly clientId: number;
}

export interface OpenOptions extends IbkrAddress, Omit<SessionOptions, 'service'> {
  readonly maxRequestsPerSecond: number;
}

/** Whether a failed `openIbkr` means that another program uses the client id. */
export const isClientIdInUse = (error: unknown): boolean =>
  error instanceof QuantlineError && error.details['code'] === CLIENT_ID_IN_USE;

/**
 * Small messages leave as they are written. Otherwise each but the first waits until TWS acknowledges the one before,
 * which takes 40 ms and more: the exits of a bracket, the orders of a slot. The vendor's client has no setting for it.
 */
function sendAtOnce(api: IBApi): void {
  const { controller } = api as unknown as { controller?: { socket?: { client?: Socket } } };
  controller?.socket?.client?.setNoDelay(true);
}

/**
 * Connects and waits for accounts and the first order number: before both, TWS drops what it is told.
 * @throws QuantlineError UNAVAILABLE where nothing answers or the client id is taken, CONFIG for an outdated TWS.
 */
export async function openIbkr(options: OpenOptions): Promise<IbkrSession> {
  const { host, port, clientId, timeoutMs, logger, ending } = options;
  const service = `Interactive Brokers (${host}:${port})`;
  const { IBApi, EventName, ErrorCode } = await import('@stoqey/ib');
  const api = new IBApi({ host, port, maxReqPerSec: options.maxRequestsPerSecond });
  let accounts: readonly string[] | undefined;
  let orderId: number | undefined;
  let lost = false;
  let released = (): void => {};
  try {
    await new Promise<void>((resolve, reject) => {
      const fail = (message: string, hint: string, code?: number): void =>
        reject(
          new QuantlineError(code === ErrorCode.UPDATE_TWS ? 'CONFIG' : 'UNAVAILABLE', `${service}: ${message}`, {
            hint,
            details: { outcome: 'not_sent', ...(code === undefined ? {} : { code }) },
          }),
        );
      const ready = (): void => {
        if (accounts !== undefined && orderId !== undefined) resolve();
      };
      const told = (message: string, code: number): void => {
        lost = connectivity(code) === 'lost' || (lost && connectivity(code) === undefined);
        if (code === CLIENT_ID_IN_USE)
          fail(
            `client id ${clientId} is used by another program, which has to end first.`,
            'Stop the other one, or give this one an id of its own: --set clientId=N. Orders belong to the id that placed them.',
            code,
          );
        else if (code === ErrorCode.CONNECT_FAIL)
          fail(
            `no connection (${message}).`,
            'Start TWS or IB Gateway, log in, and enable "ActiveX and Socket Clients" under Configure → API → Settings. It restarts once a day.',
          );
        else if (code === ErrorCode.UPDATE_TWS || code === ErrorCode.UNSUPPORTED_VERSION)
          fail(message, 'Use a current version of TWS or IB Gateway.', ErrorCode.UPDATE_TWS);
      };
      api.on(EventName.error, (error, code) => told(error.message, code));
      api.on(EventName.info, told);
      api.on(EventName.disconnected, () =>
        fail('the connection was closed during the handshake.', 'Is the port that of TWS or IB Gateway?'),
      );
      api.on(EventName.managedAccounts, (list) => {
        accounts = list
          .split(',')
          .map((one) => one.trim())
          .filter(Boolean);
        ready();
      });
      api.on(EventName.nextValidId, (id) => {
        orderId = id;
        ready();
      });
      released = deadline(timeoutMs, ending, () =>
        fail(`no handshake ${deadlineText(timeoutMs, ending)}.`, 'Is somebody logged in, and is a dialog open in TWS?'),
      );
      api.connect(clientId);
      sendAtOnce(api);
    });
  } catch (error) {
    api.disconnect();
    throw error;
  } finally {
    released();
    api.removeAllListeners();
    api.on(EventName.error, () => {});
  }
  const session = new IbkrSession(api, { service, timeoutMs, logger, ending }, clientId, accounts!, orderId!);
  session.lost = lost;
  return session;
}
