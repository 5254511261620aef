import type { Storage, Bucket as VendorBucket } from '@google-cloud/storage';
import { QuantlineError } from '../../errors/index.js';
import { guardBaseUrl, printable } from '../../platform/index.js';
import { googleCredentials } from './credentials.js';

/** A place in Cloud Storage: `gs://bucket/prefix?impersonate=…`. */
export interface BucketAddress {
  readonly bucket: string;
  /** Without slashes at its ends; empty for the whole bucket. */
  readonly prefix: string;
  readonly impersonate: string | undefined;
  /** An emulator on this machine. */
  readonly endpoint: string | undefined;
}

export const isBucketAddress = (text: string): boolean => text.startsWith('gs://');

/** @throws QuantlineError USAGE where it cannot be read, CONFIG for an endpoint that is not on this machine. */
export function bucketAddress(text: string): BucketAddress {
  const match = /^gs:\/\/([a-z0-9][a-z0-9._-]{1,220}[a-z0-9])((?:\/[^?]*)?)(?:\?(.*))?$/.exec(text);
  const prefix = (match?.[2] ?? '').replace(/^\/+|\/+$/g, '');
  if (match === null || /[\p{Cc}]|(^|\/)\.{0,2}(\/|$)/u.test(prefix === '' ? 'x' : prefix))
    throw new QuantlineError('USAGE', `"${text}" is not the address of a bucket.`, {
      hint: 'Write gs://bucket/prefix.',
    });
  const query = new URLSearchParams(match[3] ?? '');
  for (const name of query.keys())
    if (name !== 'impersonate' && name !== 'endpoint')
      throw new QuantlineError('USAGE', `The address has no setting "${name}".`, {
        hint: 'It has impersonate, endpoint.',
      });
  const endpoint = query.get('endpoint') ?? undefined;
  return {
    ...{ bucket: match[1]!, prefix, impersonate: query.get('impersonate') ?? undefined },
    endpoint:
      endpoint === undefined ? undefined : guardBaseUrl(endpoint, ['https://storage.googleapis.com'], 'endpoint'),
  };
}

/** Objects below a prefix of a bucket, through Google's client; names are relative to the prefix. */
export class Bucket {
  private constructor(
    readonly address: BucketAddress,
    private readonly bucket: VendorBucket,
  ) {}

  static async open(address: BucketAddress): Promise<Bucket> {
    const { Storage: Client } = await import('@google-cloud/storage');
    const { bucket, endpoint } = address;
    try {
      const auth = await googleCredentials(address, ['https://www.googleapis.com/auth/devstorage.read_write']);
      const client: Storage = new Client({
        ...(endpoint === undefined ? {} : { apiEndpoint: endpoint, projectId: 'emulator' }),
        ...(auth === undefined ? {} : { authClient: auth as never }),
      });
      return new Bucket(address, client.bucket(bucket));
    } catch (error) {
      throw bucketError(error, 'finding credentials', bucket);
    }
  }

  private path(name: string): string {
    return this.address.prefix === '' ? name : `${this.address.prefix}/${name}`;
  }

  uri(name: string): string {
    return `gs://${this.address.bucket}/${this.path(name)}`;
  }

  private async guard<T>(what: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw bucketError(error, what, this.address.bucket);
    }
  }

  /** Creates an object; false where one of that name exists, which is left as it is. */
  create(name: string, data: string | Uint8Array): Promise<boolean> {
    return this.guard(`writing ${name}`, () =>
      created(
        this.bucket.file(this.path(name)).save(Buffer.from(data), {
          resumable: false,
          preconditionOpts: { ifGenerationMatch: 0 },
        }),
      ),
    );
  }

  /** The same with the contents of a local file, of any size. */
  createFrom(name: string, path: string): Promise<boolean> {
    return this.guard(`writing ${name}`, () =>
      created(this.bucket.upload(path, { destination: this.path(name), preconditionOpts: { ifGenerationMatch: 0 } })),
    );
  }

  /** Contents of an object; undefined where there is none. */
  read(name: string): Promise<Buffer | undefined> {
    return this.guard(`reading ${name}`, async () => {
      try {
        return (await this.bucket.file(this.path(name)).download())[0];
      } catch (error) {
        if ((error as { code?: unknown }).code === 404) return undefined;
        throw error;
      }
    });
  }

  /** Copies an object into a local file; false where there is none. */
  download(name: string, path: string): Promise<boolean> {
    return this.guard(`reading ${name}`, async () => {
      try {
        await this.bucket.file(this.path(name)).download({ destination: path });
        return true;
      } catch (error) {
        if ((error as { code?: unknown }).code === 404) return false;
        throw error;
      }
    });
  }

  /** Replaces an object that has this generation (0: none); false where it has another one. */
  replace(name: string, data: string, generation: number | string): Promise<boolean> {
    return this.guard(`writing ${name}`, () =>
      created(
        this.bucket
          .file(this.path(name))
          .save(data, { resumable: false, preconditionOpts: { ifGenerationMatch: generation } }),
      ),
    );
  }

  /** Writes an object, whatever is there. */
  put(name: string, data: string): Promise<void> {
    return this.guard(`writing ${name}`, () => this.bucket.file(this.path(name)).save(data, { resumable: false }));
  }

  /** When an object was last written, epoch ms; undefined where there is none. */
  written(name: string): Promise<number | undefined> {
    return this.guard(`looking at ${name}`, async () => {
      try {
        const [metadata] = await this.bucket.file(this.path(name)).getMetadata();
        return Date.parse(String(metadata.updated));
      } catch (error) {
        if ((error as { code?: unknown }).code === 404) return undefined;
        throw error;
      }
    });
  }

  /** Generation of an object; 0 where there is none. */
  generation(name: string): Promise<string | number> {
    return this.guard(`looking at ${name}`, async () => {
      const file = this.bucket.file(this.path(name));
      const [exists] = await file.exists();
      if (!exists) return 0;
      const [metadata] = await file.getMetadata();
      return metadata.generation ?? 0;
    });
  }

  /** Names of the objects whose name begins so, ascending. */
  list(prefix: string): Promise<readonly string[]> {
    return this.guard('listing', async () => {
      const [files] = await this.bucket.getFiles({ prefix: this.path(prefix), autoPaginate: true });
      const cut = this.address.prefix === '' ? 0 : this.address.prefix.length + 1;
      return files.map(({ name }) => name.slice(cut)).sort();
    });
  }

  /** Removes an object; one that is not there is no error. */
  remove(name: string): Promise<void> {
    return this.guard(`removing ${name}`, async () => {
      await this.bucket.file(this.path(name)).delete({ ignoreNotFound: true });
    });
  }
}

/** Whether a conditional write took place: 412 says that the condition does not hold. */
async function created(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if ((error as { code?: unknown }).code === 412) return false;
    throw error;
  }
}

function bucketError(error: unknown, what: string, bucket: string): unknown {
  if (error instanceof QuantlineError) return error;
  const { message = String(error), code } = (error ?? {}) as { message?: string; code?: unknown };
  const said = printable(message);
  if (
    code === 401 ||
    /could not load the default credentials|could not refresh access token|invalid_grant/i.test(message)
  )
    return new QuantlineError('CREDENTIALS', `Google did not accept the credentials for gs://${bucket} (${said}).`, {
      hint: 'Run gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS.',
      cause: error,
    });
  if (code === 403)
    return new QuantlineError('CREDENTIALS', `Permission is missing in gs://${bucket} for ${what} (${said}).`, {
      hint: 'The role needed is Storage Object Admin on the bucket.',
      cause: error,
    });
  if (code === 404)
    return new QuantlineError('CONFIG', `There is no bucket ${bucket} (${said}).`, {
      hint: `Create it: gcloud storage buckets create gs://${bucket}.`,
      cause: error,
    });
  return new QuantlineError('UNAVAILABLE', `Cloud Storage failed when ${what} in gs://${bucket} (${said}).`, {
    hint: 'Run the same command again: what was stored stays.',
    cause: error,
  });
}
