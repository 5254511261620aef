import { open, readFile, stat, unlink } from 'node:fs/promises';
import { z } from 'zod';
import { QuantlineError } from '../../errors/index.js';
import {
  type Clock,
  currentOwner,
  isoTime,
  ownerIsGone,
  sha256,
  storageError,
  writeFileAtomic,
} from '../../platform/index.js';
import type { SchwabApp } from './settings.js';

/** What the token file holds. Instants are epoch milliseconds. */
const tokenSchema = z.strictObject({
  schema: z.literal(1),
  /** Hash of the app key that the login was made with. */
  app: z.string(),
  access_token: z.string().min(1),
  access_expires_at: z.number(),
  refresh_token: z.string().min(1),
  /** Seven days after the login; no refresh moves it. */
  refresh_expires_at: z.number(),
});
export type SchwabTokens = z.output<typeof tokenSchema>;

export const appHash = (app: SchwabApp): string => sha256(`schwab:${app.key}`).slice(0, 16);

export const loginHint = 'Run `quantline login schwab`; it needs a browser once every seven days.';

/** Reads the file. @throws QuantlineError CREDENTIALS where it is absent, open to others, damaged or of another app. */
export async function readTokens(path: string, app: SchwabApp): Promise<SchwabTokens> {
  let text: string;
  try {
    const { mode } = await stat(path);
    if (process.platform !== 'win32' && (mode & 0o077) !== 0)
      throw new QuantlineError('CREDENTIALS', `The token file ${path} can be read by others.`, {
        hint: `Run: chmod 600 ${path}`,
      });
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw storageError(error, path);
    throw new QuantlineError('CREDENTIALS', 'Nobody is logged in at Schwab.', { hint: loginHint });
  }
  const parsed = tokenSchema.safeParse(jsonOf(text));
  if (!parsed.success)
    throw new QuantlineError('CREDENTIALS', `The token file ${path} is damaged.`, { hint: loginHint });
  if (parsed.data.app !== appHash(app))
    throw new QuantlineError('CREDENTIALS', 'The login at Schwab was made with another app key.', { hint: loginHint });
  return parsed.data;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export const writeTokens = (path: string, tokens: SchwabTokens): Promise<void> =>
  writeFileAtomic(path, `${JSON.stringify(tokens, undefined, 1)}\n`, { mode: 0o600 });

/** @throws QuantlineError CREDENTIALS once the seven days are over. */
export function refuseExpired(tokens: SchwabTokens, now: number): void {
  if (now >= tokens.refresh_expires_at)
    throw new QuantlineError(
      'CREDENTIALS',
      `The login at Schwab ended at ${isoTime(tokens.refresh_expires_at)}: it lives seven days and cannot be extended.`,
      { hint: loginHint, details: { outcome: 'not_sent', expiredAt: tokens.refresh_expires_at } },
    );
}

/** A process that died with the lock leaves it. On another machine that shows by time alone: no refresh takes this long. */
const LOCK_STALE_MS = 60_000;
const LOCK_WAIT_MS = 30_000;

/** Runs while this process alone holds `<path>.lock`. */
export async function withLock<T>(path: string, clock: Clock, run: () => Promise<T>): Promise<T> {
  const lock = `${path}.lock`;
  const started = clock.monotonic();
  for (;;) {
    try {
      const file = await open(lock, 'wx', 0o600);
      await file.writeFile(currentOwner()).finally(() => file.close());
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw storageError(error, lock);
    }
    if (await isLeft(lock, clock.now())) await unlink(lock).catch(() => {});
    else if (clock.monotonic() - started > LOCK_WAIT_MS)
      throw new QuantlineError('UNAVAILABLE', 'Another process has been refreshing the login at Schwab for too long.', {
        hint: `Try again; if no other process runs, remove ${lock}.`,
      });
    else await new Promise((resolve) => setTimeout(resolve, 50));
  }
  try {
    return await run();
  } finally {
    await unlink(lock).catch(() => {});
  }
}

/** Whether whoever took a lock has died with it. */
async function isLeft(lock: string, now: number): Promise<boolean> {
  try {
    const [{ mtimeMs }, owner] = await Promise.all([stat(lock), readFile(lock, 'utf8')]);
    return now - mtimeMs > LOCK_STALE_MS || ownerIsGone(owner);
  } catch {
    // It was given back meanwhile.
    return false;
  }
}
