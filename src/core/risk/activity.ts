import type { TradingCalendar } from '../domain/calendar.js';

/** Sessions from trade to settlement of US equities, by first session (UTC midnight), newest first: SEC Rule 15c6-1. */
const SETTLEMENT: readonly (readonly [from: number, sessions: number])[] = [
  [Date.UTC(2024, 4, 28), 1],
  [Date.UTC(2017, 8, 5), 2],
  [Date.UTC(1995, 5, 7), 3],
  [Number.NEGATIVE_INFINITY, 5],
];

interface Holding {
  quantity: number;
  /** Session (its opening) and side of the newest opening fill. */
  openedIn: number;
  openedSide: number;
}

/** Below this many units nothing is held: the noise of repeated partial fills. */
const DUST = 1e-9;

/**
 * Trades of one account as settlement and day-trading rules count them: proceeds until they settle, and positions that
 * were opened and closed within one session. Fed with every fill in order of time; sessions are named by their opening.
 */
export class SessionActivity {
  private readonly holdings = new Map<string, Holding>();
  private readonly proceeds: { readonly amount: number; readonly settles: number }[] = [];
  private readonly dayTradeSessions: number[] = [];

  constructor(private readonly calendar: TradingCalendar) {}

  /** `side` 1 buys, −1 sells; `costs` are taken from a sale's proceeds. */
  fill(instrument: string, side: number, quantity: number, price: number, costs: number, time: number): void {
    const session = this.tradingSession(time);
    if (side < 0) this.proceeds.push({ amount: quantity * price - costs, settles: this.settles(session) });
    let holding = this.holdings.get(instrument);
    if (holding === undefined) {
      holding = { quantity: 0, openedIn: Number.NaN, openedSide: 0 };
      this.holdings.set(instrument, holding);
    }
    const before = holding.quantity;
    const sum = before + side * quantity;
    const after = Math.abs(sum) < DUST ? 0 : sum;
    const closes = before * side < 0;
    if (closes && holding.openedIn === session && holding.openedSide === -side) {
      this.dayTradeSessions.push(session);
      // Further parts of the same closing are the same day trade.
      holding.openedSide = 0;
    }
    const opens = !closes || after * side > 0;
    if (opens) {
      holding.openedIn = session;
      holding.openedSide = side;
    }
    holding.quantity = after;
  }

  /** Proceeds of sales that an order sent at `time` cannot be paid with yet. */
  unsettled(time: number): number {
    const session = this.tradingSession(time);
    let sum = 0;
    for (let i = this.proceeds.length - 1; i >= 0; i--) {
      const { amount, settles } = this.proceeds[i]!;
      // Settlement only moves forward: everything before has settled as well.
      if (settles <= session) break;
      sum += amount;
    }
    return sum;
  }

  /** Day trades of the last `sessions` sessions, the one in which an order sent at `time` trades included. */
  dayTrades(time: number, sessions: number): number {
    let first = this.tradingSession(time);
    for (let i = 1; i < sessions; i++) first = this.calendar.previousSession(first).open;
    let count = 0;
    for (let i = this.dayTradeSessions.length - 1; i >= 0 && this.dayTradeSessions[i]! >= first; i--) count++;
    return count;
  }

  /** Session in which an order sent at `time` trades: the one that is open, or the next. */
  private tradingSession(time: number): number {
    return this.calendar.nextSession(time).open;
  }

  private settles(session: number): number {
    const sessions = SETTLEMENT.find(([from]) => session >= from)![1];
    let at = this.calendar.nextSession(session);
    for (let i = 0; i < sessions; i++) at = this.calendar.nextSession(at.close);
    return at.open;
  }
}
