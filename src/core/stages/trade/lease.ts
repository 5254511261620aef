import { currentOwner, type Journal, type Lease, ownerIsGone } from '../../state/index.js';

/** How long a start may trade without renewing its right to. */
export const LEASE_MS = 60_000;

/** A strategy's lease for as long as a start lives: whoever holds it sees the deadline that it was renewed to. */
export class HeldLease implements Lease {
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

  /** Once less than half of it is left. STATE where another has taken it. */
  async renew(now: number): Promise<void> {
    if (this.deadline - now < LEASE_MS / 2) this.current = await this.journal.renewLease(this.current, now, LEASE_MS);
  }

  async release(): Promise<void> {
    await this.journal.releaseLease(this.current).catch(() => {});
  }
}
