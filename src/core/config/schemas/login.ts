import { z } from 'zod';
import { option } from '../option.js';
import { duration, off, word } from './kinds.js';

/** Options of `quantline login schwab`. */
export const loginSchwabOptions = z.strictObject({
  callback: option(
    { summary: 'Callback URL that the app is registered with; on this machine.', value: 'https://127.0.0.1:8182' },
    word().prefault('https://127.0.0.1:8182'),
  ),
  paste: option({ summary: 'Do not listen; the address of the redirect is pasted.', switch: true }, off()),
  timeout: option({ summary: 'How long to wait for the login.', value: '5m' }, duration().prefault('5m')),
});
export type LoginSchwabOptions = z.output<typeof loginSchwabOptions>;
