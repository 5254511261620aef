import { QuantlineError } from '../../errors/index.js';

/** A real number. `step` keeps values on low + k·step; not together with `log`. */
export interface FloatParameter {
  readonly type: 'float';
  readonly low: number;
  readonly high: number;
  readonly log?: boolean;
  readonly step?: number;
}
/** A whole number, both ends included. */
export interface IntParameter {
  readonly type: 'int';
  readonly low: number;
  readonly high: number;
  readonly log?: boolean;
  readonly step?: number;
}
export interface CategoricalParameter {
  readonly type: 'categorical';
  readonly choices: readonly (string | number | boolean)[];
}
export type Parameter = FloatParameter | IntParameter | CategoricalParameter;
export type SearchSpace = Readonly<Record<string, Parameter>>;
export type ParameterValue = string | number | boolean;
export type ParameterValues = Readonly<Record<string, ParameterValue>>;

/** Reads a search space from data (YAML, JSON). Throws CONFIG with the path of the field that is wrong. */
export function parseSpace(value: unknown): SearchSpace {
  const bad = (path: string, what: string): QuantlineError =>
    new QuantlineError('CONFIG', `Search space: ${path} ${what}.`, {
      hint: 'Write e.g. "rate: {type: float, low: 1e-4, high: 0.1, log: true}".',
      details: { path },
    });
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw bad('the document', 'is not a map');
  const entries = Object.entries(value as Record<string, unknown>);
  if (entries.length === 0) throw bad('the document', 'names no parameter');
  return Object.fromEntries(entries.map(([name, field]) => [name, parseParameter(name, field, bad)]));
}

const KEYS: Readonly<Record<Parameter['type'], readonly string[]>> = {
  float: ['type', 'low', 'high', 'log', 'step'],
  int: ['type', 'low', 'high', 'log', 'step'],
  categorical: ['type', 'choices'],
};

function parseParameter(name: string, value: unknown, bad: (path: string, what: string) => QuantlineError): Parameter {
  if (value === null || typeof value !== 'object') throw bad(name, 'is not a map');
  const field = value as Record<string, unknown>;
  const type = field['type'];
  if (type !== 'float' && type !== 'int' && type !== 'categorical')
    throw bad(`${name}.type`, 'is not float, int or categorical');
  for (const key of Object.keys(field))
    if (!KEYS[type].includes(key)) throw bad(`${name}.${key}`, `is not a field of ${type} (${KEYS[type].join(', ')})`);
  if (type === 'categorical') {
    const { choices } = field;
    if (!Array.isArray(choices) || choices.length === 0) throw bad(`${name}.choices`, 'is not a list');
    choices.forEach((choice: unknown, i) => {
      if (!['string', 'number', 'boolean'].includes(typeof choice))
        throw bad(`${name}.choices[${i}]`, 'is not a scalar');
      if (choices.indexOf(choice) !== i) throw bad(`${name}.choices[${i}]`, 'is there twice');
    });
    return { type, choices: choices as ParameterValue[] };
  }
  const number = (key: string): number => {
    const x = field[key];
    if (typeof x !== 'number' || !Number.isFinite(x)) throw bad(`${name}.${key}`, 'is not a number');
    if (type === 'int' && !Number.isInteger(x)) throw bad(`${name}.${key}`, 'is not a whole number');
    return x;
  };
  const low = number('low');
  const high = number('high');
  const log = field['log'] ?? false;
  if (typeof log !== 'boolean') throw bad(`${name}.log`, 'is not true or false');
  if (low > high) throw bad(`${name}.low`, `is above high (${low} > ${high})`);
  if (log && !(low > 0)) throw bad(`${name}.low`, 'must be above 0 on a log scale');
  const step = field['step'] === undefined ? undefined : number('step');
  if (step !== undefined && !(step > 0)) throw bad(`${name}.step`, 'must be above 0');
  if (step !== undefined && log) throw bad(`${name}.step`, 'cannot be combined with log');
  return { type, low, high, log, ...(step === undefined ? {} : { step }) };
}

/**
 * A parameter as samplers see it: a number. Categorical: the index of the choice. Numeric: the value or its logarithm on
 * [lower, upper]; with a grid, the ends lie half a cell outside.
 */
export interface Axis {
  readonly name: string;
  readonly choices: readonly ParameterValue[] | null;
  readonly log: boolean;
  /** Distance of neighbouring values, 0 if continuous. */
  readonly step: number;
  readonly low: number;
  readonly high: number;
  readonly lower: number;
  readonly upper: number;
}

export function axesOf(space: SearchSpace): Axis[] {
  return Object.entries(space).map(([name, p]): Axis => {
    if (p.type === 'categorical') {
      const high = p.choices.length - 1;
      return { name, choices: p.choices, log: false, step: 1, low: 0, high, lower: 0, upper: high };
    }
    const step = p.step ?? (p.type === 'int' ? 1 : 0);
    // The last value on the grid, so that low + k·step never passes it.
    const high = step > 0 ? p.low + step * Math.floor((p.high - p.low) / step + 1e-9) : p.high;
    const log = p.log === true;
    const scale = (x: number): number => (log ? Math.log(x) : x);
    return {
      name,
      choices: null,
      log,
      step,
      low: p.low,
      high,
      lower: scale(p.low - step / 2),
      upper: scale(high + step / 2),
    };
  });
}

/** From the axis to the parameter's value, on its grid and inside its range. */
export function toValue(axis: Axis, x: number): ParameterValue {
  if (axis.choices !== null) return axis.choices[x]!;
  const raw = axis.log ? Math.exp(x) : x;
  const snapped = axis.step > 0 ? axis.low + axis.step * Math.round((raw - axis.low) / axis.step) : raw;
  const value = Math.max(axis.low, Math.min(axis.high, snapped));
  // Keeps 0.1 + 2·0.1 from becoming 0.30000000000000004.
  return axis.step > 0 && !Number.isInteger(axis.step) ? Number(value.toPrecision(12)) : value;
}

/** From a parameter's value to the axis; NaN for what the space does not hold. */
export function fromValue(axis: Axis, value: ParameterValue | undefined): number {
  if (axis.choices !== null) {
    const index = axis.choices.indexOf(value as ParameterValue);
    return index < 0 ? Number.NaN : index;
  }
  if (typeof value !== 'number' || value < axis.low - 1e-9 || value > axis.high + 1e-9) return Number.NaN;
  return axis.log ? Math.log(value) : value;
}
