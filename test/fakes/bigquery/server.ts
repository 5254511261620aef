import type { IncomingMessage, ServerResponse } from 'node:http';
import { Contract } from '../contract.js';
import { type Loopback, listen, readRequest } from '../loopback.js';

interface Job {
  readonly id: string;
  readonly configuration: {
    readonly query?: {
      readonly query: string;
      readonly maximumBytesBilled?: string;
      readonly queryParameters?: readonly {
        readonly name: string;
        readonly parameterValue: {
          readonly value?: string;
          readonly arrayValues?: readonly { readonly value: string }[];
        };
      }[];
    };
    readonly load?: {
      readonly destinationTable?: { readonly tableId?: string };
      readonly sourceUris?: readonly string[];
    };
    readonly dryRun?: boolean;
    readonly labels?: Record<string, string>;
  };
  readonly location: string | undefined;
  error?: { reason: string; message: string };
}

type Rows = readonly Readonly<Record<string, string | null>>[];

/**
 * BigQuery's REST interface as far as its answers matter for what is asked of it: it runs no SQL, it remembers
 * requests, refuses a job id that it has seen, and answers queries with what a test says. Requests and replies are
 * checked against the cut discovery document. What SQL does is tested on the emulator.
 */
export class FakeBigQuery {
  readonly violations: string[] = [];
  readonly jobs: Job[] = [];
  readonly tables = new Map<string, Record<string, unknown>>();
  /** Rows for a query, by a part of its text. */
  readonly answers: [RegExp, Rows][] = [];
  /** Errors for the next requests that match `METHOD path` or the SQL text. */
  readonly failures: { match: RegExp; status: number; reason: string; message: string; times: number }[] = [];
  /** Rows of the table of series, the one statement on which is carried out. */
  readonly series = new Map<string, { body: string; revision: number }>();
  /** Called before a load job is answered. */
  onLoad: () => Promise<void> = async () => {};
  datasetExists = true;
  estimate = 5_000_000;
  private readonly contract = Contract.load('bigquery');
  private server!: Loopback;

  static async start(): Promise<FakeBigQuery> {
    const fake = new FakeBigQuery();
    fake.server = await listen((request, response) => void fake.handle(request, response));
    return fake;
  }

  address(more = ''): string {
    return `bigquery://proj-1.bars_eu?endpoint=${encodeURIComponent(this.server.url)}${more}`;
  }

  close(): Promise<void> {
    return this.server.close();
  }

  queries(part: RegExp): Job[] {
    return this.jobs.filter((job) => part.test(job.configuration.query?.query ?? ''));
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.server.url);
    const method = request.method ?? 'GET';
    const text = await readRequest(request);
    const upload = url.pathname.startsWith('/upload/');
    const path = url.pathname.replace('/upload', '').replace('/bigquery/v2', '');
    const body = upload ? metadataOf(text) : text === '' ? undefined : (JSON.parse(text) as unknown);
    const operation = `${method} ${path.replace(/^\/projects\/[^/]+/, '/projects/{}').replace(/\/(datasets|tables|jobs|queries)\/[^/]+/g, '/$1/{}')}`;
    // Google's own client repeats the location here, where the document has no such field.
    delete (body as { configuration?: { load?: { location?: unknown } } } | undefined)?.configuration?.load?.location;
    this.violations.push(...this.contract.request(operation, url.searchParams, body));
    const sql = (body as { configuration?: Job['configuration'] } | undefined)?.configuration?.query?.query ?? '';
    const failure = this.failures.find(
      (one) => one.times > 0 && (one.match.test(operation) || (sql !== '' && one.match.test(sql))),
    );
    const reply = (status: number, json: unknown) => {
      if (status < 400) this.violations.push(...this.contract.reply(operation, status, json));
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
    };
    const refuse = (status: number, reason: string, message: string) =>
      reply(status, { error: { code: status, message, errors: [{ reason, message, domain: 'global' }] } });
    if (failure !== undefined) {
      failure.times--;
      return refuse(failure.status, failure.reason, failure.message);
    }
    if (path.endsWith('/datasets/bars_eu'))
      return this.datasetExists
        ? reply(200, {
            id: 'proj-1:bars_eu',
            location: 'EU',
            datasetReference: { projectId: 'proj-1', datasetId: 'bars_eu' },
          })
        : refuse(404, 'notFound', 'Not found: Dataset proj-1:bars_eu');
    if (path.endsWith('/tables') && method === 'POST') {
      const table = body as { tableReference: { tableId: string } };
      this.tables.set(table.tableReference.tableId, table);
      return reply(200, table);
    }
    if (path.endsWith('/tables/series/data')) {
      const rows = [...this.series].map(([name, { body: text_, revision }]) => [name, text_, String(revision)]);
      return reply(200, { totalRows: String(rows.length), rows: rows.map((row) => ({ f: row.map((v) => ({ v })) })) });
    }
    if (path.endsWith('/tables') && method === 'GET')
      return reply(200, {
        totalItems: this.tables.size,
        tables: [...this.tables.keys()].map((tableId) => ({
          tableReference: { projectId: 'proj-1', datasetId: 'bars_eu', tableId },
        })),
      });
    if (path.endsWith('/jobs') && method === 'GET')
      return reply(200, { jobs: this.jobs.map((one) => ({ ...(this.jobJson(one) as object), state: 'DONE' })) });
    const table = /\/tables\/([^/]+)$/.exec(path)?.[1];
    if (table !== undefined) {
      const found = this.tables.get(table);
      return found === undefined
        ? refuse(404, 'notFound', `Not found: Table proj-1:bars_eu.${table}`)
        : reply(200, found);
    }
    if (path.endsWith('/jobs')) {
      if ((body as { configuration?: Job['configuration'] }).configuration?.load !== undefined) await this.onLoad();
      return this.insert(body, reply, refuse);
    }
    const id = /\/(?:jobs|queries)\/([^/]+)$/.exec(path)?.[1];
    const job = this.jobs.find((one) => one.id === id && one.configuration.dryRun !== true);
    if (job === undefined) return refuse(404, 'notFound', 'Not found: Job');
    if (path.includes('/jobs/')) return reply(200, this.jobJson(job));
    const rows = this.rowsOf(job);
    const fields = Object.keys(rows[0] ?? { none: null });
    return reply(200, {
      jobComplete: true,
      jobReference: { projectId: 'proj-1', jobId: job.id, location: 'EU' },
      totalRows: String(rows.length),
      schema: { fields: fields.map((name) => ({ name, type: 'STRING' })) },
      rows: rows.map((row) => ({ f: fields.map((name) => ({ v: row[name] })) })),
    });
  }

  private rowsOf({ configuration: { query } }: Job): Rows {
    const sql = query?.query ?? '';
    const answer = this.answers.find(([match]) => match.test(sql));
    if (answer !== undefined) return answer[1];
    if (!/FROM series WHERE/.test(sql)) return [];
    return valuesOf(query, 'series').flatMap((series) => {
      const row = this.series.get(series);
      return row === undefined ? [] : [{ series, body: row.body, revision: String(row.revision) }];
    });
  }

  /** A compare-and-set of series' rows. */
  private save({ configuration: { query, dryRun } }: Job): void {
    if (dryRun === true || !/MERGE series/.test(query?.query ?? '')) return;
    const [bodies, revisions] = [valuesOf(query, 'bodies'), valuesOf(query, 'revisions')];
    for (const [i, series] of valuesOf(query, 'series').entries()) {
      const revision = this.series.get(series)?.revision ?? 0;
      if (revision === Number(revisions[i])) this.series.set(series, { body: bodies[i]!, revision: revision + 1 });
    }
  }

  private insert(
    body: unknown,
    reply: (status: number, json: unknown) => void,
    refuse: (status: number, reason: string, message: string) => void,
  ): void {
    const { jobReference, configuration } = body as {
      jobReference?: { jobId?: string; location?: string };
      configuration: Job['configuration'];
    };
    const id = jobReference?.jobId ?? `job-${this.jobs.length}`;
    if (this.jobs.some((one) => one.id === id)) {
      refuse(409, 'duplicate', `Already Exists: Job proj-1:EU.${id}`);
      return;
    }
    const job: Job = { id, configuration, location: jobReference?.location };
    this.jobs.push(job);
    this.save(job);
    reply(200, this.jobJson(job));
  }

  private jobJson(job: Job): unknown {
    return {
      id: `proj-1:EU.${job.id}`,
      jobReference: { projectId: 'proj-1', jobId: job.id, location: 'EU' },
      configuration: job.configuration,
      status: { state: 'DONE', ...(job.error === undefined ? {} : { errorResult: job.error, errors: [job.error] }) },
      statistics: {
        totalBytesProcessed: String(this.estimate),
        query: { totalBytesProcessed: String(this.estimate), totalBytesBilled: String(this.estimate * 2) },
      },
    };
  }
}

/** An array parameter of a query. */
const valuesOf = (query: Job['configuration']['query'], name: string): readonly string[] =>
  (query?.queryParameters?.find((one) => one.name === name)?.parameterValue.arrayValues ?? []).map(
    ({ value }) => value,
  );

/** The JSON part of a multipart upload. */
function metadataOf(text: string): unknown {
  const start = text.indexOf('{');
  let depth = 0;
  for (let i = start; i < text.length; i++) {
    if (text[i] === '{') depth++;
    else if (text[i] === '}' && --depth === 0) return JSON.parse(text.slice(start, i + 1)) as unknown;
  }
  return undefined;
}
