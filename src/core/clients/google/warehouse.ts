import type { BigQuery } from '@google-cloud/bigquery';
import type { reader as Reader } from '@google-cloud/bigquery-storage';
import type { OAuth2Client } from 'google-auth-library';
import { QuantlineError } from '../../errors/index.js';
import { isoTime, type Logger } from '../../platform/index.js';
import type { BigQueryAddress } from './address.js';
import { warehouseError } from './failures.js';

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

/** Instants are given as {@link Instant}; texts and whole numbers as they are. */
export type Parameters = Readonly<Record<string, string | number | Instant | readonly number[]>>;
/** Epoch milliseconds that are meant as a TIMESTAMP. */
export class Instant {
  constructor(readonly ms: number) {}
}

export type Row = Readonly<Record<string, unknown>>;

export interface QueryResult {
  readonly rows: readonly Row[];
  /** undefined where the service does not say. */
  readonly billedBytes: number | undefined;
}

/** On-demand price a TiB in the US; other regions differ little. */
const DOLLARS_PER_TIB = 6.25;
const TIB = 1024 ** 4;
const LEGACY = { FLOAT64: 'FLOAT', INT64: 'INTEGER', STRING: 'STRING', TIMESTAMP: 'TIMESTAMP' } as const;

/** "12.3 MB ($0.0001)" */
export const costText = (bytes: number): string =>
  `${(bytes / 1e6).toFixed(1)} MB ($${((bytes / TIB) * DOLLARS_PER_TIB).toFixed(4)})`;

/**
 * One BigQuery dataset through Google's clients: free load jobs, queries that state their cost before and after and
 * cannot exceed a limit, and the Storage Read API as Arrow columns. Credentials are Application Default Credentials,
 * optionally acting as another service account.
 */
export class Warehouse {
  private location: string | undefined;
  private reading: Promise<Reader.ReadClient> | undefined;

  private constructor(
    readonly address: BigQueryAddress,
    private readonly client: BigQuery,
    private readonly auth: OAuth2Client | undefined,
    private readonly logger: Logger,
  ) {}

  static async open(address: BigQueryAddress, logger: Logger): Promise<Warehouse> {
    const { BigQuery: Client } = await import('@google-cloud/bigquery');
    const auth = await credentials(address);
    const client = new Client({
      projectId: address.project,
      ...(address.endpoint === undefined ? {} : { apiEndpoint: address.endpoint }),
      ...(auth === undefined ? {} : { authClient: auth as never }),
    });
    return new Warehouse(address, client, auth, logger);
  }

  private get dataset() {
    return this.client.dataset(this.address.dataset);
  }

  private async guard<T>(what: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw warehouseError(error, what, this.address);
    }
  }

  /** The dataset's region. @throws QuantlineError CONFIG where there is no such dataset. */
  async region(): Promise<string> {
    this.location ??= await this.guard('looking at the dataset', async () => {
      const [metadata] = (await this.dataset.getMetadata()) as unknown as [{ location?: string }];
      return metadata.location ?? this.address.location;
    });
    return this.location;
  }

  async createDataset(): Promise<boolean> {
    return this.guard('creating the dataset', async () => {
      const [exists] = await this.dataset.exists();
      if (exists) return false;
      await this.dataset.create({ location: this.address.location });
      return true;
    });
  }

  /** Creates a table, or checks that the one there has the same columns. */
  async ensureTable(name: string, layout: TableLayout, now: number): Promise<void> {
    await this.guard(`preparing table ${name}`, async () => {
      const table = this.dataset.table(name);
      const [exists] = await table.exists();
      if (!exists) {
        const options = {
          schema: layout.fields.map((f) => ({
            name: f.name,
            type: LEGACY[f.type],
            mode: f.required ? 'REQUIRED' : 'NULLABLE',
          })),
          ...(layout.partitionBy === undefined
            ? {}
            : { timePartitioning: { type: 'MONTH', field: layout.partitionBy }, requirePartitionFilter: true }),
          ...(layout.clusterBy === undefined ? {} : { clustering: { fields: [...layout.clusterBy] } }),
          ...(layout.expiresInDays === undefined
            ? {}
            : { expirationTime: String(now + layout.expiresInDays * 86_400_000) }),
        };
        // Another process may create it in the same second.
        await this.dataset.createTable(name, options).catch((error: { code?: unknown }) => {
          if (error.code !== 409) throw error;
        });
        return;
      }
      const [metadata] = (await table.getMetadata()) as unknown as [
        { schema?: { fields?: { name: string; type: string }[] } },
      ];
      const have = new Map((metadata.schema?.fields ?? []).map((field) => [field.name, field.type]));
      for (const { name: column, type } of layout.fields) {
        const found = have.get(column);
        if (found !== type && found !== LEGACY[type])
          throw new QuantlineError(
            'MISMATCH',
            `Table ${this.address.dataset}.${name} has another schema: column ${column} is ${found ?? 'missing'} instead of ${type}.`,
            { hint: 'Use another dataset, or a newer version of Quantline.', details: { table: name, column } },
          );
      }
    });
  }

  /**
   * Loads a Parquet file into a table whose name and job id follow from the file's contents: a repeat finds the first
   * job and its result. An id whose job failed is burnt, the next one is taken.
   */
  async loadParquet(table: string, path: string, jobId: string): Promise<void> {
    const location = await this.region();
    await this.guard('loading bars', async () => {
      for (let attempt = 0; ; attempt++) {
        const id = attempt === 0 ? jobId : `${jobId}-${attempt}`;
        const options = { sourceFormat: 'PARQUET', jobId: id, writeDisposition: 'WRITE_TRUNCATE' } as const;
        try {
          await this.client.dataset(this.address.dataset, { location }).table(table).load(path, options);
          return;
        } catch (error) {
          if ((error as { code?: unknown }).code !== 409) throw error;
        }
        const outcome = await this.client
          .job(id, { location })
          .promise()
          .then(() => 'done' as const)
          .catch((error: unknown) => error);
        if (outcome === 'done') return;
        if (attempt >= 5) throw outcome;
      }
    });
  }

  /** What a query would read, without running it. */
  async cost(sql: string, parameters: Parameters = {}): Promise<number> {
    const job = await this.start(sql, parameters, true);
    return Number(
      (job.metadata as { statistics?: { totalBytesProcessed?: string } }).statistics?.totalBytesProcessed ?? 0,
    );
  }

  /**
   * Runs a query under the billing limit; its cost is said before and after. `small` is for tables of a few rows, whose
   * cost is the service's minimum: nothing is estimated there.
   */
  async query(sql: string, parameters: Parameters = {}, small = false): Promise<QueryResult> {
    const estimate = small ? 0 : await this.cost(sql, parameters);
    const say = estimate > 100e6 ? 'info' : 'debug';
    if (!small) this.logger[say](`BigQuery: about ${costText(estimate)} to read.`);
    const job = await this.start(sql, parameters, false);
    return this.guard('reading the result', async () => {
      const [rows] = (await job.getQueryResults()) as [Row[]];
      const [metadata] = (await job.getMetadata()) as unknown as [
        { statistics?: { query?: { totalBytesBilled?: string } } },
      ];
      const billed = metadata.statistics?.query?.totalBytesBilled;
      if (billed !== undefined) this.logger[say](`BigQuery: billed ${costText(Number(billed))}.`);
      return { rows, billedBytes: billed === undefined ? undefined : Number(billed) };
    });
  }

  private async start(sql: string, parameters: Parameters, dryRun: boolean) {
    const location = await this.region();
    // Written out, because the client's own query options put fields where the interface has none.
    const configuration = {
      dryRun,
      labels: { tool: 'quantline' },
      query: {
        query: sql,
        useLegacySql: false,
        maximumBytesBilled: String(this.address.maximumBytesBilled),
        defaultDataset: { projectId: this.address.project, datasetId: this.address.dataset },
        parameterMode: 'NAMED',
        queryParameters: Object.entries(parameters).map(([name, value]) => ({ name, ...parameter(value) })),
      },
    };
    return this.guard('running a query', async () => {
      const [job] = await this.client.createJob({ configuration, location });
      return job;
    });
  }

  /**
   * Columns of a table by the Storage Read API, as Arrow batches; rows come in no order. `restriction` is SQL built
   * from constants of ours only. Timestamps are epoch milliseconds.
   */
  async *readColumns(
    table: string,
    columns: readonly string[],
    restriction: string,
  ): AsyncGenerator<Readonly<Record<string, Float64Array>>> {
    const { project, dataset } = this.address;
    const { tableFromIPC } = await import('apache-arrow');
    const client = (await this.readClient()).getClient();
    const session = await this.guard('opening a read session', async () => {
      const [created] = await client.createReadSession({
        parent: `projects/${project}`,
        readSession: {
          table: `projects/${project}/datasets/${dataset}/tables/${table}`,
          dataFormat: 'ARROW',
          readOptions: { selectedFields: [...columns], rowRestriction: restriction },
        },
        maxStreamCount: 1,
      });
      return created;
    });
    const schema = session.arrowSchema?.serializedSchema as Uint8Array;
    for (const { name } of session.streams ?? []) {
      const batches = client.readRows({ readStream: name ?? '' });
      try {
        for await (const reply of batches as AsyncIterable<{
          arrowRecordBatch?: { serializedRecordBatch?: Uint8Array };
        }>) {
          const bytes = reply.arrowRecordBatch?.serializedRecordBatch;
          if (bytes === undefined) continue;
          const batch = tableFromIPC(Buffer.concat([schema, bytes]));
          if (batch.numRows === 0) continue;
          yield Object.fromEntries(columns.map((column) => [column, numbers(batch.getChild(column), batch.numRows)]));
        }
      } catch (error) {
        throw warehouseError(error, 'reading columns', this.address);
      }
    }
  }

  private readClient(): Promise<Reader.ReadClient> {
    this.reading ??= (async () => {
      const { reader } = await import('@google-cloud/bigquery-storage');
      const { endpoint, storagePort, project } = this.address;
      if (endpoint === undefined)
        return new reader.ReadClient({
          projectId: project,
          ...(this.auth === undefined ? {} : { authClient: this.auth as never }),
        });
      const { credentials: grpc } = await import('@grpc/grpc-js');
      return new reader.ReadClient({
        projectId: project,
        apiEndpoint: new URL(endpoint).hostname,
        port: storagePort ?? 9060,
        sslCreds: grpc.createInsecure(),
        authClient: this.auth as never,
      });
    })();
    return this.reading;
  }

  async close(): Promise<void> {
    (await this.reading?.catch(() => undefined))?.close();
  }
}

function parameter(value: Parameters[string]) {
  const int64 = { type: 'INT64' };
  if (value instanceof Instant)
    return {
      parameterType: { type: 'TIMESTAMP' },
      parameterValue: { value: isoTime(value.ms).replace('T', ' ').replace('Z', '+00') },
    };
  if (typeof value === 'string') return { parameterType: { type: 'STRING' }, parameterValue: { value } };
  if (typeof value === 'number') return { parameterType: int64, parameterValue: { value: String(value) } };
  return {
    parameterType: { type: 'ARRAY', arrayType: int64 },
    parameterValue: { arrayValues: value.map((one) => ({ value: String(one) })) },
  };
}

async function credentials(address: BigQueryAddress): Promise<OAuth2Client | undefined> {
  const { GoogleAuth, Impersonated, OAuth2Client: Client } = await import('google-auth-library');
  if (address.endpoint !== undefined) {
    // An emulator takes anything; the client insists on something.
    const client = new Client();
    client.setCredentials({ access_token: 'emulator', expiry_date: 8.64e15 });
    return client;
  }
  if (address.impersonate === undefined) return undefined;
  const scopes = ['https://www.googleapis.com/auth/bigquery'];
  try {
    const sourceClient = await new GoogleAuth({
      scopes: ['https://www.googleapis.com/auth/cloud-platform'],
    }).getClient();
    return new Impersonated({
      sourceClient: sourceClient as never,
      targetPrincipal: address.impersonate,
      targetScopes: scopes,
      lifetime: 3600,
    }) as unknown as OAuth2Client;
  } catch (error) {
    throw warehouseError(error, 'finding credentials', address);
  }
}

interface Column {
  readonly data: readonly {
    readonly values: ArrayLike<number> | BigInt64Array;
    readonly length: number;
    readonly offset: number;
  }[];
  readonly nullCount: number;
}

/** One batch of a column as doubles; microseconds become milliseconds. */
function numbers(column: unknown, n: number): Float64Array {
  const { data, nullCount } = column as Column;
  if (nullCount > 0) throw new QuantlineError('ARTIFACT_CORRUPT', 'The warehouse holds bars with missing values.');
  const out = new Float64Array(n);
  let at = 0;
  for (const { values, length } of data) {
    if (values instanceof BigInt64Array) for (let i = 0; i < length; i++) out[at + i] = Number(values[i]!) / 1000;
    else out.set((values as Float64Array).subarray(0, length), at);
    at += length;
  }
  return out;
}
