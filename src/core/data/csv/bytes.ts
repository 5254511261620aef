import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { QuantlineError } from '../../errors/index.js';
import { storageError } from '../../platform/index.js';

/** A file read from its beginning, unpacked where it is gzip. */
export interface Bytes {
  /** Of the file; of what comes out of a packed one this says the least. */
  readonly size: number;
  /** Reads up to `most` bytes to `at`; 0 at the end. */
  read(into: Buffer, at: number, most: number): Promise<number>;
  close(): Promise<void>;
}

/** @throws QuantlineError INPUT where there is no such file, STORAGE where it may not be read. */
export async function openBytes(path: string): Promise<Bytes> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw storageError(error, path);
    throw new QuantlineError('INPUT', `No such file: ${path}`, {
      hint: 'Check the path after --file.',
      details: { path },
    });
  }
  try {
    const stat = await file.stat();
    const { size } = stat;
    const magic = Buffer.alloc(2);
    // A pipe can be read once, from where it is.
    if (stat.isFile()) await file.read(magic, 0, 2, 0);
    if (magic[0] !== 0x1f || magic[1] !== 0x8b)
      return {
        size,
        read: async (into, at, most) => (await file.read(into, at, most)).bytesRead,
        close: () => file.close(),
      };
    await file.close();
    return unpacked(path, size);
  } catch (error) {
    await file.close().catch(() => {});
    throw storageError(error, path);
  }
}

function unpacked(path: string, size: number): Bytes {
  const packed = createReadStream(path);
  const stream = createGunzip();
  packed.on('error', (error) => stream.destroy(error));
  packed.pipe(stream);
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let chunk: Buffer = Buffer.alloc(0);
  const next = async (): Promise<boolean> => {
    try {
      const { value, done } = await chunks.next();
      if (done !== true) chunk = value;
      return done !== true;
    } catch (cause) {
      throw new QuantlineError('INPUT', `${path} is no whole gzip file: ${(cause as Error).message}.`, {
        hint: 'Fetch or pack it again.',
        details: { path },
        cause,
      });
    }
  };
  return {
    size,
    async read(into, at, most) {
      let n = 0;
      // Chunks are small: fill what was asked for.
      while (n < most && (chunk.length > 0 || (await next()))) {
        const taken = chunk.copy(into, at + n, 0, most - n);
        chunk = chunk.subarray(taken);
        n += taken;
      }
      return n;
    },
    async close() {
      packed.destroy();
      stream.destroy();
    },
  };
}
