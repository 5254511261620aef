import { DAY_MS, dayNumber, daysInMonth } from '../../domain/index.js';

/**
 * Reads the dates and times that bar files use, from bytes:
 * 2024-03-01, 2024/3/1, 20240301, 3/1/2024 or 3/1/24 (or 1/3/2024 with `dmy`), 01.03.2024, 1-Mar-2024, Mar 1, 2024 and
 * Fri, 01 Mar 2024, each alone or followed by `T` or blanks and 9:30, 09:30:00, 09:30:00.123, 9:30 PM, and a zone Z,
 * +01:00, -0500, UTC, GMT; and 20240301093000.
 */
export class TimeReader {
  /** Day number of the date read last. */
  day = 0;
  /** Milliseconds after midnight, -1 where the text had no time. */
  clock = -1;
  /** Minutes east of UTC, NaN where the text had no zone. */
  zone = Number.NaN;

  private lastYear = -1;
  private lastMonth = -1;
  private lastDate = -1;

  constructor(private readonly dayFirst: boolean) {}

  /** Reads [from, to) of the bytes; false when it is no time. */
  read(bytes: Uint8Array, from: number, to: number): boolean {
    return this.readDigits(bytes, from, to) || this.readNamed(bytes, from, to);
  }

  private readDigits(bytes: Uint8Array, from: number, to: number): boolean {
    let p = from;
    let c = bytes[p]!;
    let a = 0;
    const start = p;
    while (p < to && c >= 48 && c <= 57) {
      a = a * 10 + c - 48;
      c = bytes[++p]!;
    }
    const digits = p - start;
    let year: number;
    let month: number;
    let date: number;
    const compact = digits === 8 || digits === 12 || digits === 14;
    if (compact) {
      const ymd = Math.floor(a / 10 ** (digits - 8));
      year = Math.floor(ymd / 10_000);
      month = Math.floor(ymd / 100) % 100;
      date = ymd % 100;
      p = start + 8;
    } else {
      if (p >= to || digits === 0 || (c !== 45 && c !== 47 && c !== 46)) return false;
      const separator = c;
      let b = 0;
      const second = ++p;
      while (p < to && (c = bytes[p]!) >= 48 && c <= 57) {
        b = b * 10 + c - 48;
        p++;
      }
      if (p === second || p - second > 2 || p >= to || bytes[p] !== separator) return false;
      let d = 0;
      const third = ++p;
      while (p < to && (c = bytes[p]!) >= 48 && c <= 57) {
        d = d * 10 + c - 48;
        p++;
      }
      const last = p - third;
      if (digits === 4 && last >= 1 && last <= 2) [year, month, date] = [a, b, d];
      else if (digits <= 2 && (last === 4 || (last === 2 && separator !== 45))) {
        year = last === 4 ? d : d + (d < 70 ? 2000 : 1900);
        // A point separates day first everywhere it is used.
        [month, date] = this.dayFirst || separator === 46 ? [b, a] : [a, b];
      } else return false;
    }
    if (!this.setDate(year, month, date)) return false;
    if (p === to) return true;
    if (compact && digits > 8) return this.readClock(bytes, p, to);
    c = bytes[p]!;
    if (c !== 32 && c !== 84 && c !== 116 && !(digits === 8 && c === 59)) return false;
    while (p < to && ((c = bytes[p]!) === 32 || c === 84 || c === 116 || c === 59)) p++;
    return this.readClock(bytes, p, to);
  }

  private setDate(year: number, month: number, date: number): boolean {
    if (year !== this.lastYear || month !== this.lastMonth || date !== this.lastDate) {
      if (month < 1 || month > 12 || date < 1 || date > daysInMonth(year, month) || year < 1800) return false;
      this.day = dayNumber(year, month, date);
      this.lastYear = year;
      this.lastMonth = month;
      this.lastDate = date;
    }
    this.clock = -1;
    this.zone = Number.NaN;
    return true;
  }

  /** Dates whose month is a word. */
  private readNamed(bytes: Uint8Array, from: number, to: number): boolean {
    let text = '';
    for (let i = from; i < to; i++) text += String.fromCharCode(bytes[i]!);
    const match = NAMED.exec(text);
    if (match === null) return false;
    const { d1, m1, y1, m2, d2, y2 } = match.groups!;
    const month = MONTHS.indexOf((m1 ?? m2)!.slice(0, 3).toLowerCase()) + 1;
    if (!this.setDate(Number(y1 ?? y2), month, Number(d1 ?? d2))) return false;
    return match[0].length === text.length || this.readClock(bytes, from + match[0].length, to);
  }

  /** Reads a time of day with an optional zone into `clock` and `zone`. */
  readClock(bytes: Uint8Array, from: number, to: number): boolean {
    let p = from;
    let c = 0;
    let hours = 0;
    let minutes = 0;
    let seconds = 0;
    let milliseconds = 0;
    const start = p;
    while (p < to && (c = bytes[p]!) >= 48 && c <= 57) {
      hours = hours * 10 + c - 48;
      p++;
    }
    const digits = p - start;
    if (digits === 4 || digits === 6) {
      // 0930, 093000
      if (digits === 6) {
        seconds = hours % 100;
        hours = Math.floor(hours / 100);
      }
      minutes = hours % 100;
      hours = Math.floor(hours / 100);
    } else {
      if (digits === 0 || digits > 2 || p >= to || c !== 58) return false;
      const at = ++p;
      while (p < to && (c = bytes[p]!) >= 48 && c <= 57) {
        minutes = minutes * 10 + c - 48;
        p++;
      }
      if (p - at !== 2) return false;
      if (p < to && c === 58) {
        const s = ++p;
        while (p < to && (c = bytes[p]!) >= 48 && c <= 57) {
          seconds = seconds * 10 + c - 48;
          p++;
        }
        if (p - s !== 2) return false;
        if (p < to && (c === 46 || c === 44)) {
          let scale = 100;
          const f = ++p;
          while (p < to && (c = bytes[p]!) >= 48 && c <= 57) {
            milliseconds += (c - 48) * scale;
            scale = Math.floor(scale / 10);
            p++;
          }
          if (p === f) return false;
        }
      }
    }
    if (p < to && !this.readSuffix(bytes, p, to, hours)) return false;
    if (p < to && this.half !== 0) hours = (hours % 12) + (this.half === 2 ? 12 : 0);
    if (hours > 23 || minutes > 59 || seconds > 59) return false;
    this.clock = ((hours * 60 + minutes) * 60 + seconds) * 1000 + milliseconds;
    return true;
  }

  /** 1 = AM, 2 = PM, 0 = neither, of the suffix read last. */
  private half = 0;

  private readSuffix(bytes: Uint8Array, from: number, to: number, hours: number): boolean {
    this.half = 0;
    let text = '';
    for (let i = from; i < to; i++) text += String.fromCharCode(bytes[i]!);
    text = text.trim().toUpperCase();
    const half = /^([AP])\.?M\.?/.exec(text);
    if (half !== null) {
      if (hours < 1 || hours > 12) return false;
      this.half = half[1] === 'A' ? 1 : 2;
      text = text.slice(half[0].length).trim();
    }
    if (text === '') return true;
    if (text === 'Z' || text === 'UTC' || text === 'GMT') {
      this.zone = 0;
      return true;
    }
    const match = /^(?:UTC|GMT)?([+-])(\d{2}):?(\d{2})?$/.exec(text);
    if (match === null) return false;
    const offset = Number(match[2]) * 60 + Number(match[3] ?? 0);
    if (offset > 14 * 60) return false;
    this.zone = match[1] === '-' ? -offset : offset;
    return true;
  }
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const MONTH = '(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*\\.?';
const NAMED = new RegExp(
  `^(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? +)?(?:(?<d1>\\d{1,2})[ -](?<m1>${MONTH}),?[ -](?<y1>\\d{4})|(?<m2>${MONTH}) (?<d2>\\d{1,2}),? (?<y2>\\d{4}))(?:$|,? +)`,
  'i',
);

/** Milliseconds UTC of a reader's date, clock (absent = midnight) and zone. */
export const zonedInstant = (reader: TimeReader): number =>
  reader.day * DAY_MS + Math.max(reader.clock, 0) - reader.zone * 60_000;
