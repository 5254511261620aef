import { QuantlineError } from '../errors/index.js';
import { isoTime } from '../platform/clock.js';
import type { Sql } from './database.js';
import type { Lease } from './journal.js';

type LeaseRow = Lease;

const read = (sql: Sql, name: string): Promise<LeaseRow | undefined> =>
  sql.get<LeaseRow>('SELECT name, owner, token, deadline FROM leases WHERE name = ?', [name]);

/** A free lease, one past its deadline, or one whose owner is gone; the token grows with every new holder. */
export async function acquireLease(
  sql: Sql,
  name: string,
  owner: string,
  now: number,
  ttl: number,
  gone: (owner: string) => boolean,
): Promise<Lease | undefined> {
  const held = await read(sql, name);
  if (held !== undefined && held.owner !== '' && now < held.deadline && !gone(held.owner)) return undefined;
  const lease = { name, owner, token: (held?.token ?? 0) + 1, deadline: now + ttl };
  await sql.run(
    `INSERT INTO leases (name, owner, token, deadline) VALUES (?, ?, ?, ?)
     ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, token = excluded.token, deadline = excluded.deadline`,
    [lease.name, lease.owner, lease.token, lease.deadline],
  );
  return lease;
}

/** Throws STATE unless the lease is still this one and not past its deadline: the fence in front of every send. */
export const checkLease = async (sql: Sql, lease: Lease, now: number): Promise<LeaseRow> =>
  checkHeld(await read(sql, lease.name), lease, now);

/** As `checkLease`, where it has been read how the lease is held. */
export function checkHeld(held: LeaseRow | undefined, lease: Lease, now: number): LeaseRow {
  const lost = (why: string) =>
    new QuantlineError('STATE', `The lease of ${lease.name} is lost: ${why}. Nothing more is sent.`, {
      hint: 'Another start has taken over, or this one was too slow. Run the command again; it reconciles first.',
      details: { lease: lease.name, token: lease.token, reason: 'lease_lost' },
    });
  if (held === undefined || held.token !== lease.token || held.owner !== lease.owner) {
    throw lost(held === undefined || held.owner === '' ? 'it was released' : `${held.owner} holds it now`);
  }
  if (now >= held.deadline) throw lost(`its deadline ${isoTime(held.deadline)} has passed`);
  return held;
}

export async function renewLease(sql: Sql, lease: Lease, now: number, ttl: number): Promise<Lease> {
  const held = await checkLease(sql, lease, now);
  const deadline = Math.max(held.deadline, now + ttl);
  await sql.run('UPDATE leases SET deadline = ? WHERE name = ?', [deadline, lease.name]);
  return { ...lease, deadline };
}

/** Gives it back; nothing happens where another has it by now. The token stays, so that it never repeats. */
export async function releaseLease(sql: Sql, lease: Lease): Promise<void> {
  await sql.run("UPDATE leases SET owner = '' WHERE name = ? AND token = ?", [lease.name, lease.token]);
}

export async function leaseHolder(sql: Sql, name: string, now: number): Promise<Lease | undefined> {
  const held = await read(sql, name);
  return held === undefined || held.owner === '' || now >= held.deadline ? undefined : held;
}
