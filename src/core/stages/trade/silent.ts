import { signOf } from '../../domain/decimal.js';
import { DAY_MS } from '../../domain/index.js';
import { isQuantlineError } from '../../errors/index.js';
import type { Unprotected } from '../../execution/index.js';
import { isoTime } from '../../platform/index.js';
import type { PositionRecord } from '../../state/index.js';

/** The newest bar of an instrument whose next one has not come. */
export interface SilentBar {
  readonly instrument: string;
  readonly close: number;
  /** Its opening instant. */
  readonly time: number;
}

/**
 * What is held of instruments whose bars do not come any more: a halt, or a delisting or rename that no vendor has
 * reported. Nothing decides about it, so a person has to, and is told with its last price and age.
 */
export function silentHoldings(
  problem: unknown,
  positions: readonly PositionRecord[],
  strategy: string,
  now: number,
): readonly Unprotected[] {
  const silent = isQuantlineError(problem)
    ? (problem.details['silent'] as readonly SilentBar[] | undefined)
    : undefined;
  return (silent ?? []).flatMap(({ instrument, close, time }): readonly Unprotected[] => {
    const held = positions.find((each) => each.instrument === instrument);
    if (held === undefined || signOf(held.quantity) === 0) return [];
    const reason =
      `${held.quantity} are held and no bar has come since ${isoTime(time)} (last price ${close}, ${ageOf(now - time)} old). ` +
      'Was it halted, renamed or delisted? Look at the broker. ' +
      `quantline flatten --strategy ${strategy} closes what is held; a report without it lets the others go on`;
    return [{ instrument, reason, lacks: 'management' }];
  });
}

const ageOf = (ms: number): string => {
  const hours = Math.floor(ms / 3_600_000);
  return ms >= 2 * DAY_MS
    ? `${Math.floor(ms / DAY_MS)} days`
    : hours >= 2
      ? `${hours} hours`
      : `${Math.floor(ms / 60_000)} minutes`;
};
