import { define, type Feature, type FeatureModule, type Fill, type Frame, none } from '../feature.js';
import { cosTurn, sinTurn } from '../trigonometry.js';

const timed = (state: () => Fill): Feature => ({ warmup: 1, memory: 1, sessions: true, state });

/** Where a bar lies on a circle of time; local time of the calendar, at the bar's opening. */
const circle = (name: string, what: string, part: (frame: Frame, row: number) => number): FeatureModule[] => [
  define(`${name}_sin`, `Sine of ${what}.`, none, () =>
    timed(() => (frame, from, to, out) => {
      for (let k = 0; k < to - from; k++) out[k] = sinTurn(part(frame, k));
    }),
  ),
  define(`${name}_cos`, `Cosine of ${what}.`, none, () =>
    timed(() => (frame, from, to, out) => {
      for (let k = 0; k < to - from; k++) out[k] = cosTurn(part(frame, k));
    }),
  ),
];

export const TIME: readonly FeatureModule[] = [
  ...circle('hour', 'the local time of day', ({ sessions }, k) => sessions.day[k]!),
  ...circle('dow', 'the day of the week', ({ sessions }, k) => sessions.weekday[k]! / 7),
  ...circle('month', 'the time of year', ({ sessions }, k) => sessions.year[k]!),
  define('session_pos', "Part of the session that had passed at the bar's opening; NaN outside sessions.", none, () =>
    timed(() => ({ sessions: { progress } }, from, to, out) => {
      for (let k = 0; k < to - from; k++) out[k] = progress[k]!;
    }),
  ),
];
