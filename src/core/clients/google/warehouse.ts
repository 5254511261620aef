import type { BigQuery } from '@google-cloud/bigquery';
import type { reader as Reader } from '@google-cloud/bigquery-storage';
import type { OAuth2Client } from 'google-auth-library';
import { QuantlineError } from '../../errors/index.js';
import type { Logger } from '../../platform/index.js';
import type { BigQueryAddress } from './address.js';
import { arrowNumbers } from './arrow.js';
import { googleCredentials } from './credentials.js';
import { warehouseError } from './failures.js';
import { type Parameters, parameter } from './parameters.js';
import { checkTable, DEFAULT_LOCATION, regionOf, type TableLayout, tableOptions } from './tables.js';

export type Row = Readonly<Record<string, unknown>>;

export interface QueryResult {
  readonly rows: readonly Row[];
  /** What the dry run says; 0 where it was left out. */
  readonly estimatedBytes: number;
  /** undefined where the service does not say. */
  readonly billedBytes: number | undefined;
}

export interface TableSize {
  readonly name: string;
  readonly rows: number;
  readonly bytes: number;
  /** Of these bytes, those that did not change for 90 days. */
  readonly longTermBytes: number;
}

interface JobMetadata {
  readonly configuration?: { readonly labels?: Readonly<Record<string, string>> };
  readonly statistics?: { readonly query?: { readonly totalBytesBilled?: string } };
}

/** On-demand price a TiB in the US; other regions differ little. */
export const DOLLARS_PER_TIB = 6.25;
export const TIB = 1024 ** 4;

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
    const auth = await googleCredentials(address, ['https://www.googleapis.com/auth/bigquery']).catch((error) => {
      throw warehouseError(error, 'finding credentials', address);
    });
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

  /** The dataset's region. @throws QuantlineError CONFIG where there is no such dataset, or in another region than said. */
  async region(): Promise<string> {
    this.location ??= await this.guard('looking at the dataset', async () => {
      const [metadata] = (await this.dataset.getMetadata()) as unknown as [{ location?: string }];
      return regionOf(metadata.location, this.address);
    });
    return this.location;
  }

  async createDataset(): Promise<boolean> {
    return this.guard('creating the dataset', async () => {
      const [exists] = await this.dataset.exists();
      if (exists) return false;
      await this.dataset.create({ location: this.address.location ?? DEFAULT_LOCATION });
      return true;
    });
  }

  /** Creates a table, or checks that the one there has the same columns. */
  async ensureTable(name: string, layout: TableLayout, now: number): Promise<void> {
    await this.guard(`preparing table ${name}`, async () => {
      const table = this.dataset.table(name);
      const [exists] = await table.exists();
      if (!exists) {
        // Another process may create it in the same second.
        await this.dataset.createTable(name, tableOptions(layout, now)).catch((error: { code?: unknown }) => {
          if (error.code !== 409) throw error;
        });
        return;
      }
      const [metadata] = (await table.getMetadata()) as unknown as [
        { schema?: { fields?: { name: string; type: string }[] } },
      ];
      checkTable(`${this.address.dataset}.${name}`, layout, metadata.schema?.fields ?? []);
    });
  }

  /**
   * Loads a Parquet file into a table whose name and job id follow from the file's contents: a repeat finds the first
   * job and its result. An id whose job failed is burnt, the next one is taken.
   */
  async loadParquet(table: string, path: string, jobId: string): Promise<void> {
    const location = await this.region();
    await this.guard('loading bars', async () => {
      const staged = await this.staged(path, jobId);
      for (let attempt = 0; ; attempt++) {
        const id = attempt === 0 ? jobId : `${jobId}-${attempt}`;
        try {
          await this.load(id, table, location, staged?.uri ?? path);
          await staged?.remove();
          return;
        } catch (error) {
          if ((error as { code?: unknown }).code !== 409) throw error;
        }
        const outcome = await this.client
          .job(id, { location })
          .promise()
          .then(() => 'done' as const)
          .catch((error: unknown) => error);
        if (outcome === 'done') return staged?.remove();
        if (attempt >= 5) throw outcome;
      }
    });
  }

  /** Puts a file into the staging bucket, where there is one, under the name of its job. */
  private async staged(path: string, jobId: string) {
    const { staging } = this.address;
    if (staging === undefined) return undefined;
    const { Bucket } = await import('./bucket.js');
    const bucket = await Bucket.open(staging);
    const name = `${jobId}.parquet`;
    // The name follows from the contents: what is there already is the same file.
    await bucket.createFrom(name, path);
    return { uri: bucket.uri(name), remove: () => bucket.remove(name) };
  }

  private async load(jobId: string, table: string, location: string, source: string): Promise<void> {
    const { project, dataset } = this.address;
    if (!source.startsWith('gs://')) {
      const options = { sourceFormat: 'PARQUET', jobId, writeDisposition: 'WRITE_TRUNCATE' } as const;
      await this.client.dataset(dataset, { location }).table(table).load(source, options);
      return;
    }
    const load = {
      sourceUris: [source],
      sourceFormat: 'PARQUET',
      writeDisposition: 'WRITE_TRUNCATE',
      destinationTable: { projectId: project, datasetId: dataset, tableId: table },
    };
    const [job] = await this.client.createJob({ jobId, location, configuration: { load } });
    await job.promise();
  }

  /** All rows of a small table, free of charge. */
  async listRows(table: string): Promise<readonly Row[]> {
    await this.region();
    return this.guard(`listing ${table}`, async () => (await this.dataset.table(table).getRows())[0] as Row[]);
  }

  /** What a query would read, without running it. @throws QuantlineError USAGE where it is not only reading but must be. */
  async cost(sql: string, parameters: Parameters = {}, readOnly = false): Promise<number> {
    const job = await this.start(sql, parameters, true);
    const { statistics } = job.metadata as {
      statistics?: { totalBytesProcessed?: string; query?: { statementType?: string } };
    };
    const type = statistics?.query?.statementType ?? 'SELECT';
    if (readOnly && type !== 'SELECT')
      throw new QuantlineError('USAGE', `This is no query but a statement (${type}); it was not run.`, {
        hint: 'Change tables with bq query or the console.',
      });
    return Number(statistics?.totalBytesProcessed ?? 0);
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
      return { rows, estimatedBytes: estimate, billedBytes: billed === undefined ? undefined : Number(billed) };
    });
  }

  /** Tables with their sizes, free of charge. */
  async tables(): Promise<readonly TableSize[]> {
    await this.region();
    return this.guard('listing tables', async () => {
      const [tables] = await this.dataset.getTables();
      const sizes: TableSize[] = [];
      for (const table of tables) {
        const [{ numRows, numBytes, numLongTermBytes }] = (await table.getMetadata()) as unknown as [
          Record<'numRows' | 'numBytes' | 'numLongTermBytes', string | undefined>,
        ];
        const [rows, bytes, longTermBytes] = [numRows, numBytes, numLongTermBytes].map((one) => Number(one ?? 0));
        sizes.push({ name: table.id ?? '', rows: rows!, bytes: bytes!, longTermBytes: longTermBytes! });
      }
      return sizes;
    });
  }

  /** Jobs of this program since an instant: how many, and what they were billed for. Free of charge. */
  async usage(since: number): Promise<{ readonly jobs: number; readonly billedBytes: number }> {
    return this.guard('listing jobs', async () => {
      const [jobs] = await this.client.getJobs({ minCreationTime: String(since), projection: 'full' });
      const ours = jobs
        .map(({ metadata }) => metadata as JobMetadata)
        .filter(({ configuration }) => configuration?.labels?.['tool'] === 'quantline');
      const billed = ours.map(({ statistics }) => Number(statistics?.query?.totalBytesBilled ?? 0));
      return { jobs: ours.length, billedBytes: billed.reduce((sum, bytes) => sum + bytes, 0) };
    });
  }

  /** A label of a table; undefined where it has none of that name. */
  async label(table: string, name: string): Promise<string | undefined> {
    return this.guard(`looking at ${table}`, async () => {
      const [{ labels }] = (await this.dataset.table(table).getMetadata()) as unknown as [
        { labels?: Record<string, string> },
      ];
      return labels?.[name];
    });
  }

  async setLabel(table: string, name: string, value: string): Promise<void> {
    await this.guard(`labelling ${table}`, async () => {
      await this.dataset.table(table).setMetadata({ labels: { [name]: value } });
    });
  }

  /** Runs a statement that defines something, which costs nothing. */
  async execute(sql: string): Promise<void> {
    const job = await this.start(sql, {}, false);
    await this.guard('defining a view', () => job.getQueryResults());
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
        ...(Object.keys(parameters).length === 0
          ? {}
          : {
              parameterMode: 'NAMED',
              queryParameters: Object.entries(parameters).map(([name, value]) => ({ name, ...parameter(value) })),
            }),
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
          yield Object.fromEntries(
            columns.map((column) => [column, arrowNumbers(batch.getChild(column), batch.numRows)]),
          );
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
