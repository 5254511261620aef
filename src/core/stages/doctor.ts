import { accessSync, constants, existsSync } from 'node:fs';
import { mkdir, statfs, unlink, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { DoctorOptions } from '../config/index.js';
import type { Session } from '../domain/calendar.js';
import { calendarOf } from '../domain/calendars/index.js';
import { type ExitName, isQuantlineError } from '../errors/index.js';
import { isoTime } from '../platform/index.js';
import { diskOf, isUnresolved, openJournal } from '../state/index.js';
import { hasJournal } from './compose/journal.js';
import { looksLive, openVenue } from './compose/venues.js';
import { engineChecks } from './doctor/engines.js';
import { feedChecks } from './doctor/feeds.js';
import { type Finding, fail, failure, ok, skip, warn } from './doctor/finding.js';
import { notificationCheck } from './doctor/notifications.js';
import type { Runtime } from './runtime.js';

export type { Finding } from './doctor/finding.js';

export interface DoctorReport {
  readonly findings: readonly Finding[];
  /** That of the worst failure; warnings are ok. */
  readonly exit: ExitName;
}

const LOW_DISK = 1024 ** 3;
const NO_DISK = 100 * 1024 ** 2;
/** As `trade` has it: a clock that is further off is named, or stops it. */
const SKEW_WARN_MS = 2_000;
const SKEW_STOP_MS = 30_000;

/** Failures from the worst on. */
const WORST: readonly ExitName[] = ['bug', 'usage', 'config', 'data', 'refused', 'unavailable'];

/** Adapters whose keys are set, and by which variable that is told. */
const KEYS = { alpaca: 'APCA_API_KEY_ID', schwab: 'SCHWAB_APP_KEY', ibkr: 'IB_HOST' } as const;

/** `quantline doctor`: keys, entitlements, clocks, disk, journal, calendar, notifications, engines. Changes nothing. */
export async function doctor(options: DoctorOptions, runtime: Runtime): Promise<DoctorReport> {
  const findings: Finding[] = [...(await disk(runtime)), ...(await journal(runtime)), calendar(runtime)];
  const { secrets } = runtime;
  const known = Object.entries(KEYS).flatMap(([name, variable]) => (secrets[variable] === undefined ? [] : [name]));
  const brokers = options.broker === undefined ? known : [options.broker];
  if (brokers.length === 0) findings.push(skip('broker', 'no keys of a broker are set'));
  for (const name of brokers) findings.push(...(await broker(name, options, runtime)));
  if (brokers.includes('alpaca') && secrets[KEYS.alpaca] !== undefined) findings.push(...(await feedChecks(runtime)));
  findings.push(notificationCheck(options, runtime), ...(await engineChecks(runtime)));
  const exit = WORST.find((code) => findings.some((finding) => finding.status === 'fail' && finding.exit === code));
  return { findings, exit: exit ?? 'ok' };
}

async function disk({ workspace }: Runtime): Promise<readonly Finding[]> {
  const probe = join(workspace, '.doctor');
  try {
    await mkdir(workspace, { recursive: true });
    await writeFile(probe, '');
    await unlink(probe);
  } catch (error) {
    const hint = 'Check owner and mode of the folder, or choose another with --workspace.';
    return [fail('workspace', `${workspace} cannot be written: ${(error as Error).message}`, hint, 'data')];
  }
  const { bavail, bsize } = await statfs(workspace);
  const free = bavail * bsize;
  const detail = `${(free / 1024 ** 3).toFixed(1)} GiB free at ${workspace}`;
  const hint = 'Free some space; `quantline store prune` removes superseded bars.';
  if (free < NO_DISK) return [fail('disk', detail, hint, 'data')];
  return [free < LOW_DISK ? warn('disk', detail, hint) : ok('disk', detail)];
}

async function journal(runtime: Runtime): Promise<readonly Finding[]> {
  if (!hasJournal(runtime)) return [absent(runtime.journal)];
  try {
    const opened = await openJournal(runtime.journal);
    try {
      const { events } = await opened.verify();
      const found = [ok('journal', `${events} events, in order`)];
      const kind = await diskOf(runtime.journal);
      if (kind !== 'local' && kind !== 'server') {
        const hint = 'A real venue refuses it; name a local disk, or a PostgreSQL server.';
        found.push(warn('journal disk', `the journal lies on a disk of the kind ${kind}`, hint));
      }
      for (const scope of await opened.scopes()) {
        const { state, reason } = await opened.state(scope);
        const name = `${scope.strategy} at ${scope.venue}`;
        if (state !== 'active') {
          found.push(warn('strategy', `${name} is ${state}: ${reason ?? 'no reason'}`, 'See `quantline status`.'));
        }
        const open = await opened.orders({ scope, open: true });
        const unknown = open.filter(isUnresolved).length;
        if (unknown > 0) {
          const hint = 'The next start of `quantline trade` looks them up.';
          found.push(warn('strategy', `${name}: ${unknown} orders may or may not be at the venue`, hint));
        }
      }
      return found;
    } finally {
      await opened.close();
    }
  } catch (error) {
    return [failure('journal', error)];
  }
}

/** Whether a journal could be made where there is none yet. */
function absent(path: string): Finding {
  let folder = dirname(resolve(path));
  while (!existsSync(folder)) folder = dirname(folder);
  try {
    // With its slash, so that a file in the folder's place is named as such.
    accessSync(join(folder, '/'), constants.W_OK | constants.X_OK);
    return skip('journal', 'nothing has traded here yet');
  } catch (error) {
    const hint = 'Name another with --journal, or check owner and mode of the folder.';
    return fail('journal', `none can be made at ${path}: ${(error as Error).message}`, hint, 'data');
  }
}

function calendar({ clock }: Runtime): Finding {
  const xnys = calendarOf('XNYS');
  const now = clock.now();
  let session: Session | undefined;
  let next: Session;
  try {
    session = xnys.sessionAt(now);
    next = xnys.nextSession(session?.close ?? now);
  } catch (error) {
    if (!isQuantlineError(error)) throw error;
    const hint = "Set this machine's clock.";
    return fail('calendar', `XNYS has no session after this machine's time, ${isoTime(now)}`, hint, 'config');
  }
  const until = session === undefined ? 'closed' : `open until ${isoTime(session.close)}`;
  return ok(
    'calendar',
    `XNYS is ${until}; the next session is ${next.date}${next.earlyClose ? ', an early close' : ''}`,
  );
}

async function broker(name: string, options: DoctorOptions, runtime: Runtime): Promise<readonly Finding[]> {
  const { clock, workspace } = runtime;
  const { set } = options;
  if (name === 'sim' && !existsSync(join(workspace, 'state', 'sim')))
    return [skip('sim', 'no book yet: nothing has traded on paper here')];
  const live = looksLive(name, options.live);
  const found: Finding[] = [];
  const onExpiring = (text: string): void => void found.push(warn(`${name} login`, text, 'Log in again in time.'));
  try {
    const opened = await openVenue({ broker: name, live, set, onExpiring }, undefined, runtime);
    try {
      const account = await opened.account();
      const kind = account.paper ? 'paper' : 'real money';
      const detail = `account ${account.id} (${kind}) at ${opened.venue}, equity ${account.equity} ${account.currency}`;
      found.push(
        account.blocked
          ? fail(
              name,
              `${detail} may not trade: ${account.reason ?? 'blocked'}`,
              'See the account at the broker.',
              'refused',
            )
          : ok(name, detail),
      );
      if (opened.onTick !== undefined) return found;
      const before = clock.monotonic();
      const theirs = await opened.clock();
      const skew = theirs.now + (clock.monotonic() - before) / 2 - clock.now();
      found.push(skewFinding(`${name} clock`, skew));
      if (theirs.nextClose !== undefined) found.push(hoursFinding(`${name} calendar`, theirs.now, theirs.nextClose));
    } finally {
      await opened.close();
    }
  } catch (error) {
    found.push(failure(name, error));
  }
  return found;
}

function skewFinding(check: string, skew: number): Finding {
  const detail = `${Math.abs(skew / 1000).toFixed(1)} s ${skew > 0 ? 'ahead of' : 'behind'} this machine's`;
  const hint = 'Switch on time synchronisation (NTP).';
  if (Math.abs(skew) > SKEW_STOP_MS) return fail(check, detail, hint, 'config');
  return Math.abs(skew) > SKEW_WARN_MS ? warn(check, detail, hint) : ok(check, detail);
}

/** The venue's next close against our calendar's. */
function hoursFinding(check: string, now: number, close: number): Finding {
  const ours = calendarOf('XNYS').nextSession(now).close;
  if (ours === close) return ok(check, `both close next at ${isoTime(close)}`);
  const detail = `the venue closes next at ${isoTime(close)}, the calendar XNYS at ${isoTime(ours)}`;
  return warn(check, detail, 'An unscheduled closing, or a newer calendar is needed: update Quantline.');
}
