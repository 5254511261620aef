import { type Call, type CallArgument, parseCall } from './call.js';
import { valueError } from './error.js';

/** Size of an entry; the shape that the risk layer takes. */
export type SizingSetting =
  | { readonly kind: 'equal'; readonly fraction: number }
  | { readonly kind: 'fraction'; readonly fraction: number }
  | { readonly kind: 'all-in'; readonly fraction: number }
  | { readonly kind: 'cash'; readonly amount: number }
  | { readonly kind: 'volatility'; readonly target: number; readonly window: number }
  | { readonly kind: 'atr-risk'; readonly risk: number; readonly multiple: number; readonly window: number };

const FORMS = 'equal(100%), fraction(10%), cash($10000), volatility(15%,20), atr-risk(1%,2,14), all-in(100%)';

/** Reads one of FORMS. */
export function parseSizing(text: string): SizingSetting {
  const call = parseCall(text);
  const read = new Arguments(text, call);
  const sizing = ((): SizingSetting => {
    switch (call.name) {
      case 'equal':
        return { kind: 'equal', fraction: read.fraction(0, 1) };
      case 'fraction':
        return { kind: 'fraction', fraction: read.fraction(0) };
      case 'all-in':
        return { kind: 'all-in', fraction: read.fraction(0, 1) };
      case 'cash':
        return { kind: 'cash', amount: read.money(0) };
      case 'volatility':
        return { kind: 'volatility', target: read.fraction(0), window: read.bars(1, 20) };
      case 'atr-risk':
        return { kind: 'atr-risk', risk: read.fraction(0), multiple: read.plain(1, 2), window: read.bars(2, 14) };
      default:
        throw valueError(text, `expected one of ${FORMS}`, 1);
    }
  })();
  read.done();
  return sizing;
}

class Arguments {
  private used = 0;

  constructor(
    private readonly text: string,
    private readonly call: Call,
  ) {}

  fraction(at: number, fallback?: number): number {
    const value = this.positive(at, 'a percentage, such as 10%', fallback);
    const unit = this.call.args[at]?.unit;
    if (unit !== undefined && unit !== 'fraction') throw this.error(at, 'a percentage, such as 10%');
    return value;
  }

  money(at: number): number {
    const value = this.positive(at, 'money, such as $10000');
    if (this.call.args[at]!.unit === 'fraction') throw this.error(at, 'money, such as $10000');
    return value;
  }

  plain(at: number, fallback: number): number {
    const value = this.positive(at, 'a plain number', fallback);
    if ((this.call.args[at]?.unit ?? 'none') !== 'none') throw this.error(at, 'a plain number');
    return value;
  }

  bars(at: number, fallback: number): number {
    const value = this.plain(at, fallback);
    if (!Number.isInteger(value)) throw this.error(at, 'a whole number of bars');
    return value;
  }

  done(): void {
    const extra = this.call.args[this.used];
    if (extra !== undefined) throw valueError(this.text, `${this.call.name} takes no such argument`, extra.column);
  }

  private positive(at: number, expected: string, fallback?: number): number {
    this.used = Math.max(this.used, at + 1);
    const argument: CallArgument | undefined = this.call.args[at];
    if (argument === undefined && fallback !== undefined) return fallback;
    if (typeof argument?.value !== 'number' || !(argument.value > 0)) throw this.error(at, expected);
    return argument.value;
  }

  private error(at: number, expected: string): Error {
    const column = this.call.args[at]?.column ?? this.text.trimEnd().length;
    return valueError(this.text, `expected ${expected}, above zero`, column);
  }
}
