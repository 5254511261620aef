import { QuantlineError } from '../../errors/index.js';

/**
 * What TWS's message codes mean for whoever asked. `info` changes nothing; `rejected`: there is no such order, or not
 * any more; `canceled`: the order has ended; `duplicate-id`: the number was used before, nothing was placed;
 * `read-only`, `busy` and `not-connected`: nothing was done. Codes that are not listed leave it open.
 */
export type CodeMeaning =
  | 'info'
  | 'rejected'
  | 'canceled'
  | 'duplicate-id'
  | 'read-only'
  | 'busy'
  | 'not-connected'
  | 'unknown';

const MEANINGS: Readonly<Record<number, CodeMeaning>> = {
  100: 'busy', // more than 50 messages a second
  103: 'duplicate-id',
  105: 'rejected', // does not match the order that it would change
  106: 'rejected', // cannot transmit
  107: 'rejected', // cannot transmit an incomplete order
  109: 'rejected', // price too far away
  110: 'rejected', // price off the minimum variation
  111: 'rejected', // time in force and order type do not go together
  113: 'rejected', // time in force must be DAY for market-on-close
  116: 'rejected', // cannot be changed
  133: 'rejected', // submitting the order failed
  136: 'rejected', // cannot be cancelled here
  140: 'rejected', // size must be an integer
  141: 'rejected', // price must be a double
  157: 'rejected',
  163: 'rejected', // price violates the percentage constraint
  164: 'rejected', // no market data to check the price
  200: 'rejected', // no security definition
  201: 'rejected',
  202: 'canceled',
  203: 'rejected', // not allowed for this account
  321: 'rejected', // the request did not validate
  322: 'rejected',
  325: 'rejected', // discretionary
  328: 'rejected', // trailing stop attached to a wrong type
  329: 'rejected',
  340: 'rejected', // price not allowed for this order type
  383: 'rejected', // size limit
  387: 'rejected', // order type not for this exchange
  388: 'rejected', // below the minimum size
  391: 'rejected', // time in force
  399: 'info', // order message: will be placed at a later time, and the like
  404: 'info', // held while shares are located
  434: 'rejected', // size cannot be zero
  435: 'rejected', // account needed
  460: 'rejected', // no trading permissions
  461: 'rejected',
  463: 'rejected',
  503: 'rejected', // TWS is too old for what is asked; said before anything is written
  504: 'not-connected', // said before anything is written; a write that fails (512) leaves it open
  10006: 'rejected', // parent order missing
  10052: 'rejected', // time in force
  10147: 'rejected', // order to cancel not found
  10148: 'rejected', // order cannot be cancelled, with its state
  10243: 'rejected', // fractional size through the API
  10318: 'rejected', // not for a cash account
  10349: 'info', // time in force set by a preset
};

export function meaningOf(code: number, message: string): CodeMeaning {
  if (/read-?only/i.test(message)) return 'read-only';
  if (code >= 2100 && code < 3000) return 'info';
  if (/^(Order Message|Warning)|\bWarning:/i.test(message)) return 'info';
  return MEANINGS[code] ?? 'unknown';
}

/** Between TWS and Interactive Brokers: lost, or back. Sent without a request. */
export function connectivity(code: number): 'lost' | 'restored' | undefined {
  if (code === 1100 || code === 2110) return 'lost';
  return code === 1101 || code === 1102 ? 'restored' : undefined;
}

export const CLIENT_ID_IN_USE = 326;

export const readOnlyError = (): QuantlineError =>
  new QuantlineError('CREDENTIALS', 'The API of TWS is read-only: it shows neither orders nor takes any.', {
    hint: 'In TWS or IB Gateway: Configure → API → Settings, clear "Read-Only API".',
    details: { outcome: 'not_sent' },
  });

export const serverLostError = (): QuantlineError =>
  new QuantlineError(
    'UNAVAILABLE',
    'TWS has lost its connection to Interactive Brokers (1100); what it shows may be old.',
    {
      hint: 'It reconnects by itself; try again in a moment.',
      details: { outcome: 'not_sent' },
    },
  );
