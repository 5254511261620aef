import { type ExecutionContext, isExiting } from '../../execution/index.js';
import type { ExecutionRecord, OrderRecord, PositionRecord } from '../../state/index.js';
import type { AccountView } from '../decide.js';
import type { RunnerMemory } from './memory.js';
import { openMoney, workingEntries } from './others.js';
import type { TickSource } from './tick.js';

/** The last closing fill of each instrument that its protection closed: what a lockout hangs on. */
type Closings = Map<string, { readonly execution: string; readonly side: number }>;

/** Keeps the account view up to date from the journal: what the strategy itself owns and has under way. */
export class AccountKeeper {
  readonly view: AccountView;
  /** Positions of instruments that are not traded here. */
  readonly unknown: PositionRecord[] = [];
  /** What the strategy owned and had under way when the journal was last read. */
  positions: readonly PositionRecord[] = [];
  open: readonly OrderRecord[] = [];
  private readonly closings: Closings = new Map();
  private closes: Readonly<Record<string, number>> = {};
  private readonly index: ReadonlyMap<string, number>;

  constructor(
    private readonly context: ExecutionContext,
    private readonly source: TickSource,
  ) {
    const size = source.instruments.length;
    this.index = new Map(source.instruments.map((name, j) => [name, j]));
    this.view = {
      equity: 0,
      cash: 0,
      quantity: new Float64Array(size),
      entering: new Int8Array(size),
      ordered: (j) => this.ordered(j),
      exiting: new Uint8Array(size),
      entryBar: new Int32Array(size),
      lockout: new Int8Array(size),
      halted: false,
    };
  }

  /** Reads the strategy's past fills once, for what closed its positions. */
  async start(): Promise<void> {
    const { journal, scope } = this.context;
    await this.noteFills((await journal.fills({ scope })).filter((fill) => !fill.void));
  }

  /** Positions and working orders of the journal, and what follows from them. */
  async refresh(booked: readonly ExecutionRecord[], memory: RunnerMemory): Promise<void> {
    const { journal, scope } = this.context;
    await this.noteFills(booked);
    this.positions = await journal.positions(scope);
    this.open = await journal.orders({ scope, open: true });
    this.look(memory);
  }

  /** Positions, working orders and lockouts at the bars of now. */
  look(memory: RunnerMemory): void {
    const { quantity, entering, exiting, entryBar, lockout } = this.view;
    this.closes = memory.closes;
    quantity.fill(0);
    entering.fill(0);
    exiting.fill(0);
    lockout.fill(0);
    this.unknown.length = 0;
    for (const position of this.positions) {
      const j = this.index.get(position.instrument);
      if (j === undefined) {
        this.unknown.push(position);
        continue;
      }
      quantity[j] = Number(position.quantity);
      const [first] = position.lots;
      entryBar[j] = first === undefined ? 0 : this.source.barAt(j, first.time);
    }
    for (const order of this.open) {
      const j = this.index.get(order.instrument);
      if (j === undefined) continue;
      if (order.leg === 'entry') entering[j] = order.request.side === 'buy' ? 1 : -1;
      // The rest of a target may wait for ever: a signal or a time stop goes before it.
      else if (isExiting(order) && order.leg !== 'target') exiting[j] = 1;
    }
    for (const [name, closing] of this.closings) {
      const j = this.index.get(name)!;
      if (quantity[j] !== 0) continue;
      const known = memory.lockouts[name];
      if (known?.execution !== closing.execution) memory.lockouts[name] = { ...closing, released: false };
      if (!memory.lockouts[name]!.released) lockout[j] = closing.side;
    }
  }

  private ordered(j: number): number {
    const name = this.source.instruments[j]!;
    const entries = workingEntries(this.open.filter(({ instrument }) => instrument === name));
    return entries.reduce((sum, order) => {
      const money = openMoney(order, this.closes[name] ?? Number.NaN);
      return sum + (order.request.side === 'buy' ? money : -money);
    }, 0);
  }

  private async noteFills(fills: readonly ExecutionRecord[]): Promise<void> {
    const orders = await this.context.journal.ordersById([...new Set(fills.map((fill) => fill.clientOrderId))]);
    const byId = new Map(orders.map((order) => [order.clientOrderId, order]));
    for (const fill of fills) {
      const order = byId.get(fill.clientOrderId);
      if (order === undefined || fill.kind !== 'fill' || !this.index.has(fill.instrument)) continue;
      const watched = order.request.purpose === 'stop_loss' || order.request.purpose === 'take_profit';
      if (order.leg === 'stop' || order.leg === 'target' || watched) {
        this.closings.set(fill.instrument, { execution: fill.executionId, side: fill.side === 'sell' ? 1 : -1 });
      } else this.closings.delete(fill.instrument);
    }
  }
}
