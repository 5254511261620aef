/** Shares of a session's variance and volume by minute, each summing to 1. */
export interface Profile {
  readonly variance: Float64Array;
  readonly rootVariance: Float64Array;
  readonly volume: Float64Array;
}

const profiles = new Map<string, Profile>();

/** U-shaped for a venue that opens and closes, a daily wave for one that never does. */
export function profileOf(minutes: number, continuous: boolean): Profile {
  const key = `${minutes} ${continuous}`;
  let profile = profiles.get(key);
  if (profile === undefined) {
    const shape = (opening: number, closing: number) =>
      normalised(
        Float64Array.from({ length: minutes }, (_, k) => {
          const x = (k + 0.5) / minutes;
          if (continuous) return 1 - 0.35 * Math.cos(2 * Math.PI * (x - 0.1));
          return (
            0.55 + opening * Math.exp(-x / 0.06) + closing * Math.exp(-(1 - x) / 0.05) + 0.9 * (2 * x - 1) * (2 * x - 1)
          );
        }),
      );
    const variance = shape(4, 1.2);
    profile = { variance, rootVariance: variance.map(Math.sqrt), volume: shape(3, 4) };
    profiles.set(key, profile);
  }
  return profile;
}

function normalised(values: Float64Array): Float64Array {
  const sum = values.reduce((total, value) => total + value, 0);
  return values.map((value) => value / sum);
}

/**
 * Adds to `out` the minute returns of a session that sum to `move`: independent normals of the profile's variances,
 * given their sum (Gaussian bridge). `normals`: one standard normal a minute.
 */
export function addBridge(
  out: Float64Array,
  profile: Profile,
  move: number,
  scale: number,
  normals: Float64Array,
  beta: number,
): void {
  const { variance, rootVariance } = profile;
  const n = variance.length;
  let sum = 0;
  for (let k = 0; k < n; k++) {
    const shock = scale * rootVariance[k]! * normals[k]!;
    sum += shock;
    out[k] = out[k]! + beta * shock;
  }
  const rest = beta * (move - sum);
  for (let k = 0; k < n; k++) out[k] = out[k]! + rest * variance[k]!;
}
