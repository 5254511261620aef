import type { OrderIntent } from '../domain/orders.js';
import { canonicalJson } from '../platform/index.js';

/**
 * The canonical event stream that both runners emit: simulated time, no venue ids, numbers in shortest round-trip form.
 * Parity means that the streams of a backtest and of a paper session over the same market are equal byte for byte.
 */
export type EngineEvent =
  | {
      readonly type: 'decision';
      readonly time: number;
      readonly instrument: string;
      readonly score: number | null;
      readonly weight: number;
      readonly reason: string;
    }
  | {
      readonly type: 'verdict';
      readonly time: number;
      readonly instrument: string;
      readonly policy: string;
      readonly wanted: number;
      readonly allowed: number;
    }
  | { readonly type: 'intent'; readonly time: number; readonly intent: OrderIntent; readonly reason: string }
  | {
      readonly type: 'order';
      readonly time: number;
      readonly instrument: string;
      readonly leg: string;
      readonly status: string;
      readonly note: string;
    }
  | {
      readonly type: 'fill';
      readonly time: number;
      readonly instrument: string;
      readonly leg: string;
      readonly side: string;
      readonly price: number;
      readonly quantity: number;
      readonly costs: number;
    };

export interface EventSink {
  emit(event: EngineEvent): void;
}

/** Collects events as lines of canonical JSON. */
export class EventLines implements EventSink {
  readonly lines: string[] = [];
  emit(event: EngineEvent): void {
    this.lines.push(canonicalJson(event));
  }
}
