import { QuantlineError } from '../../errors/index.js';

type Fields = Readonly<Record<string, unknown>>;

/** Typed access to parsed JSON whose errors name the path of the field: `learner.gradient_booster.model.trees[3].…`. */
export class JsonReader {
  private constructor(
    private readonly fields: Fields,
    private readonly path: string,
  ) {}

  static parse(text: string): JsonReader {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (cause) {
      throw new QuantlineError('INPUT', 'The model file is not JSON, or it was cut off.', {
        hint: 'Save the model with save_model("model.json"); binary formats are not read.',
        cause,
      });
    }
    if (!isFields(value)) throw new QuantlineError('INPUT', 'The model file holds no JSON object.');
    return new JsonReader(value, '');
  }

  refuse(field: string, problem: string): never {
    const path = this.at(field);
    throw new QuantlineError('INPUT', `XGBoost model, ${path}: ${problem}.`, {
      hint: 'The file is damaged or of a kind that is not read; save the model again as JSON.',
      details: { path },
    });
  }

  has(field: string): boolean {
    return this.fields[field] !== undefined;
  }

  object(field: string): JsonReader {
    const value = this.fields[field];
    if (!isFields(value)) return this.refuse(field, value === undefined ? 'is missing' : 'is not an object');
    return new JsonReader(value, this.at(field));
  }

  list(field: string): JsonReader[] {
    return this.array(field).map((value, i) => {
      if (!isFields(value)) return this.refuse(`${field}[${i}]`, 'is not an object');
      return new JsonReader(value, `${this.at(field)}[${i}]`);
    });
  }

  text(field: string): string {
    const value = this.fields[field];
    if (typeof value !== 'string') return this.refuse(field, value === undefined ? 'is missing' : 'is not a text');
    return value;
  }

  /** The object as it is. */
  plain(): Fields {
    return this.fields;
  }

  optionalText(field: string): string | undefined {
    return this.has(field) ? this.text(field) : undefined;
  }

  /** All fields as texts. */
  texts(): Record<string, string> {
    return Object.fromEntries(Object.keys(this.fields).map((key) => [key, this.text(key)]));
  }

  /** A whole number of at least 0, spelt as text (XGBoost's way) or as a number. */
  count(field: string, fallback?: number): number {
    const value = this.fields[field];
    if (value === undefined && fallback !== undefined) return fallback;
    const n = typeof value === 'string' && value !== '' ? Number(value) : value;
    if (typeof n !== 'number' || !Number.isInteger(n) || n < 0)
      return this.refuse(field, value === undefined ? 'is missing' : `is ${JSON.stringify(value)}, not a count`);
    return n;
  }

  strings(field: string): string[] {
    return this.array(field).map((value, i) =>
      typeof value === 'string' ? value : this.refuse(`${field}[${i}]`, 'is not a text'),
    );
  }

  numbers(field: string): number[] {
    return this.array(field).map((value, i) =>
      typeof value === 'number' ? value : this.refuse(`${field}[${i}]`, `is ${JSON.stringify(value)}, not a number`),
    );
  }

  /** Whole numbers; XGBoost 1.x wrote flags as booleans. */
  integers(field: string): number[] {
    return this.array(field).map((value, i) => {
      const n = typeof value === 'boolean' ? Number(value) : value;
      if (typeof n === 'number' && Number.isInteger(n)) return n;
      return this.refuse(`${field}[${i}]`, `is ${JSON.stringify(value)}, not a whole number`);
    });
  }

  private array(field: string): readonly unknown[] {
    const value = this.fields[field];
    if (!Array.isArray(value)) return this.refuse(field, value === undefined ? 'is missing' : 'is not a list');
    return value;
  }

  private at(field: string): string {
    return this.path === '' ? field : `${this.path}.${field}`;
  }
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
