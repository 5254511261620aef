import { nearest, valueError } from '../../config/index.js';
import { QuantlineError } from '../../errors/index.js';

export const GATE_OPERATORS = ['>=', '<=', '>', '<'] as const;
export type GateOperator = (typeof GATE_OPERATORS)[number];

/** One requirement on a figure, as `sharpe>=1`. */
export interface GateCondition {
  readonly figure: string;
  readonly op: GateOperator;
  readonly threshold: number;
  /** Of a named gate only: holds where the figure applies, and is skipped where it does not (one trial has no PBO). */
  readonly whereApplicable?: true;
}

/** Parts of one. */
const UNITS: Readonly<Record<string, number>> = { '%': 100, bp: 10_000 };

/** Reads one condition such as `max_drawdown>=-20%` or `slippage<=5bp`. Errors name the column; an unknown figure its nearest name. */
export function parseCondition(text: string, figures: readonly string[]): GateCondition {
  const match = /^(\s*)([^<>=!\s]*)(\s*)([<>=!]*)(\s*)(.*?)\s*$/.exec(text)!;
  const [, lead = '', figure = '', gap = '', op = '', space = '', number = ''] = match;
  const columnOfOp = lead.length + figure.length + gap.length + 1;
  if (figure === '') throw valueError(text, 'expected a figure, as in sharpe>=1', lead.length + 1);
  if (!figures.includes(figure)) {
    const near = nearest(figure, figures);
    const message = `cannot read "${text}" at column ${lead.length + 1}: there is no figure "${figure}"`;
    throw new QuantlineError('USAGE', message, {
      hint: near === undefined ? `Use one of ${figures.join(', ')}.` : `Did you mean ${near}?`,
      details: { text, column: lead.length + 1, figure },
    });
  }
  if (!(GATE_OPERATORS as readonly string[]).includes(op))
    throw valueError(text, `expected one of ${GATE_OPERATORS.join(' ')} after ${figure}`, columnOfOp);
  const columnOfNumber = columnOfOp + op.length + space.length;
  const unit = /(%|bp)?$/.exec(number)![0];
  const digits = unit === '' ? number : number.slice(0, -unit.length);
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(digits))
    throw valueError(text, `expected a number after ${op}`, columnOfNumber);
  return { figure, op: op as GateOperator, threshold: Number(digits) / (UNITS[unit] ?? 1) };
}

export const conditionText = (c: GateCondition): string => `${c.figure}${c.op}${c.threshold}`;
