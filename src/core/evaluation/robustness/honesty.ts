import { allocateBars, type BarColumns, sliceBars } from '../../domain/bars.js';
import { childSeed, seededRandom } from '../../domain/random.js';
import { isoTime } from '../../platform/clock.js';
import type { HonestyResult } from '../report/document.js';
import { type Replay, rerun, scoreAll } from './replay.js';

/** Where the traded range is cut for truncation and scrambling, as shares of it. */
const CUTS = [0.35, 0.65, 0.9] as const;

/** The run again, from its artefact: equal equity to the last bit, or the artefact is not what it says. */
export function reproduces(replay: Replay, equity: Float64Array): HonestyResult {
  const again = rerun(replay).equity.equity;
  const at = again.findIndex((value, k) => value !== equity[k]);
  const pass = again.length === equity.length && at < 0;
  return {
    name: 'reproduces',
    pass,
    detail: pass
      ? `Run again, ${equity.length} marks are equal to the last bit.`
      : 'Run again, the equity differs from what the run recorded.',
    ...(at >= 0 && { broke_at: brokeAt(replay, 0, at, equity.length) }),
  };
}

/**
 * With all bars after a cut removed, no score before it may change. Then bar by bar, as in live trading: each score with no
 * bar there after its own. Three cuts alone would miss what looks ahead on some bars only.
 */
export function truncation(replay: Replay): HonestyResult {
  const result = unchanged(replay, 'truncation', 'removed', (bars, cut) => sliceBars(bars, 0, cut));
  return result.pass ? growing(replay, result) : result;
}

/**
 * With all bars after a cut drawn anew, no score before it may change. The new bars are the old ones in random order with
 * random jumps: scaling alone would leave a leak through ratios unseen.
 */
export const scrambling = (replay: Replay, seed: number): HonestyResult =>
  unchanged(replay, 'scrambling', 'scrambled', (bars, cut, c, j) => scramble(bars, cut, childSeed(seed, c, j)));

function unchanged(
  replay: Replay,
  name: string,
  verb: string,
  change: (bars: BarColumns, cut: number, c: number, j: number) => BarColumns,
): HonestyResult {
  const { feed, from, to, signals } = replay;
  let compared = 0;
  for (const [c, share] of CUTS.entries()) {
    const tick = from + Math.floor((to - from) * share);
    const cuts = feed.bars.map((_, j) => barsBefore(replay, j, tick));
    const scores = scoreAll(
      replay,
      feed.bars.map((bars, j) => change(bars, cuts[j]!, c, j)),
    );
    for (let j = 0; j < scores.length; j++) {
      for (let i = 0; i < cuts[j]!; i++) {
        compared++;
        if (Object.is(scores[j]![i], signals.scores[j]![i])) continue;
        return {
          name,
          pass: false,
          detail: `With the bars after ${isoTime(feed.bars[j]!.time[cuts[j]! - 1]!)} ${verb}, a score before them changed: it looks ahead.`,
          broke_at: { instrument: feed.instruments[j]!.id, time: isoTime(feed.bars[j]!.time[i]!) },
        };
      }
    }
  }
  return {
    name,
    pass: true,
    detail: `${compared} scores before ${CUTS.length} cuts stayed equal to the last bit with all later bars ${verb}.`,
  };
}

/** Scores that are made with no later bar there: in all, and bars of all their series together. */
const GROWN = 5000;
const GROWN_BARS = 5e8;

/** Scores a growing series: every bar of the traded range last, or as many bars at random as are affordable. */
function growing(replay: Replay, passed: HonestyResult): HonestyResult {
  const { model, feed, signals, calendars, from, to } = replay;
  let compared = 0;
  for (const [j, bars] of feed.bars.entries()) {
    const [first, end] = [barsBefore(replay, j, from - 1), barsBefore(replay, j, to - 1)];
    const steps = Math.max(1, Math.min(GROWN / feed.bars.length, GROWN_BARS / bars.time.length));
    const random = seededRandom(childSeed(1, 'growing', j));
    const stride = Math.max(1, (end - first) / steps);
    const scorer = model.scorer(feed.instruments[j]!, calendars[j]!);
    const out = new Float64Array(end);
    for (let done = 0; done < end; ) {
      const step = done < first ? first : 1 + Math.floor(2 * (stride - 1) * random.next() + 0.5);
      const next = Math.min(end, done + step);
      scorer.consume(sliceBars(bars, 0, next), done, next, out);
      if (!Object.is(out[next - 1], signals.scores[j]![next - 1])) {
        const time = isoTime(bars.time[next - 1]!);
        return {
          name: passed.name,
          pass: false,
          detail: `With no bar after it the score of ${time} is another one: it looks ahead.`,
          broke_at: { instrument: feed.instruments[j]!.id, time },
        };
      }
      compared++;
      done = next;
    }
  }
  return { ...passed, detail: `${passed.detail.slice(0, -1)}, and ${compared} with no bar after their own.` };
}

/** Tolerance of a score once the start of the series is said not to matter. */
const FADED = 1e-9;
/** Share of scores that may differ more: a threshold inside a tree may flip on the last bit of a feature. */
const FLIPS = 0.001;

/** Started late, the scores agree as soon as the model's stated memory has passed. */
export function lateStart(replay: Replay): HonestyResult {
  const { model, feed, signals } = replay;
  const name = 'late-start';
  if (!Number.isFinite(model.memory))
    return { name, pass: true, detail: 'Not applicable: the model says that the start of the series always matters.' };
  let compared = 0;
  let differing = 0;
  let broke: HonestyResult['broke_at'];
  for (let j = 0; j < feed.bars.length; j++) {
    const bars = feed.bars[j]!;
    const start = Math.floor((bars.time.length - model.memory) / 2);
    if (start < 1) continue;
    const late = sliceBars(bars, start);
    const out = new Float64Array(late.time.length);
    model.scorer(feed.instruments[j]!, replay.calendars[j]!).consume(late, 0, out.length, out);
    for (let i = model.memory; i < out.length; i++) {
      const a = out[i]!;
      const b = signals.scores[j]![start + i]!;
      compared++;
      if (Object.is(a, b) || Math.abs(a - b) <= FADED * Math.max(1, Math.abs(b))) continue;
      differing++;
      broke ??= { instrument: bars.instrument, time: isoTime(bars.time[start + i]!) };
    }
  }
  if (compared === 0)
    return { name, pass: true, detail: `Not applicable: fewer bars than the model's memory of ${model.memory}.` };
  const pass = differing <= FLIPS * compared;
  return {
    name,
    pass,
    detail: `Started late, ${compared - differing} of ${compared} scores agree after ${model.memory} bars.`,
    ...(!pass && broke !== undefined && { broke_at: broke }),
  };
}

/** Bars of instrument j that are known at or before a tick. */
function barsBefore({ feed }: Replay, j: number, tick: number): number {
  for (let k = tick; k >= 0; k--) {
    const i = feed.barAt[j]![k]!;
    if (i >= 0) return i + 1;
  }
  return 0;
}

/** Copies bars, those from `cut` on shuffled with prices times a random factor each; times stay. */
export function scramble(bars: BarColumns, cut: number, seed: number): BarColumns {
  const n = bars.time.length;
  const out = allocateBars(bars.instrument, bars.interval, n);
  for (const field of ['time', 'open', 'high', 'low', 'close', 'volume'] as const) out[field].set(bars[field]);
  const random = seededRandom(seed);
  for (let i = cut; i < n; i++) {
    const from = cut + Math.floor(random.next() * (n - cut));
    const factor = 0.5 + random.next();
    for (const field of ['open', 'high', 'low', 'close'] as const) out[field][i] = bars[field][from]! * factor;
    out.volume[i] = bars.volume[from]! * (0.5 + random.next());
  }
  return out;
}

function brokeAt({ feed, from }: Replay, j: number, tick: number, marks: number): { instrument: string; time: string } {
  return { instrument: feed.instruments[j]!.id, time: isoTime(feed.clock[from + Math.min(tick, marks - 1)]!) };
}
