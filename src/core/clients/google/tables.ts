import { QuantlineError } from '../../errors/index.js';
import type { BigQueryAddress } from './address.js';

export interface Field {
  readonly name: string;
  readonly type: 'STRING' | 'TIMESTAMP' | 'FLOAT64' | 'INT64';
  readonly required?: boolean;
}

export interface TableLayout {
  readonly fields: readonly Field[];
  /** Month partitions on this column, whose filter every query must have. */
  readonly partitionBy?: string;
  readonly clusterBy?: readonly string[];
  /** Days after which the table goes away by itself. */
  readonly expiresInDays?: number;
}

const LEGACY = { FLOAT64: 'FLOAT', INT64: 'INTEGER', STRING: 'STRING', TIMESTAMP: 'TIMESTAMP' } as const;

/** The resource of a new table. */
export function tableOptions(layout: TableLayout, now: number) {
  const { fields, partitionBy, clusterBy, expiresInDays } = layout;
  return {
    schema: fields.map(({ name, type, required }) => ({
      ...{ name, type: LEGACY[type] },
      mode: required === true ? 'REQUIRED' : 'NULLABLE',
    })),
    ...(partitionBy === undefined
      ? {}
      : { timePartitioning: { type: 'MONTH', field: partitionBy }, requirePartitionFilter: true }),
    ...(clusterBy === undefined ? {} : { clustering: { fields: [...clusterBy] } }),
    ...(expiresInDays === undefined ? {} : { expirationTime: String(now + expiresInDays * 86_400_000) }),
  };
}

/** MISMATCH where a table lacks a column of the layout, or has it with another type. */
export function checkTable(
  table: string,
  { fields }: TableLayout,
  found: readonly { readonly name: string; readonly type: string }[],
): void {
  const have = new Map(found.map(({ name, type }) => [name, type]));
  for (const { name, type } of fields) {
    const is = have.get(name);
    if (is === type || is === LEGACY[type]) continue;
    throw new QuantlineError(
      'MISMATCH',
      `Table ${table} has another schema: column ${name} is ${is ?? 'missing'} instead of ${type}.`,
      { hint: 'Use another dataset, or a newer version of Quantline.', details: { table, column: name } },
    );
  }
}

/** Of a dataset that is made without saying where. */
export const DEFAULT_LOCATION = 'US';

/** The region that a dataset has. @throws QuantlineError CONFIG where its address names another one. */
export function regionOf(found: string | undefined, { dataset, location }: BigQueryAddress): string {
  if (found === undefined) return location ?? DEFAULT_LOCATION;
  if (location === undefined || location.toLowerCase() === found.toLowerCase()) return found;
  throw new QuantlineError('CONFIG', `The dataset ${dataset} is in ${found}, not in ${location} as its address says.`, {
    hint: `Leave location out of the address of the store, or use a dataset in ${location}: a dataset cannot be moved.`,
    details: { found, location },
  });
}
