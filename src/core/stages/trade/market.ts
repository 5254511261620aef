import type { CorporateAction } from '../../domain/index.js';
import type { Holding, LiveTick, TickSource } from '../../engine/live/index.js';

/** What a session trades on: a dataset replayed, or bars as they arrive. */
export interface TradeMarket {
  readonly source: TickSource;
  /** Ticks after this instant are not traded. */
  readonly until: number;
  /** The first slot after an instant; Infinity where slots come as they are asked for. */
  slotAfter(time: number): number;
  /** Called before a tick is told to the venue. */
  arrive(tick: LiveTick): void;
  /** Runs beside a resident session: whatever brings bars. */
  follow(signal: AbortSignal): Promise<void>;
  /** Called after a tick is dealt with; what needs no haste. */
  settle(slot: number, signal: AbortSignal): Promise<void>;
  /**
   * Corporate actions of what is held, after the session in which it was bought, up to the session of today; `announced`:
   * asked of the source anew, up to the coming session.
   */
  actions(held: readonly Holding[], announced: boolean): Promise<readonly CorporateAction[]>;
  close(): Promise<void>;
}
