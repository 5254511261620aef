import { isQuantlineError } from '../../errors/index.js';
import { openXgboost } from '../../learning/boosting/native/library.js';
import { openTensorflow } from '../../platform/tensorflow.js';
import { isServer } from '../../state/index.js';
import type { Runtime } from '../runtime.js';
import { type Finding, fail, ok, skip } from './finding.js';

/** Which native engines are found. None has to be: the embedded ones serve. */
export async function engineChecks({ libraries, journal }: Runtime): Promise<readonly Finding[]> {
  const { xgboost, prefixes } = libraries;
  return [
    await optional('XGBoost', async () => {
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
    await optional('PostgreSQL', async () => {
      const name = 'pg';
      await import(name);
      return isServer(journal) ? 'holds the journal' : 'its driver is installed';
    }),
  ];
}

async function optional(check: string, find: () => Promise<string>): Promise<Finding> {
  try {
    return ok(check, await find());
  } catch (error) {
    const why = isQuantlineError(error) ? error.message : 'not installed';
    return skip(check, why);
  }
}

async function needed(check: string, find: () => Promise<string>): Promise<Finding> {
  try {
    return ok(check, await find());
  } catch (error) {
    const detail = `does not load: ${(error as Error).message.split('\n')[0]}`;
    return fail(check, detail, 'Run `npm ci` again on this machine.', 'config');
  }
}
