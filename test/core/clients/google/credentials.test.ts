import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OAuth2Client } from 'google-auth-library';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { googleCredentials } from '../../../../src/core/clients/google/credentials.js';
import { bigQueryAddress, Warehouse } from '../../../../src/core/clients/google/index.js';
import { silentLogger } from '../../../../src/core/platform/index.js';

const SCOPE = 'https://www.googleapis.com/auth/bigquery';
interface Asked {
  readonly url: string;
  readonly data: unknown;
  readonly authorization: string | null;
}
let folder: string;
let asked: Asked[];
let refuse: string | undefined;

/** Google's token services answer in the transport of Google's own library; nothing leaves this machine. */
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'credentials-'));
  asked = [];
  refuse = undefined;
  vi.stubEnv('METADATA_SERVER_DETECTION', 'none');
  vi.stubEnv('GOOGLE_CLOUD_PROJECT', 'p');
  vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', join(folder, 'key.json'));
  const transport = Object.getPrototypeOf(new OAuth2Client().transporter) as { request(options: unknown): unknown };
  vi.spyOn(transport, 'request').mockImplementation(async (options) => {
    const { url, data, headers } = options as { url: string | URL; data: unknown; headers?: Record<string, string> };
    asked.push({ url: String(url), data, authorization: new Headers(headers).get('authorization') });
    if (refuse !== undefined) throw new Error(refuse);
    const impersonated = String(url).endsWith(':generateAccessToken');
    const reply = impersonated
      ? { accessToken: 'as-the-other', expireTime: '2099-01-01T00:00:00Z' }
      : { access_token: 'as-oneself', expires_in: 3600, token_type: 'Bearer' };
    return { data: reply, status: 200, headers: new Headers() };
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

/** Application Default Credentials of each kind, as gcloud and the console write them. */
const keyFiles: Readonly<Record<string, () => object>> = {
  'a service account': () => ({
    ...{ type: 'service_account', project_id: 'p', client_email: 'robot@p.iam.gserviceaccount.com', client_id: '1' },
    private_key: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
      type: 'pkcs8',
      format: 'pem',
    }),
    token_uri: 'https://oauth2.googleapis.com/token',
  }),
  'a person': () => ({ type: 'authorized_user', client_id: 'c', client_secret: 's', refresh_token: 'r' }),
};

it.each(Object.keys(keyFiles))('%s acts as another service account where the address says so', async (kind) => {
  writeFileSync(join(folder, 'key.json'), JSON.stringify(keyFiles[kind]!()));
  const identity = { impersonate: 'runner@p.iam.gserviceaccount.com', endpoint: undefined };
  const client = await googleCredentials(identity, [SCOPE]);
  const headers = new Headers(await client!.getRequestHeaders());
  expect(headers.get('authorization')).toBe('Bearer as-the-other');
  const [own, other] = asked;
  expect(own!.url).toContain('oauth2.googleapis.com/token');
  expect(other!.url).toContain('/serviceAccounts/runner@p.iam.gserviceaccount.com:generateAccessToken');
  expect(other!.authorization).toBe('Bearer as-oneself');
  expect(other!.data).toMatchObject({ scope: [SCOPE], lifetime: '3600s' });
});

it('without that the clients find Application Default Credentials themselves', async () => {
  expect(await googleCredentials({ impersonate: undefined, endpoint: undefined }, [SCOPE])).toBeUndefined();
});

it.each([
  ['Could not refresh access token: invalid_grant', /no valid Google credentials/],
  ['connect ECONNREFUSED', /does not answer/],
])('expired or unreachable: %s', async (said, message) => {
  writeFileSync(join(folder, 'key.json'), JSON.stringify(keyFiles['a person']!()));
  refuse = said;
  const warehouse = await Warehouse.open(
    bigQueryAddress('bigquery://proj-1.d?impersonate=a@b.iam.gserviceaccount.com'),
    silentLogger,
  );
  await expect(warehouse.region()).rejects.toThrow(message);
});

it('none at all says how to get some', async () => {
  await expect(
    Warehouse.open(bigQueryAddress('bigquery://proj-1.d?impersonate=a@b.iam.gserviceaccount.com'), silentLogger),
  ).rejects.toMatchObject({ exitCode: 3 });
});
