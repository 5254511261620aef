import type { BarColumns } from '../domain/bars.js';
import type { SimulatedExchange } from './exchange.js';

/** The finer bars that one bar is made of: rows [from, to) of a series. */
export interface BarPath {
  readonly bars: BarColumns;
  readonly from: number;
  readonly to: number;
  /** After this row one without volume is a halt. */
  readonly halts: number;
}

/** Lets bar i of instrument j happen as the finer bars that it is made of, one after the other. */
export function onPath(
  exchange: SimulatedExchange,
  j: number,
  i: number,
  { bars, from, to, halts }: BarPath,
  spread = 0,
): void {
  const { close, volume } = bars;
  for (let d = from; d < to; d++) {
    if (volume[d] === 0 && d > halts) exchange.onHalt(j, close[d]!);
    else exchange.onRow(j, i, bars, d, spread);
  }
}
