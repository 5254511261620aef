import { randomBytes } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { mkdir, open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { DuckDBConnection, DuckDBMaterializedResult } from '@duckdb/node-api';
import { QuantlineError } from '../errors/index.js';
import { identifier, literal, pathLiteral, withDuckDB } from './duckdb.js';
import { storageError, syncFolder } from './files.js';

/** A column: 64-bit floats, 32-bit integers or text. All columns of a file have one length. */
export type ParquetColumn = Float64Array | Int32Array | readonly string[];
/** Text of few values, many times: `values[codes[row]]`. Written without a string a row; read as text. */
export interface CodedColumn {
  readonly values: readonly string[];
  readonly codes: Int32Array;
}
export type ParquetColumns = Readonly<Record<string, ParquetColumn | CodedColumn>>;

export interface ParquetWriteOptions {
  /** Float64Array columns that hold epoch milliseconds and are stored as TIMESTAMP_MILLIS (whole numbers). */
  readonly timestamps?: readonly string[];
}

const CHUNK = 2048;

/**
 * Writes columns as one Parquet file (zstd; equal columns give equal bytes). Under its final name the file is absent
 * or whole, and durable when this returns. Disk faults are STORAGE errors, see `storageError`.
 */
export async function writeParquet(
  path: string,
  columns: ParquetColumns,
  options: ParquetWriteOptions = {},
): Promise<void> {
  await publish(path, (temporary) => withDuckDB((connection) => copyTo(connection, temporary, columns, options)));
}

async function publish(path: string, write: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = `${path}.${process.pid}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true }).catch((error) => {
      throw error.code === 'EEXIST' ? Object.assign(error, { code: 'ENOTDIR' }) : error;
    });
    await write(temporary);
    const file = await open(temporary, constants.O_RDONLY);
    try {
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw storageError(withErrno(error), path);
  }
}

/** DuckDB reports file system errors as text; gives them the code that Node would have given. */
function withErrno(error: unknown): unknown {
  const message = (error as Error)?.message ?? '';
  if (!/IO Error/i.test(message)) return error;
  const codes: [RegExp, string][] = [
    [/No space left on device|disk.* full/i, 'ENOSPC'],
    [/Disk quota exceeded/i, 'EDQUOT'],
    [/Read-only file system/i, 'EROFS'],
    [/Permission denied/i, 'EACCES'],
    [/Is a directory/i, 'EISDIR'],
    [/Not a directory/i, 'ENOTDIR'],
  ];
  const code = codes.find(([pattern]) => pattern.test(message))?.[1];
  return code === undefined ? error : Object.assign(error as Error, { code });
}

async function copyTo(
  connection: DuckDBConnection,
  path: string,
  columns: ParquetColumns,
  options: ParquetWriteOptions,
): Promise<void> {
  const names = Object.keys(columns);
  const plain = names.map((name) => plainOf(columns[name]!));
  const rows = plain[0]?.length ?? 0;
  const timestamps = new Set(options.timestamps ?? []);
  const type = (name: string, k: number) => {
    const column = plain[k]!;
    if (column.length !== rows)
      throw new QuantlineError('BUG', `Column ${name} has ${column.length} rows, the first one ${rows}.`);
    if (column instanceof Float64Array) return timestamps.has(name) ? 'TIMESTAMP_MS' : 'DOUBLE';
    return column instanceof Int32Array ? 'INTEGER' : 'VARCHAR';
  };
  const definition = names.map((name, k) => `${identifier(name)} ${type(name, k)}`).join(', ');
  const selected = names.map((name) => {
    const column = columns[name]!;
    return 'codes' in column
      ? `[${column.values.map(literal).join(', ')}][${identifier(name)} + 1] AS ${identifier(name)}`
      : identifier(name);
  });
  await connection.run(`CREATE OR REPLACE TEMP TABLE t (${definition})`);
  try {
    await append(
      connection,
      names.map((name, k) => (timestamps.has(name) ? int64(plain[k]!) : plain[k]!)),
      rows,
    );
    await connection.run(
      `COPY (SELECT ${selected.join(', ')} FROM t) TO ${literal(path)} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, PARQUET_VERSION v2, ROW_GROUP_SIZE 122880)`,
    );
  } finally {
    await connection.run('DROP TABLE t');
  }
}

const plainOf = (column: ParquetColumn | CodedColumn): ParquetColumn => ('codes' in column ? column.codes : column);

/** Whole doubles as the little-endian halves of 64-bit integers. */
function int64(column: ParquetColumn): Int32Array {
  const out = new Int32Array(column.length * 2);
  for (let i = 0; i < column.length; i++) {
    const value = column[i] as number;
    const high = Math.floor(value / 4_294_967_296);
    out[2 * i] = (value - high * 4_294_967_296) | 0;
    out[2 * i + 1] = high;
  }
  return out;
}

async function append(connection: DuckDBConnection, columns: readonly ParquetColumn[], rows: number): Promise<void> {
  const [{ DuckDBDataChunk }, { default: native }] = await Promise.all([
    import('@duckdb/node-api'),
    import('@duckdb/node-bindings'),
  ]);
  const appender = await connection.createAppender('t');
  const types = columns.map((_, k) => appender.columnType(k));
  const chunk = DuckDBDataChunk.create(types);
  const plain = columns.map((column) => {
    if (!ArrayBuffer.isView(column)) return undefined;
    // The copy below takes ArrayBuffer only.
    const view = column.buffer instanceof ArrayBuffer ? column : column.slice();
    return { buffer: view.buffer as ArrayBuffer, offset: view.byteOffset, width: view.byteLength / Math.max(rows, 1) };
  });
  for (let at = 0; at < rows; at += CHUNK) {
    const n = Math.min(CHUNK, rows - at);
    chunk.reset();
    chunk.rowCount = n;
    for (let k = 0; k < columns.length; k++) {
      const source = plain[k];
      if (source === undefined) {
        const vector = native.data_chunk_get_vector(chunk.chunk, k);
        const values = columns[k] as readonly string[];
        for (let i = 0; i < n; i++) native.vector_assign_string_element(vector, i, values[at + i]!);
      } else {
        const vector = native.data_chunk_get_vector(chunk.chunk, k);
        native.copy_data_to_vector(vector, 0, source.buffer, source.offset + at * source.width, n * source.width);
      }
    }
    appender.appendDataChunk(chunk);
  }
  appender.closeSync();
}

/** Reads columns of a Parquet file; all of them without `names`. Numbers and times come as Float64Array (times as epoch ms UTC, NULL as NaN), 32-bit integers as Int32Array, the rest as text. INPUT when the file is absent or not Parquet. */
export async function readParquet(
  path: string,
  names?: readonly string[],
  known?: ReadonlyMap<string, string>,
): Promise<Record<string, ParquetColumn>> {
  assertReadable(path);
  try {
    return await queryColumns(`read_parquet(${pathLiteral(path)}, hive_partitioning = false)`, names, known);
  } catch (error) {
    if (error instanceof QuantlineError) throw error;
    throw new QuantlineError('INPUT', `Cannot read ${path} as Parquet: ${firstLine(error)}`, {
      hint: 'The file is damaged or of another format; restore it or write it again.',
      details: { path },
      cause: error,
    });
  }
}

/** INPUT where there is no such file, STORAGE where it may not be read. */
export function assertReadable(path: string): void {
  try {
    accessSync(path, constants.R_OK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw storageError(error, path);
    const hint = path.includes('*')
      ? 'A pattern goes into --source duckdb: --set "sql=FROM \'bars/*.parquet\'".'
      : 'Check the path.';
    throw new QuantlineError('INPUT', `No such file: ${path}`, { hint, details: { path } });
  }
}

const firstLine = (error: unknown): string => ((error as Error).message ?? String(error)).split('\n')[0]!;

const TIMES = /^(TIMESTAMP|DATE)/;
const NUMBERS = /^(DOUBLE|FLOAT|DECIMAL|U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?)/;

/**
 * Columns of a SQL relation (a table function call or a parenthesised query), as `readParquet` gives them. `known`:
 * DuckDB types by column, where the caller wrote them itself; saves asking.
 */
export function queryColumns(
  relation: string,
  names?: readonly string[],
  known?: ReadonlyMap<string, string>,
): Promise<Record<string, ParquetColumn>> {
  return withDuckDB(async (connection) => {
    const types = known ?? (await describe(connection, relation));
    const wanted = names ?? [...types.keys()];
    const kinds = wanted.map((name): Kind => {
      const type = types.get(name);
      if (type === undefined)
        throw new QuantlineError('INPUT', `There is no column "${name}"; there are ${[...types.keys()].join(', ')}.`, {
          hint: 'Name the columns as the file does.',
        });
      if (type === 'INTEGER') return 'int32';
      return TIMES.test(type) ? 'time' : NUMBERS.test(type) ? 'float' : 'text';
    });
    const expression = (name: string, k: number) => {
      const column = identifier(name);
      if (kinds[k] === 'time')
        return types.get(name)!.startsWith('DATE')
          ? `epoch_ms(${column}::TIMESTAMP)::DOUBLE`
          : `epoch_ms(${column})::DOUBLE`;
      if (kinds[k] === 'float') return `${column}::DOUBLE`;
      return kinds[k] === 'int32' ? column : `${column}::VARCHAR`;
    };
    const result = await connection.run(`SELECT ${wanted.map(expression).join(', ')} FROM ${relation}`);
    return collect(result, wanted, kinds);
  });
}

/** DuckDB's types of a relation's columns by name, in order. */
export const relationTypes = (relation: string): Promise<ReadonlyMap<string, string>> =>
  withDuckDB((connection) => describe(connection, relation));

type Kind = 'time' | 'float' | 'int32' | 'text';

/** A result's chunks one after another: numbers in shared memory, missing ones as NaN. */
async function collect(
  result: DuckDBMaterializedResult,
  names: readonly string[],
  kinds: readonly Kind[],
): Promise<Record<string, ParquetColumn>> {
  const { default: native } = await import('@duckdb/node-bindings');
  const rows = result.rowCount;
  const columns = kinds.map((kind): ParquetColumn => {
    if (kind === 'text') return [];
    return kind === 'int32'
      ? new Int32Array(new SharedArrayBuffer(rows * 4))
      : new Float64Array(new SharedArrayBuffer(rows * 8));
  });
  const bytes = columns.map((column) => (ArrayBuffer.isView(column) ? new Uint8Array(column.buffer) : undefined));
  const chunks = result.chunkCount;
  for (let i = 0, at = 0; i < chunks; i++) {
    const chunk = result.getChunk(i);
    const n = chunk.rowCount;
    for (let k = 0; k < columns.length; k++) {
      const column = columns[k]!;
      const target = bytes[k];
      if (target === undefined) {
        for (const value of chunk.getColumnValues(k)) (column as string[]).push((value as string | null) ?? '');
        continue;
      }
      const { BYTES_PER_ELEMENT: width } = column as Float64Array | Int32Array;
      const vector = native.data_chunk_get_vector(chunk.chunk, k);
      target.set(native.vector_get_data(vector, n * width), at * width);
      if (!(column instanceof Float64Array)) continue;
      const validity = native.vector_get_validity(vector, Math.ceil(n / 64) * 8) as Uint8Array | null;
      if (validity === null) continue;
      for (let row = 0; row < n; row++)
        if ((validity[row >> 3]! & (1 << (row & 7))) === 0) column[at + row] = Number.NaN;
    }
    at += n;
  }
  return Object.fromEntries(names.map((name, k) => [name, columns[k]!]));
}

async function describe(connection: DuckDBConnection, relation: string): Promise<ReadonlyMap<string, string>> {
  const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${relation}`);
  return new Map(described.getRowsJS().map((row) => [String(row[0]), String(row[1])]));
}
