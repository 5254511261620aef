import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { QuantlineError } from '../../../src/core/errors/index.js';
import { FEATURES, featureModulePaths, parseFeatures, parseLabel } from '../../../src/core/features/index.js';
import { market, matrix } from './market.js';

const failure = (run: () => unknown): QuantlineError => {
  try {
    run();
  } catch (error) {
    if (error instanceof QuantlineError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
};

describe('canonical columns', () => {
  it.each([
    ['ret', ['ret(1)']],
    [' ret(5) ,rsi( 14 )', ['ret(5)', 'rsi(14)']],
    ['ret(5)\nrsi(14)\n\nhour_sin,', ['ret(5)', 'rsi(14)', 'hour_sin']],
    ['bb_pctb', ['bb_pctb(20,2)']],
    ['bb_pctb(20, width=2.5)', ['bb_pctb(20,2.5)']],
    ['macd_hist(slow=30)', ['macd_hist(12,30,9)']],
    ['lag(rsi, 2)', ['lag(rsi(14),2)']],
    ['lag(rsi)', ['lag(rsi(14),1)']],
    ['lags(ret(1), 3)', ['lag(ret(1),1)', 'lag(ret(1),2)', 'lag(ret(1),3)']],
    ['lag(change(zscore(10), 2), 1)', ['lag(change(zscore(10),2),1)']],
    ['ti.doji, ti.rsi(7)', ['ti.doji', 'rsi(7)'.replace('rsi', 'ti.rsi')]],
    ['hour_sin()', ['hour_sin']],
  ])('%s', (text, columns) => {
    const set = parseFeatures(text);
    expect(set.columns).toEqual(columns);
    // The canonical text reads back as the same set.
    expect(parseFeatures(set.text).columns).toEqual(columns);
  });

  it('a preset adds its columns once', () => {
    const set = parseFeatures('rsi(14), preset:core, ret(1)');
    expect(set.columns.filter((c) => c === 'rsi(14)')).toHaveLength(1);
    expect(set.columns[0]).toBe('rsi(14)');
    expect(set.columns).toContain('ema_ratio(10,50)');
  });

  it('needs are those of the neediest column', () => {
    const set = parseFeatures('ret(5), sma_dist(200), lag(rsi(14), 30)');
    expect(set.warmup).toBe(200);
    expect(parseFeatures('lag(ret(5), 30)').warmup).toBe(36);
    expect(parseFeatures('session_vwap_dist', { interval: '5m' }).memory).toBe(289);
  });
});

describe('errors point at the column', () => {
  it.each([
    ['ret(5), rsy(14)', 9, 'There is no feature "rsy"', 'Did you mean "rsi"?'],
    ['ret(5), ema_ration(10,50)', 9, 'no feature "ema_ration"', 'Did you mean "ema_ratio"?'],
    ['preset:cor', 1, 'no feature "preset:cor"', 'Did you mean "preset:core"?'],
    ['ret(5) rsi(14)', 8, 'Expected a comma', 'Separate features by commas'],
    ['ret(5', 4, 'The bracket is not closed', 'Add ")"'],
    ['ret(x)', 5, 'takes numbers, not a feature', 'lag'],
    ['ret(5%)', 6, 'Expected "," or ")"', 'commas'],
    ['rsi(14, 3)', 9, 'rsi takes 1 argument', 'Write rsi(period=14).'],
    ['hour_sin(1)', 10, 'hour_sin takes no arguments', 'Write hour_sin.'],
    ['rsi(0)', 5, 'rsi: period', 'Write rsi(period=14).'],
    ['rsi(2.5)', 5, 'rsi: period', 'Write rsi(period=14).'],
    ['macd_hist(26,12)', 14, 'macd_hist: slow: fast must be below slow', 'Write macd_hist'],
    ['bb_pctb(20, widht=2)', 19, 'bb_pctb has no setting "widht"', 'Did you mean "width"?'],
    ['rsi(14, period=3)', 16, '"period" is given twice', 'Write rsi'],
    ['ret(5), ret(5)', 9, 'ret(5) is given twice', 'Leave one of them out.'],
    ['lag(5)', 5, 'lag needs a feature first', 'Write lag(rsi(14), 1).'],
    ['lag(rsi, 0)', 10, 'lag needs a whole number of bars from 1 on', 'Write lag'],
    ['', 1, 'Nothing is given', 'Give at least one'],
    ['ret(5), %', 9, 'Expected a name', 'Write names'],
    ['preset:core(3)', 12, 'preset:core takes no arguments', 'Write preset:core.'],
    ['./mine.ts(3)', 1, 'The module ./mine.ts is not loaded', 'Check the path'],
  ])('%s', (text, column, message, hint) => {
    const error = failure(() => parseFeatures(text));
    expect(error.code).toBe('USAGE');
    expect(error.message).toContain(message);
    expect(error.hint).toContain(hint);
    expect(error.details['column']).toBe(column);
    const [, shown, caret] = error.message.split('\n');
    expect(caret?.indexOf('^')).toBe((shown?.length ?? 0) - text.length + column - 1);
  });

  it('shows the place in a long text', () => {
    const text = `${'ret(5), '.repeat(1)}${Array.from({ length: 60 }, (_, i) => `ret(${i + 10})`).join(', ')}, rsy(14)`;
    const error = failure(() => parseFeatures(text));
    const [, shown, caret] = error.message.split('\n');
    expect(shown?.slice(caret?.indexOf('^'), (caret?.lastIndexOf('^') ?? 0) + 1)).toBe('rsy');
    expect(shown!.length).toBeLessThan(100);
  });
});

describe("a user's own module", () => {
  const body = {
    name: 'body-share',
    summary: 'Body of the bar as a share of its range, k times.',
    settings: z.object({ k: z.number().default(1) }),
    create: ({ k }: { k: number }) => ({
      warmup: 1,
      memory: 1,
      state: () => ({
        update: (bars: { open: Float64Array; high: Float64Array; low: Float64Array; close: Float64Array }, i: number) =>
          (k * (bars.close[i]! - bars.open[i]!)) / (bars.high[i]! - bars.low[i]!),
      }),
    }),
  };
  const userModules = new Map([['./body.ts', { module: body, sha256: 'abc' }]]);

  it('is named by its path, computed like ours, and known by its hash', () => {
    const text = 'ret(1), ./body.ts(2), lag(./body.ts, 3)';
    expect(featureModulePaths(text)).toEqual(['./body.ts']);
    const set = parseFeatures(text, { userModules });
    expect(set.columns).toEqual(['ret(1)', 'body-share(2)', 'lag(body-share(1),3)']);
    expect(set.text).toBe('ret(1), ./body.ts(2), lag(./body.ts(1),3)');
    expect(set.identity).toEqual({ columns: set.columns, modules: { 'body-share': 'abc' } });
    const bars = market(50, 4, '1d');
    const rows = matrix(set, bars);
    const ours = matrix(parseFeatures('body'), bars);
    for (let i = 3; i < 50; i++) {
      expect(rows[3 * i + 1]).toBeCloseTo(2 * ours[i]!, 12);
      expect(rows[3 * i + 2]).toBeCloseTo(ours[i - 3]!, 12);
    }
  });
});

describe("a user's module that is not a feature", () => {
  const made = (feature: unknown) =>
    new Map([
      [
        './x.ts',
        {
          module: { name: 'x', summary: 'A defect.', settings: z.object({}), create: () => feature as never },
          sha256: 'abc',
        },
      ],
    ]);
  it.each([
    ['warmup', { warmup: 0, memory: 1, state: () => () => {} }],
    ['memory', { warmup: 1, memory: Number.POSITIVE_INFINITY, state: () => () => {} }],
    ['state', { warmup: 1, memory: 1 }],
    ['warmup', undefined],
  ])('%s', (word, feature) => {
    const error = failure(() => parseFeatures('ret(1), ./x.ts', { userModules: made(feature) }));
    expect(error.message).toContain(`./x.ts: ${word}`);
    expect(error.details['column']).toBe(9);
  });
});

describe('labels', () => {
  const bars = market(20, 9, '1d');
  const known = bars.time.map((t) => t + 23_400_000);

  it('return(n) is what a decision earns that fills at the next open', () => {
    const label = parseLabel('return(3)');
    expect(label).toMatchObject({ text: 'return(3)', horizon: 4, scoreKind: 'return' });
    const { values, endIndex, endTime } = label.compute(bars, known);
    expect(values[2]).toBe(bars.open[6]! / bars.open[3]! - 1);
    expect(endIndex[2]).toBe(6);
    expect(endTime[2]).toBe(known[6]);
    expect(values[15]).not.toBeNaN();
    for (let t = 16; t < 20; t++) {
      expect(values[t]).toBeNaN();
      expect(endIndex[t]).toBe(-1);
      expect(endTime[t]).toBeNaN();
    }
  });

  it('a label does not change with what comes after its end', () => {
    const label = parseLabel('return(3)');
    const before = label.compute(bars, known);
    const later = { ...bars, open: bars.open.slice() };
    for (let i = 7; i < 20; i++) later.open[i]! *= 3;
    const after = label.compute(later, known);
    for (let t = 0; t < 20; t++)
      if (before.endIndex[t]! >= 0 && before.endIndex[t]! < 7) expect(after.values[t]).toBe(before.values[t]);
  });

  it('direction(n) is 1 for a rise and 0 otherwise', () => {
    const flat = { ...bars, open: Float64Array.from(bars.open, (_, i) => [1, 1, 2, 2, 1][i % 5]!) };
    const { values } = parseLabel('direction').compute(flat, known);
    expect([...values.slice(0, 5)]).toEqual([1, 0, 0, 0, 0]);
    expect(parseLabel('direction').text).toBe('direction(1)');
  });

  it.each([
    ['retrun(5)', 1, 'There is no label "retrun"', 'Did you mean "return(5)"?'],
    ['return(0)', 8, 'return: bars', 'Write return(bars=1).'],
    ['return(5), direction(5)', 12, 'one label', 'Leave the others out.'],
    ['return(rsi)', 8, 'takes a number of bars', 'Write return(5).'],
  ])('%s', (text, column, message, hint) => {
    const error = failure(() => parseLabel(text));
    expect(error.message).toContain(message);
    expect(error.hint).toContain(hint);
    expect(error.details['column']).toBe(column);
  });
});

it('every feature says what it is, and takes its defaults', () => {
  for (const [name, feature] of FEATURES) {
    expect(feature.summary.length, name).toBeGreaterThan(10);
    expect(feature.name).toBe(name);
    expect(parseFeatures(name).columns).toHaveLength(1);
  }
});
