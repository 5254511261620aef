import { isQuantlineError } from '../../errors/index.js';
import { Serial } from '../../platform/index.js';
import { currentOwner, type Journal, type Lease, ownerIsGone } from '../../state/index.js';

/** How long a start may trade without renewing its right to. */
export const LEASE_MS = 60_000;

/** A strategy's lease for as long as a start lives: whoever holds it sees the deadline that it was renewed to. */
export class HeldLease implements Lease {
  private readonly serial = new Serial();

  private constructor(
    private readonly journal: Journal,
    private current: Lease,
  ) {}

  /** undefined: another start holds it. */
  static async take(journal: Journal, name: string, now: number): Promise<HeldLease | undefined> {
    const lease = await journal.acquireLease(name, currentOwner(), now, LEASE_MS, ownerIsGone);
    return lease === undefined ? undefined : new HeldLease(journal, lease);
  }

  get name(): string {
    return this.current.name;
  }
  get owner(): string {
    return this.current.owner;
  }
  get token(): number {
    return this.current.token;
  }
  get deadline(): number {
    return this.current.deadline;
  }

  /**
   * Once less than half of it is left. One that ran out meanwhile (a machine that slept) is taken anew, with a later
   * token, where nobody else has it; STATE where somebody has. One at a time: two at once would find each other there.
   */
  renew(now: number): Promise<void> {
    return this.serial.run(() => this.renewOnce(now));
  }

  /**
   * The same, which finds out too whether another has taken it meanwhile, however much of it is left: one that has given
   * it back since (a flattening is over in seconds) has taken the right to trade all the same.
   */
  watch(now: number): Promise<void> {
    return this.serial.run(async () => {
      const holder = await this.journal.leaseHolder(this.name, now);
      if (holder?.token !== this.token && (holder !== undefined || now < this.deadline))
        await this.journal.renewLease(this.current, now, LEASE_MS);
      await this.renewOnce(now);
    });
  }

  private async renewOnce(now: number): Promise<void> {
    if (this.deadline - now >= LEASE_MS / 2) return;
    try {
      this.current = await this.journal.renewLease(this.current, now, LEASE_MS);
    } catch (error) {
      if (!isQuantlineError(error) || error.code !== 'STATE') throw error;
      const again = await this.journal.acquireLease(this.name, currentOwner(), now, LEASE_MS, ownerIsGone);
      if (again === undefined) throw error;
      this.current = again;
    }
  }

  async release(): Promise<void> {
    await this.journal.releaseLease(this.current).catch(() => {});
  }
}
