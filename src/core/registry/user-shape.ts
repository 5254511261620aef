import { QuantlineError } from '../errors/index.js';
import type { AdapterPort } from './adapter.js';

/** What a module's `create` gave, with what is asked of it later looked at; INPUT names what is missing. */
export function shaped(port: AdapterPort | 'feature', file: string, made: unknown): unknown {
  const of = (value: unknown, what: string, ...methods: readonly string[]): object => {
    const missing = methods.filter(
      (name) => typeof (value as Record<string, unknown> | undefined)?.[name] !== 'function',
    );
    if (typeof value !== 'object' || value === null)
      throw wrong(file, `its ${what} is ${value === undefined ? 'missing' : 'no object'}`);
    if (missing.length === 0) return value;
    throw wrong(file, `its ${what} has no ${missing.join(', ')}`);
  };
  switch (port) {
    case 'trainer': {
      const { kind } = of(made, 'result of create') as { kind?: unknown };
      if (kind === 'rule') {
        const rule = numbered(file, of(made, 'rule', 'scorer'), 'warmup', 'memory');
        return checking(rule, 'scorer', (scorer) => of(scorer, 'scorer', 'consume'));
      }
      if (kind !== 'learner') throw wrong(file, "create gives neither kind: 'rule' nor kind: 'learner'");
      const fitted = async (model: unknown) =>
        numbered(file, of(await model, 'fitted model', 'predict', 'save'), 'lookback');
      return checking(checking(of(made, 'learner', 'engineFor', 'fit', 'load'), 'fit', fitted), 'load', fitted);
    }
    case 'feature':
      return numbered(file, of(made, 'feature', 'state'), 'warmup', 'memory');
    case 'source':
      return of(made, 'source', 'instruments', 'bars');
    case 'fill':
      return of(made, 'fill model', 'reference');
    default:
      return of(made, 'result of create');
  }
}

/** The same object whose method `name` has its result looked at; it may be frozen, or of a class with private fields. */
function checking(target: object, name: string, look: (result: unknown) => unknown): object {
  return new Proxy(
    {},
    {
      get(_, key) {
        const value: unknown = Reflect.get(target, key, target);
        if (typeof value !== 'function') return value;
        return key === name ? (...args: unknown[]) => look(value.apply(target, args)) : value.bind(target);
      },
    },
  );
}

function numbered(file: string, value: object, ...names: readonly string[]): object {
  const missing = names.filter((name) => !((value as Record<string, number>)[name]! >= 0));
  if (missing.length > 0) throw wrong(file, `${missing.join(' and ')} must be numbers, 0 or more`);
  return value;
}

const wrong = (file: string, what: string): QuantlineError =>
  new QuantlineError('INPUT', `${file}: ${what}.`, {
    hint: 'Correct the module; docs/extending.md shows one of each kind.',
  });
