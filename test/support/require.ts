import { describe } from 'vitest';

/** Components that are not part of the project's own dependencies, and how a machine gets them. */
const COMPONENTS = {
  bigquery: 'scripts/install-bigquery-emulator.sh',
  storage: 'scripts/install-storage-emulator.sh',
  postgres: 'the programs initdb and postgres (Debian: postgresql)',
  chromium: 'Chromium (Debian: chromium)',
  xgboost: 'XGBoost’s own library (PyPI: xgboost-cpu) and QUANTLINE_XGBOOST_LIB',
  tensorflow: 'scripts/install-tensorflow-native.sh',
  kubernetes: 'PyPI kubernetes-validate',
} as const;
export type Component = keyof typeof COMPONENTS;

/** Names in TEST_REQUIRE, by commas; `all` means each. */
const required = new Set((process.env['TEST_REQUIRE'] ?? '').split(',').map((name) => name.trim()));

/** Whether a missing component is a failure, as in CI, instead of a skip. */
export const isRequired = (component: Component): boolean => required.has('all') || required.has(component);

/**
 * `describe` for tests that need a component: skipped with the reason where it is absent. Throws where it is absent and
 * required, so that the file fails.
 */
export function describeWith(component: Component, present: boolean): (name: string, tests: () => void) => void {
  const needs = `needs ${COMPONENTS[component]}`;
  if (!present && isRequired(component)) throw new Error(`TEST_REQUIRE names ${component}: this ${needs}.`);
  return (name, tests) => describe.skipIf(!present)(present ? name : `${name} (skipped: ${needs})`, tests);
}
