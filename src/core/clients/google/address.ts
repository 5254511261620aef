import { QuantlineError } from '../../errors/index.js';
import { guardBaseUrl } from '../../platform/index.js';
import { type BucketAddress, bucketAddress } from './bucket.js';

/** Where a warehouse is, and how it may be used: `bigquery://project.dataset?location=EU&maxBytes=…`. */
export interface BigQueryAddress {
  readonly project: string;
  readonly dataset: string;
  /** Where the dataset is, and a new one is created; undefined: where it is, a new one in the US. */
  readonly location: string | undefined;
  /** Bytes that one query may be billed for. */
  readonly maximumBytesBilled: number;
  /** Service account to act as. */
  readonly impersonate: string | undefined;
  /** An emulator on this machine: REST address and gRPC port. */
  readonly endpoint: string | undefined;
  readonly storagePort: number | undefined;
  /** Where files wait for their load jobs; absent: they are sent with the job. */
  readonly staging: BucketAddress | undefined;
}

const KNOWN = ['location', 'maxBytes', 'impersonate', 'staging', 'endpoint', 'storagePort'];
const GIB = 1024 ** 3;

/** @throws QuantlineError USAGE where it cannot be read, CONFIG for an endpoint that is not on this machine. */
export function bigQueryAddress(text: string): BigQueryAddress {
  const match = /^bigquery:\/\/((?:[a-z0-9.-]+:)?[a-z][a-z0-9-]*)\.([A-Za-z_]\w{0,1023})(?:\?(.*))?$/.exec(text);
  if (match === null)
    throw new QuantlineError('USAGE', `"${text}" is not the address of a BigQuery dataset.`, {
      hint: 'Write bigquery://project.dataset, where a dataset has letters, digits and underscores.',
    });
  const query = new URLSearchParams(match[3] ?? '');
  for (const name of query.keys())
    if (!KNOWN.includes(name))
      throw new QuantlineError('USAGE', `The address has no setting "${name}".`, {
        hint: `It has ${KNOWN.join(', ')}.`,
      });
  const number = (name: string, fallback: number): number => {
    const value = Number(query.get(name) ?? fallback);
    if (Number.isSafeInteger(value) && value > 0) return value;
    throw new QuantlineError('USAGE', `${name} of the address must be a positive whole number.`);
  };
  const endpoint = query.get('endpoint') ?? undefined;
  const staging = query.get('staging') ?? undefined;
  return {
    project: match[1]!,
    dataset: match[2]!,
    location: query.get('location') ?? undefined,
    maximumBytesBilled: number('maxBytes', 20 * GIB),
    impersonate: query.get('impersonate') ?? undefined,
    endpoint:
      endpoint === undefined ? undefined : guardBaseUrl(endpoint, ['https://bigquery.googleapis.com'], 'endpoint'),
    storagePort: query.has('storagePort') ? number('storagePort', 0) : undefined,
    staging: staging === undefined ? undefined : bucketAddress(staging),
  };
}
