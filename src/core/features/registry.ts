import type { FeatureModule } from './feature.js';
import { COMBINATORS, type Combinator } from './library/combine.js';
import { OSCILLATOR } from './library/oscillator.js';
import { PRESETS } from './library/presets.js';
import { PRICE } from './library/price.js';
import { TI } from './library/ti.js';
import { TIME } from './library/time.js';
import { VOLATILITY } from './library/volatility.js';
import { VOLUME } from './library/volume.js';

/** Every feature of the language by name. */
export const FEATURES: ReadonlyMap<string, FeatureModule> = new Map(
  [...PRICE, ...OSCILLATOR, ...VOLATILITY, ...VOLUME, ...TIME, ...TI].map((feature) => [feature.name, feature]),
);

export const COMBINATOR: ReadonlyMap<string, Combinator> = new Map(COMBINATORS.map((c) => [c.name, c]));

export const knownNames = (): string[] => [
  ...FEATURES.keys(),
  ...COMBINATOR.keys(),
  'lags',
  ...Object.keys(PRESETS).map((name) => `preset:${name}`),
];
