import { calendarOf } from '../../domain/calendars/index.js';
import type { Instrument } from '../../domain/instrument.js';
import type { ExecutionContext, ReconcileResult } from '../../execution/index.js';
import { type RiskDesk, SessionActivity } from '../../risk/index.js';

/** What risk policies must know of the whole account, other strategies and hand trades included. */
export class AccountRisk {
  private readonly index: ReadonlyMap<string, number>;
  private readonly activity: SessionActivity;
  /** Executions that `activity` has seen. */
  private readonly seen = new Set<string>();

  constructor(
    private readonly execution: ExecutionContext,
    instruments: readonly Instrument[],
  ) {
    this.index = new Map(instruments.map(({ id }, j) => [id, j]));
    const calendars = new Set(instruments.map(({ calendar }) => calendar));
    this.activity = new SessionActivity(calendarOf(calendars.size === 1 ? [...calendars][0]! : '24/7'));
  }

  /** Before a decision. `owned`: what the strategy itself holds of its instruments. */
  async refresh(risk: RiskDesk, { positions }: ReconcileResult, owned: Float64Array): Promise<void> {
    let others = 0;
    for (const { instrument, quantity, marketPrice, averagePrice } of positions) {
      const j = this.index.get(instrument);
      const foreign = Number(quantity) - (j === undefined ? 0 : owned[j]!);
      // Where the venue gives no price, what was paid is the nearest that is known.
      others += Math.abs(foreign) * Number(marketPrice ?? averagePrice ?? 0);
    }
    risk.state.others = others;
    if (risk.needsActivity) await this.readFills(risk);
  }

  private async readFills(risk: RiskDesk): Promise<void> {
    const { journal, scope } = this.execution;
    const { venue, account } = scope;
    // All at first; later the newest are enough: a slot books few.
    const limit = this.seen.size === 0 ? {} : { limit: 1000 };
    const fills = await journal.fills({ venue, account, ...limit });
    for (const fill of [...fills].sort((a, b) => a.time - b.time)) {
      if (fill.kind !== 'fill' || fill.void || this.seen.has(fill.executionId)) continue;
      this.seen.add(fill.executionId);
      const side = fill.side === 'buy' ? 1 : -1;
      this.activity.fill(
        fill.instrument,
        side,
        Number(fill.quantity),
        Number(fill.price),
        Number(fill.costs ?? 0),
        fill.time,
      );
    }
    risk.state.activity = this.activity;
  }
}
