import { type CalendarId, DAY_MS } from '../../domain/index.js';
import { QuantlineError } from '../../errors/index.js';
import { storageError } from '../../platform/index.js';
import { type Bytes, openBytes } from './bytes.js';
import { delimiterOf, type Header, ROLES, type Role, readHeader, splitLine } from './header.js';
import { CsvParser } from './parser.js';
import { TimeReader } from './times.js';
import { ZoneClock } from './zones.js';

export interface CsvOptions {
  readonly symbol: string;
  readonly calendar: CalendarId;
  /** Zone in which the calendar's dates are meant. */
  readonly calendarZone: string;
  /** Session bars: rows are keyed by date. */
  readonly daily: boolean;
  /** IANA zone of times that carry none. */
  readonly timezone?: string | undefined;
  readonly dayFirst: boolean;
  readonly decimalComma: boolean;
  /** Column names of a file without a header line. */
  readonly columns?: readonly string[] | undefined;
  /** Lines before the header, or before the first row; default 0. */
  readonly skip?: number | undefined;
}

/** Rows in the order of the file. `time` holds epoch ms UTC or, where `daily`, day numbers. */
export interface CsvRows {
  readonly time: Float64Array;
  readonly open: Float64Array;
  readonly high: Float64Array;
  readonly low: Float64Array;
  readonly close: Float64Array;
  readonly volume: Float64Array;
  /** Empty where the file has none; NaN where a row has none. */
  readonly bid: Float64Array;
  readonly ask: Float64Array;
  readonly header: Header;
  /** Line of the first row, for messages (blank lines are not counted again). */
  readonly firstLine: number;
}

const CHUNK = 8 << 20;
const LF = 10;

/** Reads a CSV file of bars whole; INPUT or STORAGE with path, line and column where it cannot be read. */
export async function readCsv(path: string, options: CsvOptions, signal?: AbortSignal): Promise<CsvRows> {
  const file = await openBytes(path);
  try {
    return await readAll(file, path, options, signal);
  } catch (error) {
    throw storageError(error, path);
  } finally {
    await file.close();
  }
}

async function readAll(
  file: Bytes,
  path: string,
  options: CsvOptions,
  signal: AbortSignal | undefined,
): Promise<CsvRows> {
  const { size } = file;
  const length = Math.min(CHUNK, Math.max(size, 4096)) + 1;
  let buffer = Buffer.allocUnsafe(length);
  let filled = await file.read(buffer, 0, length - 1);
  const begin = refuseOtherEncodings(buffer.subarray(0, filled), path);
  if (buffer.subarray(begin, filled).every((c) => c === LF || c === 13 || c === 32))
    throw new QuantlineError('INPUT', `The file is empty: ${path}`, {
      hint: 'Give a file with rows.',
      details: { path },
    });
  const skip = options.skip ?? 0;
  const start = lineAt(buffer.subarray(0, filled), begin, skip);
  const { header, bodyAt } = headerOf(buffer, start, filled, path, options.columns, skip);
  const parser = new CsvParser(
    {
      path,
      header,
      reader: new TimeReader(options.dayFirst),
      zone: options.timezone === undefined ? undefined : new ZoneClock(options.timezone),
      daily: options.daily,
      dayOf: sessionDay(options.calendarZone),
      decimalComma: options.decimalComma,
      symbol: options.symbol,
    },
    // Capacity for rows of 48 bytes; it grows where they are shorter.
    Math.ceil(size / 48),
  );
  parser.line = skip + (options.columns === undefined ? 1 : 0);
  const firstLine = parser.line + 1;

  let from = bodyAt;
  for (;;) {
    signal?.throwIfAborted();
    const end = buffer.lastIndexOf(LF, filled - 1) + 1;
    const whole = Math.max(end, from);
    const rest = filled - whole;
    // The next block is read while this one is parsed.
    const next = Buffer.allocUnsafe(rest + length);
    buffer.copy(next, 0, whole, filled);
    const reading = file.read(next, rest, length - 1);
    reading.catch(() => {});
    parser.parse(buffer, from, whole);
    const bytesRead = await reading;
    buffer = next;
    filled = rest + bytesRead;
    from = 0;
    if (bytesRead > 0) continue;
    if (filled > 0) {
      buffer[filled] = LF;
      parser.parse(buffer, 0, filled + 1);
    }
    break;
  }
  if (parser.rows === 0)
    throw new QuantlineError('INPUT', `There is a header but no row in ${path}.`, {
      hint: 'Give a file with rows.',
      details: { path },
    });
  const cut = (column: Float64Array) => column.subarray(0, parser.rows);
  return {
    time: cut(parser.time),
    open: cut(parser.open),
    high: cut(parser.high),
    low: cut(parser.low),
    close: cut(parser.close),
    volume: cut(parser.volume),
    bid: cut(parser.bid),
    ask: cut(parser.ask),
    header,
    firstLine,
  };
}

/** Offset behind a UTF-8 byte-order mark; INPUT for what is no UTF-8 text. */
function refuseOtherEncodings(bytes: Buffer, path: string): number {
  const refuse = (what: string, hint: string) =>
    new QuantlineError('INPUT', `${path} is ${what}, not CSV text.`, { hint, details: { path } });
  const magic = bytes.toString('latin1', 0, 4);
  if (magic.startsWith('\x1f\x8b')) throw refuse('compressed (gzip)', 'Unpack it before the pipe, with gunzip.');
  if (magic.startsWith('PK\x03\x04')) throw refuse('a ZIP archive or a spreadsheet', 'Save it as CSV.');
  if (magic === 'PAR1') throw refuse('a Parquet file', 'Use --source parquet.');
  if (magic.startsWith('\xff\xfe') || magic.startsWith('\xfe\xff'))
    throw refuse('encoded in UTF-16', 'Save it as UTF-8.');
  if (bytes.includes(0)) throw refuse('binary', 'Give a text file.');
  return magic.startsWith('\xef\xbb\xbf') ? 3 : 0;
}

/** Where the line begins that `skip` lines precede. */
function lineAt(bytes: Buffer, start: number, skip: number): number {
  let at = start;
  for (let i = 0; i < skip && at < bytes.length; i++) {
    const end = bytes.indexOf(LF, at);
    at = end === -1 ? bytes.length : end + 1;
  }
  return at;
}

function headerOf(
  buffer: Buffer,
  start: number,
  filled: number,
  path: string,
  columns: readonly string[] | undefined,
  skip: number,
): { header: Header; bodyAt: number } {
  const newline = buffer.subarray(0, filled).indexOf(LF, start);
  const end = newline === -1 ? filled : newline;
  const line = buffer.toString('utf8', start, end).replace(/\r$/, '');
  if (columns === undefined)
    return { header: readHeader(line, delimiterOf(line), path, skip + 1), bodyAt: newline === -1 ? filled : end + 1 };
  const delimiter = delimiterOf(line);
  const fields = splitLine(line, delimiter).length;
  if (fields !== columns.length)
    throw new QuantlineError(
      'INPUT',
      `${path}, line ${skip + 1}: ${fields} fields, but --set columns names ${columns.length}.`,
      {
        hint: `Name each column; one of ${ROLES.filter((role: Role) => role !== 'symbol').join(', ')}.`,
        details: { path, line: skip + 1 },
      },
    );
  return { header: readHeader(columns.join(delimiter), delimiter, `${path} (--set columns)`), bodyAt: start };
}

/** Session day of an instant: midnight UTC names the UTC date (how vendors stamp dates), others the local date. */
function sessionDay(timezone: string): (utc: number) => number {
  const zone = new ZoneClock(timezone);
  return (utc) => (utc % DAY_MS === 0 ? utc / DAY_MS : zone.localDay(utc));
}
