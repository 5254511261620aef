import type { Gate } from './named.js';
import type { GateCondition, GateOperator } from './parse.js';

/** One gate's outcome. `value` null: the figure is not defined on this run, which fails unless it does not apply. */
export interface GateResult {
  readonly figure: string;
  readonly op: GateOperator;
  readonly threshold: number;
  readonly value: number | null;
  /** Distance to the threshold, positive on the good side; null without a value. */
  readonly margin: number | null;
  readonly pass: boolean;
  /** Why it failed or was skipped, where the number alone does not say it. */
  readonly reason?: string | undefined;
}

/** A requirement that is no number: an in-sample run, a fill without a live order, a failed honesty check. */
export interface GateCheck {
  readonly name: string;
  readonly pass: boolean;
  readonly reason: string;
}

export interface Verdict {
  readonly gate: string;
  readonly pass: boolean;
  readonly results: GateResult[];
  readonly checks: GateCheck[];
  /** Names of what failed, figures as conditions. */
  readonly failed: string[];
}

/** A reason that begins so says that the figure has no meaning for this run, not that it could not be computed. */
export const NOT_APPLICABLE = 'not applicable';

/** Holds a run's figures against a gate. Every condition and every check must pass. */
export function judge(
  gate: Gate,
  values: Readonly<Record<string, number | null | undefined>>,
  reasons: Readonly<Record<string, string | undefined>>,
  checks: readonly GateCheck[] = [],
): Verdict {
  const results = gate.conditions.map((condition) => judgeOne(condition, values, reasons));
  const failed = [
    ...results.filter((r) => !r.pass).map((r) => `${r.figure}${r.op}${r.threshold}`),
    ...checks.filter((c) => !c.pass).map((c) => c.name),
  ];
  return { gate: gate.name, pass: failed.length === 0, results, checks: [...checks], failed };
}

function judgeOne(
  { figure, op, threshold, whereApplicable }: GateCondition,
  values: Readonly<Record<string, number | null | undefined>>,
  reasons: Readonly<Record<string, string | undefined>>,
): GateResult {
  const value = values[figure];
  if (value === null || value === undefined || !Number.isFinite(value)) {
    const why = reasons[figure] ?? 'not computed for this run';
    const skipped = whereApplicable === true && why.startsWith(NOT_APPLICABLE);
    const reason = skipped ? why : `not defined: ${why}`;
    return { figure, op, threshold, value: null, margin: null, pass: skipped, reason };
  }
  const pass =
    op === '>='
      ? value >= threshold
      : op === '<='
        ? value <= threshold
        : op === '>'
          ? value > threshold
          : value < threshold;
  return { figure, op, threshold, value, margin: op[0] === '>' ? value - threshold : threshold - value, pass };
}
