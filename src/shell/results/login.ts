import { z } from 'zod';
import { time } from './common.js';

/** `login schwab`. */
export const loginResult = z.strictObject({
  token_file: z.string().describe('Path of the file that keeps the tokens'),
  expires_at: time.describe('When the login ends; it cannot be extended'),
  accounts: z.int().describe('Accounts that it can see'),
});
