import { QuantlineError } from '../../errors/index.js';
import { type Header, ROLE_CODE } from './header.js';
import { type TimeReader, zonedInstant } from './times.js';
import type { ZoneClock } from './zones.js';

export interface ParserOptions {
  readonly path: string;
  readonly header: Header;
  readonly reader: TimeReader;
  /** Zone of times without one; undefined refuses them. */
  readonly zone: ZoneClock | undefined;
  /** Keep dates as dates: `time` gets the day number of each row (session bars). */
  readonly daily: boolean;
  /** Day number of an instant, for session bars stamped with one. */
  readonly dayOf: (utc: number) => number;
  readonly decimalComma: boolean;
  /** The only value that a symbol column may hold. */
  readonly symbol: string;
}

const POWERS = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));
const EMPTY = new Float64Array(0);
const MISSING = /^(nan|null|none|na|n\/a|#n\/a)$/i;

/**
 * Bytes of a CSV file to columns. Feed it whole lines; every error is INPUT and names line and column. Numbers are the
 * nearest doubles: up to 15 significant digits by one exact division, longer ones by Number().
 */
export class CsvParser {
  rows = 0;
  line = 1;
  time: Float64Array = EMPTY;
  open: Float64Array = EMPTY;
  high: Float64Array = EMPTY;
  low: Float64Array = EMPTY;
  close: Float64Array = EMPTY;
  volume: Float64Array = EMPTY;
  /** Empty where the file has none. */
  bid: Float64Array = EMPTY;
  ask: Float64Array = EMPTY;

  private readonly roles: Uint8Array;
  /** By field: the column of its numbers. */
  private targets: Float64Array[] = [];
  /** Units of an epoch column per millisecond, 0 for texts, -1 before the first row. */
  private epoch = -1;
  private direction = 0;
  private clockField: readonly [number, number] = [0, 0];
  private readonly split: boolean;

  constructor(
    private readonly options: ParserOptions,
    capacity: number,
  ) {
    this.roles = Uint8Array.from(options.header.roles, (role) => ROLE_CODE[role]);
    this.split = options.header.roles.includes('timeOfDay');
    this.grow(Math.max(capacity, 64));
  }

  private grow(capacity: number): void {
    const quoted = this.options.header.roles.includes('bid') ? (['bid', 'ask'] as const) : [];
    for (const name of ['time', 'open', 'high', 'low', 'close', 'volume', ...quoted] as const) {
      const grown = new Float64Array(capacity);
      grown.set(this[name].subarray(0, this.rows));
      this[name] = grown;
    }
    this.targets = this.options.header.roles.map((role) =>
      ROLE_CODE[role] >= ROLE_CODE.open && ROLE_CODE[role] <= ROLE_CODE.ask ? this[role as 'open'] : EMPTY,
    );
  }

  /** Parses lines in [start, end); the byte before `end` is a line feed and bytes[end] exists. */
  parse(bytes: Uint8Array, start: number, end: number): void {
    const { roles } = this;
    const fields = roles.length;
    const { decimalComma } = this.options;
    const { delimiter } = this.options.header;
    const { time: TIME, timeOfDay: CLOCK, ask: ASK, open: OPEN, symbol: SYMBOL } = ROLE_CODE;
    const simple = !this.split;
    let p = start;
    while (p < end) {
      this.line++;
      let c = bytes[p]!;
      if (c === 10 || (c === 13 && bytes[p + 1] === 10)) {
        p += c === 10 ? 1 : 2;
        continue;
      }
      if (c === 32 || c === 9) {
        const next = blankLineEnd(bytes, p);
        if (next > p) {
          p = next;
          continue;
        }
      }
      if (this.rows === this.time.length) this.grow(this.rows * 2);
      const row = this.rows;
      let timeFrom = 0;
      let timeTo = 0;
      for (let k = 0; k < fields; k++) {
        const role = roles[k]!;
        const from = p;
        c = bytes[p]!;
        let value = Number.NaN;
        let read = false;
        if (role >= OPEN && role <= ASK && c >= 45 && c <= 57 && !decimalComma) {
          const negative = c === 45;
          if (negative) c = bytes[++p]!;
          const first = p;
          // Whole and fraction as 32-bit integers, which take half the time of doubles; longer ones are read again.
          let whole = 0;
          let digit = c - 48;
          while (digit >>> 0 < 10) {
            whole = (Math.imul(whole, 10) + digit) | 0;
            digit = bytes[++p]! - 48;
          }
          const digits = p - first;
          let scale = 0;
          let fraction = 0;
          if (digit === -2) {
            const point = p;
            digit = bytes[++p]! - 48;
            while (digit >>> 0 < 10) {
              fraction = (Math.imul(fraction, 10) + digit) | 0;
              digit = bytes[++p]! - 48;
            }
            scale = p - point - 1;
          }
          c = digit + 48;
          const all = digits + scale;
          if (all > 0 && all <= 15 && (c === delimiter || c === 10 || c === 13)) {
            if (digits > 9) whole = wholeNumber(bytes, first, first + digits);
            if (scale > 9) fraction = wholeNumber(bytes, p - scale, p);
            value = scale === 0 ? whole : (whole * POWERS[scale]! + fraction) / POWERS[scale]!;
            if (negative) value = -value;
            read = true;
          }
        }
        let to = p;
        if (!read) {
          p = from;
          to = fieldEnd(bytes, from, delimiter);
          c = bytes[to]!;
          p = to;
          if (role >= OPEN && role <= ASK) value = this.slowNumber(bytes, from, to, k);
        }
        if (role >= OPEN && role <= ASK) this.targets[k]![row] = value;
        else if (role === TIME) {
          timeFrom = from;
          timeTo = to;
          if (simple) this.time[row] = this.readTime(bytes, from, to, k, row);
        } else if (role === CLOCK) this.clockField = [from, to];
        else if (role === SYMBOL) this.checkSymbol(bytes, from, to, k);
        if (k < fields - 1) {
          if (c !== delimiter) throw this.shape(k + 1);
          p++;
        }
      }
      if (c === 13 && bytes[p + 1] === 10) p++;
      else if (c === delimiter) throw this.shape(fields + 1);
      else if (c !== 10) throw this.shape(fields);
      p++;
      if (!simple) this.time[row] = this.readTime(bytes, timeFrom, timeTo, roles.indexOf(TIME), row);
      this.rows++;
    }
  }

  private readTime(bytes: Uint8Array, start: number, end: number, k: number, row: number): number {
    const { options } = this;
    let from = start;
    let to = end;
    if (bytes[from] === 34 || bytes[from] === 32 || bytes[to - 1] === 32) [from, to] = trimField(bytes, from, to);
    if (this.epoch === -1) this.epoch = epochUnit(bytes, from, to);
    let utc: number;
    if (this.epoch > 0) {
      const value = wholeNumber(bytes, from, to);
      if (!Number.isFinite(value) || to === from) throw this.bad(k, bytes, start, end, 'is no epoch time');
      utc = this.epoch === 1 ? Math.floor(value) : Math.floor(value / this.epoch + 1e-4);
    } else {
      const { reader } = options;
      if (!reader.read(bytes, from, to)) throw this.bad(k, bytes, start, end, 'is no date or time that can be read');
      if (this.split) {
        const [a, b] = trimField(bytes, ...this.clockField);
        if (!reader.readClock(bytes, a, b)) throw this.bad(k, bytes, ...this.clockField, 'is no time of day');
      }
      // The date as written, except that an instant in UTC is one of the calendar's own date.
      if (options.daily && !(reader.clock >= 0 && reader.zone === 0)) return reader.day;
      if (!Number.isNaN(reader.zone)) utc = zonedInstant(reader);
      else {
        if (reader.clock < 0)
          throw this.bad(k, bytes, start, end, 'is a date without a time of day, which intraday bars need');
        const { zone } = options;
        if (zone === undefined)
          throw this.bad(k, bytes, start, end, 'has no zone', 'Say which one with --timezone, as in America/New_York.');
        const previous = row > 0 ? this.time[row - 1]! : Number.NaN;
        utc = zone.toUtc(reader.day * 86_400_000 + reader.clock, previous, this.direction);
        if (Number.isNaN(utc))
          throw this.bad(k, bytes, start, end, `does not exist in ${zone.timezone}: clocks go forward over it`);
        if (row > 0 && this.direction === 0) this.direction = Math.sign(utc - previous);
      }
    }
    return options.daily ? options.dayOf(utc) : utc;
  }

  private slowNumber(bytes: Uint8Array, from: number, to: number, k: number): number {
    let raw = text(bytes, from, to).trim();
    const quoted = raw.startsWith('"');
    if (quoted) raw = raw.slice(1, raw.endsWith('"') ? -1 : undefined).trim();
    // A bar without a quote is one like any other.
    if (raw === '' && this.roles[k]! >= ROLE_CODE.bid) return Number.NaN;
    if (raw === '') throw this.bad(k, bytes, from, to, 'is empty');
    if (MISSING.test(raw)) return Number.NaN;
    let plain = raw.replace(/^([+-]?)[$€£]/, '$1');
    if (this.options.decimalComma) plain = plain.replaceAll('.', '').replace(',', '.');
    else if (/^[+-]?\d{1,3}(,\d{3})+(\.\d*)?$/.test(plain) && quoted) plain = plain.replaceAll(',', '');
    // Blanks (narrow ones too) and apostrophes separate nothing but thousands.
    if (/^[+-]?\d{1,3}([ \u00a0\u202f'’]\d{3})+([.,]|$)/.test(plain))
      plain = plain.replaceAll(/[ \u00a0\u202f'’]/g, '');
    const unit = /^(.*\d)([KMB])$/i.exec(plain);
    if (unit !== null && this.roles[k] === ROLE_CODE.volume)
      return Number(`${unit[1]}e${{ K: 3, M: 6, B: 9 }[unit[2]!.toUpperCase() as 'K' | 'M' | 'B']}`);
    if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain)) {
      const hint = raw.includes(',') ? 'Where the comma is the decimal mark, add --set decimal=comma.' : undefined;
      throw this.bad(k, bytes, from, to, 'is not a number', hint);
    }
    return Number(plain);
  }

  private checkSymbol(bytes: Uint8Array, from: number, to: number, k: number): void {
    const [a, b] = trimField(bytes, from, to);
    if (text(bytes, a, b) !== this.options.symbol)
      throw this.bad(
        k,
        bytes,
        from,
        to,
        `is not ${this.options.symbol}`,
        'Give each symbol a file of its own, or let --source duckdb choose its rows (sql=SELECT * FROM a.csv WHERE …).',
      );
  }

  private shape(found: number): QuantlineError {
    const { path, header } = this.options;
    const wanted = header.names.length;
    const what = found > wanted ? `more than ${wanted} fields` : `${found} fields instead of ${wanted}`;
    return new QuantlineError('INPUT', `${path}, line ${this.line}: ${what}.`, {
      hint: found > wanted ? 'Check the line for a stray separator.' : 'The row is cut off; restore or remove it.',
      details: { path, line: this.line },
    });
  }

  private bad(
    k: number,
    bytes: Uint8Array,
    from: number,
    to: number,
    what: string,
    hint = 'Correct or remove the line.',
  ): QuantlineError {
    const { path, header } = this.options;
    const name = header.names[k]! || String(k + 1);
    const shown = text(bytes, from, Math.min(to, from + 40));
    const message = shown === '' ? `column ${name} ${what}` : `column ${name}: "${shown}" ${what}`;
    return new QuantlineError('INPUT', `${path}, line ${this.line}, ${message}.`, {
      hint,
      details: { path, line: this.line, column: k + 1, name },
    });
  }
}

/** Index of the separator or line end that ends the field at `from`; quoted fields may hold separators. */
function fieldEnd(bytes: Uint8Array, from: number, delimiter: number): number {
  let p = from;
  if (bytes[p] === 34) {
    for (p++; p < bytes.length; p++) {
      if (bytes[p] === 34 && bytes[p + 1] !== 34) break;
      if (bytes[p] === 34) p++;
      else if (bytes[p] === 10) break;
    }
  }
  for (; p < bytes.length; p++) {
    const c = bytes[p]!;
    if (c === delimiter || c === 10 || (c === 13 && bytes[p + 1] === 10)) return p;
  }
  return p;
}

/** Where the next line begins if this one holds blanks alone, otherwise the same place. */
function blankLineEnd(bytes: Uint8Array, from: number): number {
  let p = from;
  while (bytes[p] === 32 || bytes[p] === 9 || (bytes[p] === 13 && bytes[p + 1] === 10)) p++;
  return bytes[p] === 10 ? p + 1 : from;
}

function trimField(bytes: Uint8Array, start: number, end: number): [number, number] {
  let from = start;
  let to = end;
  const skipped = (c: number | undefined) => c === 32 || c === 34 || c === 9;
  while (from < to && skipped(bytes[from])) from++;
  while (to > from && skipped(bytes[to - 1])) to--;
  return [from, to];
}

const text = (bytes: Uint8Array, from: number, to: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('utf8');

/** The number of a field; digits alone as two 32-bit integers. */
function wholeNumber(bytes: Uint8Array, from: number, to: number): number {
  if (to - from <= 18) {
    const middle = Math.max(from, to - 9);
    let high = 0;
    let low = 0;
    let i = from;
    for (let c = 0; i < middle && (c = bytes[i]!) >= 48 && c <= 57; i++) high = (Math.imul(high, 10) + c - 48) | 0;
    if (i === middle)
      for (let c = 0; i < to && (c = bytes[i]!) >= 48 && c <= 57; i++) low = (Math.imul(low, 10) + c - 48) | 0;
    if (i === to) return high * 1e9 + low;
  }
  return Number(text(bytes, from, to));
}

/** Epoch seconds, milliseconds, micro- or nanoseconds by the count of digits; 0 where the field is a text. */
function epochUnit(bytes: Uint8Array, from: number, to: number): number {
  const raw = text(bytes, from, to);
  if (!/^-?\d+(\.\d+)?$/.test(raw)) return 0;
  const digits = raw.replace(/^-/, '').split('.')[0]!.length;
  if (digits === 8) return 0;
  // 20240301093000, 202403010930
  if (
    (digits === 14 || digits === 12) &&
    /^(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])([01]\d|2[0-3])[0-5]\d/.test(raw)
  )
    return 0;
  return digits <= 11 ? 1e-3 : digits <= 14 ? 1 : digits <= 17 ? 1e3 : 1e6;
}
