import { type Call, type CallArgument, parseCall } from '../../config/index.js';
import type { EntryOrder, SimpleEntry } from '../../engine/strategy.js';
import { QuantlineError } from '../../errors/index.js';

/**
 * `market`, `limit(0.5%)`, `stop(0.5%)`, `stop-limit(0.5%,0.8%)`, `oco(limit(0.5%),stop(0.5%))`, or
 * `oto(market,limit(1%),50%)`, whose share of the first order is a half where it is left out. USAGE for anything else.
 */
export function entryOf(text: string): EntryOrder {
  const { name, args } = parseCall(text);
  const simple = simpleOf(name, args);
  if (simple !== undefined) return simple;
  if (name === 'stop-limit') {
    const [offset, limit] = args.map(fractionOf);
    if (args.length === 2 && offset !== undefined && limit !== undefined) return { type: 'stop_limit', offset, limit };
  }
  const orders = args.slice(0, 2).map(nestedOf);
  const [one, other] = orders;
  if (one !== undefined && other !== undefined) {
    if (name === 'oco' && args.length === 2 && one.type !== 'market' && other.type !== 'market') {
      return { type: 'oco', orders: [one, other] };
    }
    const share = args[2] === undefined ? 0.5 : fractionOf(args[2]);
    if (name === 'oto' && args.length <= 3 && share !== undefined) return { type: 'oto', orders: [one, other], share };
  }
  throw new QuantlineError('USAGE', `"${text}" is no order type for entries.`, {
    hint: 'Use market, limit(0.5%), stop(0.5%), stop-limit(0.5%,0.8%), oco(limit(0.5%),stop(0.5%)) or oto(market,limit(1%),50%).',
  });
}

function simpleOf(name: string, args: readonly CallArgument[]): SimpleEntry | undefined {
  if (name === 'market') return args.length === 0 ? { type: name } : undefined;
  if ((name !== 'limit' && name !== 'stop') || args.length !== 1) return undefined;
  const offset = fractionOf(args[0]!);
  return offset === undefined ? undefined : { type: name, offset };
}

/** An order named inside the call: a word, or a call of its own. */
function nestedOf({ value }: CallArgument): SimpleEntry | undefined {
  if (typeof value === 'string') return simpleOf(value, []);
  return typeof value === 'number' ? undefined : simpleOf(value.name, (value as Call).args);
}

const fractionOf = ({ value }: CallArgument): number | undefined =>
  typeof value === 'number' && value > 0 && value < 1 ? value : undefined;
