import { join } from 'node:path';
import { QuantlineError } from '../../errors/index.js';
import { guardBaseUrl } from '../../platform/index.js';

export interface SchwabApp {
  readonly key: string;
  readonly secret: string;
}

export const SCHWAB_URL = 'https://api.schwabapi.com';
export const DEFAULT_CALLBACK = 'https://127.0.0.1:8182';

/**
 * Key and secret of the registered app, both or neither.
 * @throws QuantlineError CREDENTIALS where one is missing.
 */
export function schwabApp(secrets: Readonly<Record<string, string>>): SchwabApp {
  const key = secrets['SCHWAB_APP_KEY']?.trim() ?? '';
  const secret = secrets['SCHWAB_APP_SECRET']?.trim() ?? '';
  const missing = [key === '' ? 'SCHWAB_APP_KEY' : '', secret === '' ? 'SCHWAB_APP_SECRET' : ''].filter(Boolean);
  if (missing.length > 0)
    throw new QuantlineError('CREDENTIALS', `Schwab needs ${missing.join(' and ')}.`, {
      hint: 'Register an app at developer.schwab.com and wait until it is "Ready For Use"; put both into the environment or .env.',
    });
  return { key, secret };
}

/** The vendor's host, or one on this machine. @throws QuantlineError CONFIG */
export const schwabUrl = (secrets: Readonly<Record<string, string>>): string =>
  guardBaseUrl(secrets['SCHWAB_BASE_URL']?.trim(), [SCHWAB_URL], 'SCHWAB_BASE_URL');

export const tokenFile = (secrets: Readonly<Record<string, string>>, stateDir: string): string =>
  secrets['SCHWAB_TOKEN_FILE']?.trim() || join(stateDir, 'schwab-token.json');
