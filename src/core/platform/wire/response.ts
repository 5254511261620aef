/** What a server sent is no HTTP/1.1 answer. */
export class NotHttp extends Error {
  readonly code = 'HPE_INVALID';
}

/** An answer is larger than its reader takes. */
export class TooLarge extends Error {}

export interface ResponseHead {
  readonly status: number;
  readonly headers: Headers;
}

const HEAD_LIMIT = 64 * 1024;
const LINE_LIMIT = 16 * 1024;
const END_OF_HEAD = '\r\n\r\n';
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: .*)?$/;
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/;

/** How the end of a body is known, by RFC 9112, section 6.3. */
type Framing = 'none' | 'length' | 'chunked' | 'until-end';

/**
 * Reads one HTTP/1.1 answer (RFC 9112) as its bytes arrive: `push` until `done`, `end` when the other side has ended. Both
 * throw {@link NotHttp} for what is no answer, {@link TooLarge} beyond `limit` bytes of body.
 */
export class ResponseReader {
  done = false;
  /** The connection can carry another request; after `done`. */
  reusable = false;
  /** For how long the server says that it keeps the connection, ms. */
  keptMs = Number.POSITIVE_INFINITY;
  private head: ResponseHead | undefined;
  private waiting: Buffer = Buffer.alloc(0);
  private framing: Framing = 'none';
  private persistent = false;
  /** Bytes of the body, or of the current chunk, that are still to come. */
  private left = 0;
  private step: 'size' | 'after' | 'trailer' = 'size';
  private line = '';
  private readonly parts: Buffer[] = [];
  private length = 0;

  constructor(
    private readonly method: string,
    private readonly limit: number,
    private readonly onHead: (head: ResponseHead) => void,
  ) {}

  get begun(): boolean {
    return this.head !== undefined;
  }

  /** The body as it came, compressed or not; after `done`. */
  body(): Buffer {
    return this.parts.length === 1 ? this.parts[0]! : Buffer.concat(this.parts, this.length);
  }

  push(bytes: Buffer): void {
    let rest: Buffer | undefined = bytes;
    while (this.head === undefined) {
      rest = this.readHead(rest);
      if (rest === undefined) return;
    }
    if (rest.length > 0) this.readBody(rest);
  }

  /** False: the answer was cut off. */
  end(): boolean {
    if (this.done) return true;
    if (this.head === undefined || this.framing !== 'until-end') return false;
    this.finish(0);
    return true;
  }

  /** Takes the head, and returns what comes after it; undefined while it is not complete. */
  private readHead(bytes: Buffer): Buffer | undefined {
    this.waiting = this.waiting.length === 0 ? bytes : Buffer.concat([this.waiting, bytes]);
    if (!'HTTP/1.'.startsWith(this.waiting.toString('latin1', 0, 7))) throw new NotHttp('no status line');
    const at = this.waiting.indexOf(END_OF_HEAD);
    if (at > HEAD_LIMIT || (at < 0 && this.waiting.length > HEAD_LIMIT)) throw new NotHttp('the head is too large');
    if (at < 0) return undefined;
    const [first = '', ...fields] = this.waiting.toString('latin1', 0, at).split('\r\n');
    const rest = this.waiting.subarray(at + END_OF_HEAD.length);
    this.waiting = Buffer.alloc(0);
    const matched = STATUS_LINE.exec(first);
    if (matched === null) throw new NotHttp('no status line');
    const status = Number(matched[2]);
    // Interim answers; the one that counts follows.
    if (status < 200) {
      if (status === 101) throw new NotHttp('another protocol, which was not asked for');
      return rest;
    }
    const headers = new Headers();
    for (const field of fields) {
      const [, name, value] = FIELD.exec(field) ?? [];
      if (name === undefined || value === undefined) throw new NotHttp('an unreadable header');
      headers.append(name, value);
    }
    this.frame(status, headers, matched[1] === '1');
    this.head = { status, headers };
    this.onHead(this.head);
    if (this.framing === 'none' || (this.framing === 'length' && this.left === 0)) this.finish(rest.length);
    return this.done ? rest.subarray(rest.length) : rest;
  }

  private frame(status: number, headers: Headers, current: boolean): void {
    const connection = (headers.get('connection') ?? '').toLowerCase();
    this.persistent = current ? !/\bclose\b/.test(connection) : /\bkeep-alive\b/.test(connection);
    const kept = /\btimeout=(\d+)/i.exec(headers.get('keep-alive') ?? '')?.[1];
    if (kept !== undefined) this.keptMs = Number(kept) * 1000;
    const codings = headers.get('transfer-encoding')?.toLowerCase();
    const lengths = headers.get('content-length');
    if (this.method === 'HEAD' || status === 204 || status === 304) this.framing = 'none';
    else if (codings !== undefined) {
      this.framing = /(?:^|,)\s*chunked$/.test(codings) ? 'chunked' : 'until-end';
      // Two accounts of one length: what follows on this connection is nobody's.
      if (lengths !== null) this.persistent = false;
    } else if (lengths !== null) {
      const [length, ...others] = new Set(lengths.split(',').map((each) => each.trim()));
      if (others.length > 0 || !/^\d{1,15}$/.test(length!)) throw new NotHttp('an unreadable content-length');
      this.framing = 'length';
      this.left = Number(length);
      if (this.left > this.limit) throw new TooLarge();
    } else this.framing = 'until-end';
  }

  private readBody(bytes: Buffer): void {
    if (this.framing === 'chunked') this.readChunks(bytes);
    else if (this.framing === 'until-end') this.take(bytes);
    else {
      const part = bytes.subarray(0, this.left);
      this.take(part);
      this.left -= part.length;
      if (this.left === 0) this.finish(bytes.length - part.length);
    }
  }

  private readChunks(bytes: Buffer): void {
    for (let at = 0; at < bytes.length && !this.done; ) {
      if (this.left > 0) {
        const part = bytes.subarray(at, at + this.left);
        this.take(part);
        at += part.length;
        this.left -= part.length;
        continue;
      }
      const end = bytes.indexOf(0x0a, at);
      const until = end < 0 ? bytes.length : end + 1;
      this.line += bytes.toString('latin1', at, until);
      at = until;
      if (this.line.length > LINE_LIMIT) throw new NotHttp('a line is too long');
      if (end < 0) return;
      this.readLine(bytes.length - at);
    }
  }

  private readLine(after: number): void {
    if (!this.line.endsWith('\r\n')) throw new NotHttp('a line without its end');
    const text = this.line.slice(0, -2);
    this.line = '';
    if (this.step === 'after') {
      if (text !== '') throw new NotHttp('a chunk is longer than it says');
      this.step = 'size';
    } else if (this.step === 'size') {
      const size = /^([0-9a-f]{1,8})[ \t]*(?:;.*)?$/i.exec(text)?.[1];
      if (size === undefined) throw new NotHttp('an unreadable size of a chunk');
      this.left = Number.parseInt(size, 16);
      this.step = this.left === 0 ? 'trailer' : 'after';
    } else if (text === '') this.finish(after);
  }

  private take(part: Buffer): void {
    this.length += part.length;
    if (this.length > this.limit) throw new TooLarge();
    this.parts.push(part);
  }

  private finish(after: number): void {
    this.done = true;
    this.reusable = this.persistent && this.framing !== 'until-end' && after === 0;
  }
}
