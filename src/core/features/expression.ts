import { QuantlineError } from '../errors/index.js';

/** A number or a call as written, with its place in the text. */
export type Argument =
  | {
      readonly kind: 'number';
      readonly value: number;
      readonly key: string | undefined;
      readonly at: number;
      readonly end: number;
    }
  | {
      readonly kind: 'call';
      readonly call: Call;
      readonly key: string | undefined;
      readonly at: number;
      readonly end: number;
    };

/** `name(argument, …)`; `name` is a feature, `preset:<name>` or the path of a module. */
export interface Call {
  readonly name: string;
  readonly args: readonly Argument[];
  /** Offsets of the name in the text. */
  readonly at: number;
  readonly nameEnd: number;
  readonly end: number;
}

/** USAGE with the text and a caret under the place that is wrong. */
export function expressionError(
  what: string,
  text: string,
  problem: string,
  at: number,
  end: number,
  hint: string,
): QuantlineError {
  // Long texts are shown around the place.
  const from = Math.max(0, at - 40);
  const to = Math.min(text.length, Math.max(end, at + 1) + 40);
  const shown = text.slice(from, to).replace(/\s/g, ' ');
  const lead = from > 0 ? '…' : '';
  const caret = ' '.repeat(lead.length + at - from) + '^'.repeat(Math.max(1, end - at));
  return new QuantlineError(
    'USAGE',
    `${problem} (column ${at + 1} of the ${what}).\n  ${lead}${shown}${to < text.length ? '…' : ''}\n  ${caret}`,
    { hint, details: { column: at + 1, text } },
  );
}

const NAME = /[A-Za-z_][A-Za-z0-9_]*(?:[.:][A-Za-z0-9_-]+)*/y;
const PATH = /(?:\.{1,2}[\\/]|[\\/]|[A-Za-z]:[\\/])[^\s,()]*/y;
const NUMBER = /[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?/y;
const KEY = /([A-Za-z_][A-Za-z0-9_]*)\s*=/y;

/** Reads a comma-separated list of calls (line breaks separate too). `what` names the text in errors. */
export class ExpressionReader {
  private at = 0;

  constructor(
    private readonly text: string,
    private readonly what: string,
  ) {}

  list(): Call[] {
    const calls: Call[] = [];
    this.separators(/[\s,]*/y);
    while (this.at < this.text.length) {
      calls.push(this.call());
      const before = this.at;
      this.separators(/[^\S\n]*/y);
      if (this.at === this.text.length) break;
      if (this.text[this.at] !== ',' && this.text[this.at] !== '\n')
        throw this.error('Expected a comma', this.at, this.at + 1, 'Separate features by commas: "ret(5), rsi(14)".');
      this.separators(/[\s,]*/y);
      if (this.at === before) break;
    }
    if (calls.length === 0)
      throw this.error('Nothing is given', 0, 1, `Give at least one, for example "ret(5), rsi(14)".`);
    return calls;
  }

  private call(): Call {
    const at = this.at;
    const name = this.match(PATH) ?? this.match(NAME);
    if (name === undefined)
      throw this.error('Expected a name', at, at + 1, 'Write names with arguments: "ret(5), rsi(14), hour_sin".');
    const nameEnd = this.at;
    this.separators(/\s*/y);
    const args: Argument[] = [];
    if (this.text[this.at] !== '(') {
      this.at = nameEnd;
      return { name, args, at, nameEnd, end: nameEnd };
    }
    const open = this.at;
    this.at++;
    this.separators(/\s*/y);
    while (this.text[this.at] !== ')') {
      if (this.at >= this.text.length) throw this.error('The bracket is not closed', open, open + 1, 'Add ")".');
      args.push(this.argument());
      this.separators(/\s*/y);
      if (this.text[this.at] === ',') {
        this.at++;
        this.separators(/\s*/y);
      } else if (this.text[this.at] !== ')' && this.at < this.text.length)
        throw this.error('Expected "," or ")"', this.at, this.at + 1, 'Separate arguments by commas.');
    }
    this.at++;
    return { name, args, at, nameEnd, end: this.at };
  }

  private argument(): Argument {
    const key = this.match(KEY)?.replace(/\s*=$/, '');
    this.separators(/\s*/y);
    const at = this.at;
    const number = this.match(NUMBER);
    if (number !== undefined && !/[A-Za-z0-9_.]/.test(this.text[this.at] ?? ''))
      return { kind: 'number', value: Number(number), key, at, end: this.at };
    this.at = at;
    const next = this.text[at] ?? '';
    if (number !== undefined || !/[A-Za-z_.\\/]/.test(next))
      throw this.error(
        'Expected a number',
        at,
        at + 1,
        'Arguments are numbers such as 14 or 2.5, or a feature for lag().',
      );
    const call = this.call();
    return { kind: 'call', call, key, at, end: call.end };
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found === undefined) return undefined;
    this.at += found.length;
    return found;
  }

  private separators(pattern: RegExp): void {
    pattern.lastIndex = this.at;
    this.at += pattern.exec(this.text)?.[0].length ?? 0;
  }

  private error(problem: string, at: number, end: number, hint: string): QuantlineError {
    return expressionError(this.what, this.text, problem, at, end, hint);
  }
}
