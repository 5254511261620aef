import { nearest } from '../config/index.js';
import type { Interval } from '../domain/interval.js';
import { type Argument, type Call, ExpressionReader } from './expression.js';
import type { Feature, FeatureModule } from './feature.js';
import { type FeatureColumn, FeatureSet, type UsedModule } from './feature-set.js';
import { PRESETS } from './library/presets.js';
import { COMBINATOR, FEATURES, knownNames } from './registry.js';
import { type NumberArgument, pointAt, readSettings, type Source } from './settings.js';

/** A user's feature module as loaded, with the hash of its source. */
export interface LoadedFeatureModule {
  readonly module: FeatureModule;
  readonly sha256: string;
}

export interface ParseOptions {
  /** Modules of the user's own by the path under which the text names them. */
  readonly userModules?: ReadonlyMap<string, LoadedFeatureModule>;
  /** Of the bars; without it, sessions count as a day of minutes in `memory`. */
  readonly interval?: Interval;
}

const WHAT = 'features';
const isPath = (name: string) => /^(\.{0,2}[\\/]|[A-Za-z]:[\\/])/.test(name);

/** Paths of users' modules that a text names, to be loaded before it is parsed. */
export function featureModulePaths(text: string): string[] {
  const paths = new Set<string>();
  const visit = (call: Call) => {
    if (isPath(call.name)) paths.add(call.name);
    for (const arg of call.args) if (arg.kind === 'call') visit(arg.call);
  };
  for (const call of new ExpressionReader(text, WHAT).list()) visit(call);
  return [...paths];
}

/**
 * Reads a list such as `ret(5), rsi(14), lag(zscore(20), 1), preset:volume`. USAGE with a caret under what is wrong and
 * the nearest known name.
 */
export function parseFeatures(text: string, options: ParseOptions = {}): FeatureSet {
  const parser = new Parser({ text, what: WHAT }, options);
  return new FeatureSet(parser.columns(), parser.texts.join(', '), [...parser.modules.values()], options.interval);
}

interface Built {
  readonly feature: Feature;
  /** Canonical name, and the text that reads back as it. */
  readonly name: string;
  readonly text: string;
}

class Parser {
  readonly texts: string[] = [];
  readonly modules = new Map<string, UsedModule>();

  constructor(
    private readonly source: Source,
    private readonly options: ParseOptions,
  ) {}

  columns(): FeatureColumn[] {
    const columns = new Map<string, FeatureColumn>();
    const chosen = new Set<string>();
    const add = (built: Built) => {
      if (columns.has(built.name)) return;
      columns.set(built.name, built);
      this.texts.push(built.text);
    };
    for (const call of new ExpressionReader(this.source.text, this.source.what).list()) {
      if (call.name.startsWith('preset:')) {
        for (const built of this.preset(call)) add(built);
        continue;
      }
      for (const built of call.name === 'lags' ? this.lags(call) : [this.build(call)]) {
        if (chosen.has(built.name))
          throw pointAt(this.source, call.at, call.end, `${built.name} is given twice`, 'Leave one of them out.');
        chosen.add(built.name);
        add(built);
      }
    }
    return [...columns.values()];
  }

  private preset(call: Call): Built[] {
    const preset = PRESETS[call.name.slice('preset:'.length)];
    if (preset === undefined) throw this.unknown(call);
    if (call.args.length > 0)
      throw pointAt(this.source, call.nameEnd, call.end, `${call.name} takes no arguments`, `Write ${call.name}.`);
    const inner = new Parser({ text: preset.features, what: call.name }, this.options);
    return new ExpressionReader(preset.features, call.name).list().map((item) => inner.build(item));
  }

  /** `lags(expr, n)`: the values of 1 … n bars ago, n columns. */
  private lags(call: Call): Built[] {
    const { inner, n } = this.innerAndNumber(call, 1, 3);
    if (n > 500) throw pointAt(this.source, call.at, call.end, 'lags makes at most 500 columns', 'Choose fewer lags.');
    return Array.from({ length: n }, (_, k) => combine('lag', inner, k + 1));
  }

  private build(call: Call): Built {
    const combinator = COMBINATOR.get(call.name);
    if (combinator !== undefined) {
      const { inner, n } = this.innerAndNumber(call, combinator.min, combinator.fallback);
      return combine(call.name, inner, n);
    }
    const module = this.module(call);
    const nested = call.args.find((arg) => arg.kind === 'call');
    if (nested !== undefined)
      throw pointAt(
        this.source,
        nested.at,
        nested.end,
        `${call.name} takes numbers, not a feature`,
        `A feature of a feature is made by ${[...COMBINATOR.keys()].join(', ')}.`,
      );
    const settings = readSettings(this.source, call, call.args as NumberArgument[], module.settings);
    const values = Object.values(settings).map(String);
    const args = values.length === 0 ? '' : `(${values.join(',')})`;
    let feature: Feature;
    try {
      feature = module.create(settings as never);
    } catch (error) {
      throw pointAt(
        this.source,
        call.at,
        call.end,
        `${call.name}: ${(error as Error).message}`,
        'Change the settings.',
      );
    }
    const wrong = defect(feature);
    if (wrong !== undefined)
      throw pointAt(this.source, call.at, call.end, `${call.name}: ${wrong}`, 'Correct what its create() returns.');
    return { feature, name: `${module.name}${args}`, text: `${call.name}${args}` };
  }

  private innerAndNumber(call: Call, min: number, fallback: number): { inner: Built; n: number } {
    const usage = `Write ${call.name}(rsi(14), ${fallback}).`;
    const [first, second, third] = call.args;
    if (first === undefined || first.kind !== 'call')
      throw pointAt(
        this.source,
        first?.at ?? call.at,
        first?.end ?? call.nameEnd,
        `${call.name} needs a feature first`,
        usage,
      );
    if (third !== undefined)
      throw pointAt(this.source, third.at, third.end, `${call.name} takes a feature and a number of bars`, usage);
    return { inner: this.build(first.call), n: this.number(call, second, min, fallback, usage) };
  }

  private number(call: Call, arg: Argument | undefined, min: number, fallback: number, usage: string): number {
    if (arg === undefined) return fallback;
    if (arg.kind !== 'number' || !Number.isInteger(arg.value) || arg.value < min || arg.value > 1_000_000)
      throw pointAt(this.source, arg.at, arg.end, `${call.name} needs a whole number of bars from ${min} on`, usage);
    return arg.value;
  }

  private module(call: Call): FeatureModule {
    if (!isPath(call.name)) {
      const found = FEATURES.get(call.name);
      if (found === undefined) throw this.unknown(call);
      return found;
    }
    const loaded = this.options.userModules?.get(call.name);
    if (loaded === undefined)
      throw pointAt(
        this.source,
        call.at,
        call.nameEnd,
        `The module ${call.name} is not loaded`,
        'Check the path; it is relative to the current directory.',
      );
    this.modules.set(call.name, { path: call.name, name: loaded.module.name, sha256: loaded.sha256 });
    return loaded.module;
  }

  private unknown(call: Call): Error {
    const names = knownNames();
    const near = nearest(call.name, names);
    const hint =
      near === undefined
        ? `There are: ${names.filter((name) => !name.startsWith('ti.')).join(', ')}, and ti.<name>.`
        : `Did you mean "${near}"?`;
    return pointAt(this.source, call.at, call.nameEnd, `There is no feature "${call.name}"`, hint);
  }
}

/** What is wrong with what a user's module made, if anything. */
function defect(feature: Feature): string | undefined {
  if (!Number.isInteger(feature?.warmup) || feature.warmup < 1)
    return 'warmup must be a whole number of bars from 1 on';
  if (!Number.isInteger(feature.memory) || feature.memory < 1)
    return 'memory must be a whole number of bars: a running total enters as a windowed change or anchored at the session';
  return typeof feature.state === 'function' ? undefined : 'state must be a function';
}

function combine(name: string, inner: Built, n: number): Built {
  return {
    feature: COMBINATOR.get(name)!.create(inner.feature, n),
    name: `${name}(${inner.name},${n})`,
    text: `${name}(${inner.text},${n})`,
  };
}
