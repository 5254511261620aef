import { isQuantlineError } from '../../errors/index.js';
import { openXgboost } from '../../learning/boosting/native/library.js';
import { openTensorflow } from '../../platform/tensorflow.js';
import { isServer } from '../../state/index.js';
import type { Runtime } from '../runtime.js';
import { type Finding, fail, failure, ok, skip } from './finding.js';

/** Which engines are found. A native one has to be where a setting names it; otherwise the embedded one serves. */
export async function engineChecks({ libraries, journal }: Runtime): Promise<readonly Finding[]> {
  const { xgboost, prefixes } = libraries;
  return [
    await (xgboost === undefined ? optional : needed)('XGBoost', async () => {
      const library = await openXgboost({
        ...(xgboost !== undefined && { library: xgboost }),
        ...(prefixes !== undefined && { prefixes }),
      });
      return `${library.version} at ${library.path}`;
    }),
    await optional('TensorFlow', async () => (await openTensorflow()).version),
    await needed('DuckDB', async () => {
      const { queryColumns } = await import('../../platform/parquet.js');
      await queryColumns('(SELECT 1 AS one)');
      return 'loads, in memory';
    }),
    await (isServer(journal) ? needed : optional)('PostgreSQL', async () => {
      const name = 'pg';
      await import(name);
      return 'its driver is installed';
    }),
  ];
}

/** The embedded engine serves where it is not found. */
async function optional(check: string, find: () => Promise<string>): Promise<Finding> {
  try {
    return ok(check, await find());
  } catch (error) {
    return isQuantlineError(error)
      ? { ...skip(check, error.message), hint: error.hint ?? null }
      : skip(check, 'not installed');
  }
}

/** Without it, or where the user named it, something does not work. */
async function needed(check: string, find: () => Promise<string>): Promise<Finding> {
  try {
    return ok(check, await find());
  } catch (error) {
    if (isQuantlineError(error)) return failure(check, error);
    const detail = `does not load: ${(error as Error).message.split('\n')[0]}`;
    return fail(check, detail, 'Run `npm ci` again on this machine.', 'config');
  }
}
