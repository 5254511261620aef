import type { OAuth2Client } from 'google-auth-library';

/** What decides who the program is at Google. */
export interface GoogleIdentity {
  /** Service account to act as. */
  readonly impersonate: string | undefined;
  /** An emulator on this machine. */
  readonly endpoint: string | undefined;
}

const PLATFORM = 'https://www.googleapis.com/auth/cloud-platform';

/**
 * Credentials for Google's clients: those of an emulator, those of an impersonated service account, or undefined, which
 * means Application Default Credentials.
 */
export async function googleCredentials(
  { impersonate, endpoint }: GoogleIdentity,
  scopes: readonly string[],
): Promise<OAuth2Client | undefined> {
  if (endpoint === undefined && impersonate === undefined) return undefined;
  const { GoogleAuth, Impersonated, OAuth2Client: Client } = await import('google-auth-library');
  if (endpoint !== undefined) {
    // An emulator takes anything; the client insists on something.
    const client = new Client();
    client.setCredentials({ access_token: 'emulator', expiry_date: 8.64e15 });
    return client;
  }
  const sourceClient = await new GoogleAuth({ scopes: [PLATFORM] }).getClient();
  return new Impersonated({
    sourceClient: sourceClient as never,
    targetPrincipal: impersonate!,
    targetScopes: [...scopes],
    lifetime: 3600,
  }) as unknown as OAuth2Client;
}
