import { z } from 'zod';
import { QuantlineError } from '../../errors/index.js';
import type { Broker } from '../broker.js';

export const name = 'tdameritrade';
export const summary = 'Moved to Charles Schwab; says what to use instead.';

export const settings = z.strictObject({});

/** What every use of it is answered with: neither the accounts nor the interface exist any more. */
export const moved = (): QuantlineError =>
  new QuantlineError(
    'CONFIG',
    'TD Ameritrade’s accounts and API moved to Charles Schwab; its own API no longer exists.',
    {
      hint: 'Register an app at developer.schwab.com, run `quantline login schwab`, then trade with --broker schwab --live; without real money use --broker sim.',
    },
  );

/** @throws QuantlineError CONFIG always. */
export function create(): Broker {
  throw moved();
}
