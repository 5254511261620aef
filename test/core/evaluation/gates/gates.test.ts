import { describe, expect, it } from 'vitest';
import { QuantlineError } from '../../../../src/core/errors/index.js';
import { judge, NAMED_GATES, parseCondition, parseGate } from '../../../../src/core/evaluation/gates/index.js';
import { FIGURE_NAMES } from '../../../../src/core/evaluation/metrics/index.js';
import { SIGNIFICANCE } from '../../../../src/core/evaluation/significance/index.js';

const parse = (text: string) => parseCondition(text, FIGURE_NAMES);
function failure(run: () => unknown): QuantlineError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(QuantlineError);
    return error as QuantlineError;
  }
  throw new Error('did not throw');
}

describe('reading conditions', () => {
  it.each([
    ['sharpe>=1', { figure: 'sharpe', op: '>=', threshold: 1 }],
    ['max_drawdown>=-0.2', { figure: 'max_drawdown', op: '>=', threshold: -0.2 }],
    ['  profit_factor > 1.2 ', { figure: 'profit_factor', op: '>', threshold: 1.2 }],
    ['trades>=30', { figure: 'trades', op: '>=', threshold: 30 }],
    ['volatility<=15%', { figure: 'volatility', op: '<=', threshold: 0.15 }],
    ['turnover<1e2', { figure: 'turnover', op: '<', threshold: 100 }],
  ])('%s', (text, expected) => {
    expect(parse(text)).toEqual(expected);
  });

  it.each([
    ['sharpe', 7, /expected one of >= <= > </],
    ['sharpe=1', 7, /expected one of/],
    ['sharpe=>1', 7, /expected one of/],
    ['sharpe >= ', 11, /expected a number after >=/],
    [' sharpe>=one', 10, /expected a number/],
    ['sharpe>=1,5', 9, /expected a number/],
    ['>=1', 1, /expected a figure/],
  ])('%j is refused at column %i', (text, column, message) => {
    const error = failure(() => parse(text));
    expect(error.code).toBe('USAGE');
    expect(error.message).toMatch(message);
    expect(error.details['column']).toBe(column);
  });

  it('names the nearest figure', () => {
    expect(failure(() => parse('sharp>=1')).hint).toBe('Did you mean sharpe?');
    expect(failure(() => parse(' max_drawdwn>=-0.2')).details['column']).toBe(2);
  });
});

describe('gates', () => {
  it('expands default to its newest version and prints which', () => {
    const newest = NAMED_GATES.filter((g) => g.name === 'default').at(-1)!;
    const gate = parseGate(['default'], FIGURE_NAMES);
    expect(gate.name).toBe(`default@${newest.version}`);
    expect(gate.conditions).toEqual(newest.conditions);
    const known = [...FIGURE_NAMES, ...Object.keys(SIGNIFICANCE)];
    for (const named of NAMED_GATES) for (const c of named.conditions) expect(known).toContain(c.figure);
  });

  it('lets a condition after a name replace the one on the same figure and side', () => {
    const gate = parseGate(['default@1', 'sharpe>=2', 'volatility<=0.3'], FIGURE_NAMES);
    expect(gate.conditions.filter((c) => c.figure === 'sharpe')).toEqual([
      { figure: 'sharpe', op: '>=', threshold: 2 },
    ]);
    expect(gate.conditions.some((c) => c.figure === 'volatility')).toBe(true);
    const strict = parseGate(['default@1', 'sharpe>2'], FIGURE_NAMES).conditions.filter((c) => c.figure === 'sharpe');
    expect(strict.map((c) => c.op)).toEqual(['>']);
    expect(parseGate(['sharpe>=1', 'sharpe<5'], FIGURE_NAMES).conditions).toHaveLength(2);
  });

  it('refuses unknown names and an empty list', () => {
    expect(failure(() => parseGate(['defualt'], FIGURE_NAMES)).message).toBe('There is no gate "defualt".');
    expect(failure(() => parseGate(['sharpe'], FIGURE_NAMES)).hint).toBe(
      'Did you mean a condition, such as sharpe>=1?',
    );
    expect(failure(() => parseGate(['default@99'], FIGURE_NAMES)).code).toBe('USAGE');
    expect(failure(() => parseGate([], FIGURE_NAMES)).message).toBe('The gate has no condition.');
  });
});

describe('verdicts', () => {
  const gate = parseGate(['sharpe>=1', 'max_drawdown>=-0.2', 'profit_factor>1.2', 'trades>=30'], FIGURE_NAMES);

  it('passes at the threshold where the operator includes it, with margins on the good side', () => {
    const verdict = judge(gate, { sharpe: 1, max_drawdown: -0.15, profit_factor: 1.5, trades: 30 }, {});
    expect(verdict.pass).toBe(true);
    expect(verdict.failed).toEqual([]);
    expect(verdict.results[1]!.margin).toBeCloseTo(0.05, 14);
  });

  it('fails at the threshold where the operator excludes it', () => {
    const verdict = judge(gate, { sharpe: 0.5, max_drawdown: -0.15, profit_factor: 1.2, trades: 30 }, {});
    expect(verdict.failed).toEqual(['sharpe>=1', 'profit_factor>1.2']);
    expect(verdict.results[0]!.margin).toBe(-0.5);
  });

  it('fails a figure that is not defined, and says why', () => {
    const values = { sharpe: 2, max_drawdown: -0.1, profit_factor: null, trades: 31 };
    const verdict = judge(gate, values, { profit_factor: 'no losing trade, the ratio is unbounded' });
    expect(verdict.pass).toBe(false);
    expect(verdict.results[2]).toMatchObject({
      pass: false,
      margin: null,
      reason: 'not defined: no losing trade, the ratio is unbounded',
    });
    expect(judge(gate, { ...values, profit_factor: Number.NaN }, {}).pass).toBe(false);
    expect(judge(gate, { ...values, profit_factor: undefined }, {}).results[2]!.reason).toContain('not computed');
  });

  it('skips a condition of a named gate only where the figure does not apply', () => {
    const conditional = {
      name: 'x',
      conditions: [{ figure: 'pbo', op: '<=', threshold: 0.5, whereApplicable: true }],
    } as const;
    const skipped = judge(conditional, { pbo: null }, { pbo: 'not applicable: one trial' });
    expect(skipped.pass).toBe(true);
    expect(skipped.results[0]).toMatchObject({ value: null, margin: null, reason: 'not applicable: one trial' });
    expect(judge(conditional, { pbo: null }, { pbo: 'too few sessions' }).pass).toBe(false);
    expect(judge(conditional, { pbo: 0.9 }, {}).pass).toBe(false);
    const plain = { name: 'x', conditions: [{ figure: 'pbo', op: '<=', threshold: 0.5 }] } as const;
    expect(judge(plain, { pbo: null }, { pbo: 'not applicable: one trial' }).pass).toBe(false);
  });

  it('an upper bound has its margin the other way', () => {
    const upper = parseGate(['volatility<=0.3'], FIGURE_NAMES);
    expect(judge(upper, { volatility: 0.2 }, {}).results[0]!.margin).toBeCloseTo(0.1, 14);
  });

  it('a failed check fails the whole, whatever the figures', () => {
    const good = { sharpe: 9, max_drawdown: 0, profit_factor: 9, trades: 99 };
    const verdict = judge(gate, good, {}, [{ name: 'out_of_sample', pass: false, reason: 'made with --in-sample' }]);
    expect(verdict.pass).toBe(false);
    expect(verdict.failed).toEqual(['out_of_sample']);
  });
});
