/** An environment variable of a vendor, under its usual name; or one that only the environment may set. */
export interface VendorVariable {
  readonly name: string;
  readonly secret: boolean;
  readonly summary: string;
  readonly group: string;
}

const rows = (group: string, list: readonly (readonly [string, 'secret' | 'plain', string])[]): VendorVariable[] =>
  list.map(([name, kind, summary]) => ({ name, secret: kind === 'secret', summary, group }));

/**
 * All variables read under their vendors' names. A secret one may also be given as `<NAME>_FILE`, the path of a file
 * that holds it. None can be set in quantline.yaml or by a flag.
 */
export const VENDOR_VARIABLES: readonly VendorVariable[] = [
  ...rows('Alpaca', [
    ['APCA_API_KEY_ID', 'secret', 'Key id.'],
    ['APCA_API_SECRET_KEY', 'secret', 'Secret key.'],
    ['APCA_API_BASE_URL', 'plain', 'Trading interface; the paper environment by default.'],
    ['APCA_API_DATA_URL', 'plain', 'Market data interface.'],
    ['APCA_API_STREAM_URL', 'plain', 'Order stream.'],
    ['APCA_API_DATA_STREAM_URL', 'plain', 'Market data stream.'],
  ]),
  ...rows('Google Cloud', [
    ['GOOGLE_APPLICATION_CREDENTIALS', 'plain', 'File of a service account.'],
    ['GOOGLE_CLOUD_PROJECT', 'plain', 'Project.'],
    ['BIGQUERY_EMULATOR_HOST', 'plain', 'BigQuery emulator, for tests.'],
    ['STORAGE_EMULATOR_HOST', 'plain', 'Cloud Storage emulator, for tests.'],
  ]),
  ...rows('Interactive Brokers (ibkr)', [
    ['IB_HOST', 'plain', 'Host of TWS or IB Gateway; this machine by default.'],
    ['IB_PORT', 'plain', 'Its port: Gateway 4002 (paper) or 4001, TWS 7497 or 7496.'],
    ['IB_CLIENT_ID', 'plain', 'Client id; 17 by default.'],
  ]),
  ...rows('Charles Schwab', [
    ['SCHWAB_APP_KEY', 'secret', 'App key.'],
    ['SCHWAB_APP_SECRET', 'secret', 'App secret.'],
    ['SCHWAB_TOKEN_FILE', 'plain', 'File that keeps the tokens; in the workspace by default.'],
    ['SCHWAB_BASE_URL', 'plain', 'Interface; its own host, or one on this machine.'],
  ]),
  ...rows('OpenAI', [
    ['OPENAI_API_KEY', 'secret', 'Key.'],
    ['OPENAI_BASE_URL', 'plain', 'Another address of the same interface.'],
  ]),
  ...rows('PostgreSQL', [
    ['PGPASSWORD', 'secret', 'Password of the journal’s database.'],
    ['PGPASSFILE', 'plain', 'Password file of the journal’s database.'],
  ]),
  ...rows('Notifications', [
    ['QUANTLINE_NOTIFY_URL', 'secret', 'Webhook of Slack or Discord, topic of ntfy, or any other address.'],
    ['QUANTLINE_NOTIFY_TOKEN', 'secret', 'Token of a Telegram bot; bearer token of ntfy and webhooks.'],
    ['QUANTLINE_NOTIFY_CHAT', 'plain', 'Telegram: id of the chat.'],
  ]),
  ...rows('Tasks of a batch job (quantline tune)', [
    ['CLOUD_RUN_TASK_INDEX', 'plain', 'Cloud Run job: which task this is. Set there.'],
    ['CLOUD_RUN_TASK_COUNT', 'plain', 'Cloud Run job: how many there are. Set there.'],
    ['JOB_COMPLETION_INDEX', 'plain', 'Kubernetes indexed job: which pod this is. Set there; --tasks says how many.'],
  ]),
  ...rows('Guards', [
    ['QUANTLINE_ALLOW_LIVE', 'plain', 'Account id that may be traded with real money; --live is needed as well.'],
  ]),
];
