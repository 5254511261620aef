import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  COMMAND_OPTIONS,
  type CommandId,
  commandVariableName,
  globalOptions,
  kebab,
  knownVariables,
  optionMeta,
  parseConfig,
  readEnvironment,
  redactUrl,
  resolveConfig,
  variableName,
} from '../../../src/core/config/index.js';
import type { QuantlineError } from '../../../src/core/errors/index.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'quantline-config-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, text: string) => writeFileSync(join(folder, name), text);

const resolve = <C extends CommandId>(
  command: C,
  flags: Record<string, unknown> = {},
  variables: Record<string, string> = {},
) => resolveConfig({ command, flags, environment: readEnvironment(folder, variables), folder });

async function failure(run: () => Promise<unknown>): Promise<QuantlineError> {
  try {
    await run();
  } catch (error) {
    return error as QuantlineError;
  }
  throw new Error('expected an error');
}

describe('precedence', () => {
  it('takes flag, then environment, then .env, then file, then default, and says which', async () => {
    const seen: unknown[] = [];
    const look = async (flags: Record<string, unknown>, variables: Record<string, string>) => {
      const { options, origins } = await resolve('backtest', flags, variables);
      seen.push([options.cash, origins.get('cash')]);
    };
    await look({}, {});
    write('quantline.yaml', 'cash: 1\n');
    await look({}, {});
    write('quantline.yaml', 'cash: 1\nbacktest:\n  cash: 2\n');
    await look({}, {});
    write('.env', 'QUANTLINE_CASH=3\n');
    await look({}, {});
    await look({}, { QUANTLINE_CASH: '4' });
    await look({}, { QUANTLINE_CASH: '4', QUANTLINE_BACKTEST_CASH: '5' });
    await look({ cash: '6' }, { QUANTLINE_CASH: '4', QUANTLINE_BACKTEST_CASH: '5' });
    expect(seen).toEqual([
      [100000, { kind: 'default', name: '--cash' }],
      [1, { kind: 'file', name: 'quantline.yaml:1 cash' }],
      [2, { kind: 'file', name: 'quantline.yaml:3 backtest.cash' }],
      [3, { kind: '.env', name: 'QUANTLINE_CASH' }],
      [4, { kind: 'environment', name: 'QUANTLINE_CASH' }],
      [5, { kind: 'environment', name: 'QUANTLINE_BACKTEST_CASH' }],
      [6, { kind: 'flag', name: '--cash' }],
    ]);
  });

  it('lets a switch be turned off by a flag', async () => {
    const { options } = await resolve('backtest', { short: false }, { QUANTLINE_SHORT: 'true' });
    expect(options.short).toBe(false);
  });

  it('treats an empty variable as absent', async () => {
    expect((await resolve('backtest', {}, { QUANTLINE_CASH: '' })).options.cash).toBe(100000);
  });

  it.each(Object.keys(COMMAND_OPTIONS) as CommandId[])(
    'every option of %s has a variable and a key that reach it',
    async (command) => {
      for (const [key, schema] of Object.entries({ ...COMMAND_OPTIONS[command].shape, ...globalOptions.shape })) {
        const meta = optionMeta(schema)!;
        expect(meta, key).toBeDefined();
        expect(meta.summary, key).toMatch(/\.$/);
        if (meta.guard || key === 'config') continue;
        expect(knownVariables()).toContain(variableName(key));
        // An unreadable value must be reported under the name it was given by: so it arrived there.
        if (meta.choices === undefined && !meta.switch) continue;
        const byVariable = await failure(() =>
          resolve(command, {}, { [commandVariableName(command, key)]: 'no, such' }),
        );
        expect(byVariable.message).toContain(commandVariableName(command, key));
        write('quantline.yaml', `${command.replace(':', '-')}:\n  ${kebab(key)}: "no, such"\n`);
        expect((await failure(() => resolve(command))).message).toContain(
          `quantline.yaml:2 ${command.replace(':', '-')}.${kebab(key)}`,
        );
        rmSync(join(folder, 'quantline.yaml'));
      }
    },
  );

  it('has no two options of the same variable', () => {
    const owners = new Map<string, string>();
    for (const [command, schema] of Object.entries(COMMAND_OPTIONS)) {
      for (const key of Object.keys(schema.shape)) {
        for (const name of [variableName(key), commandVariableName(command, key)]) {
          const owner = name === variableName(key) ? key : `${command}.${key}`;
          expect(owners.get(name) ?? owner).toBe(owner);
          owners.set(name, owner);
        }
      }
    }
  });
});

describe('refusals', () => {
  it('points a bad flag out as usage and a bad variable or key as configuration', async () => {
    const usage = await failure(() => resolve('backtest', { cash: 'lots' }));
    expect([usage.code, usage.exitCode]).toEqual(['USAGE', 2]);
    expect(usage.message).toBe(
      '--cash: cannot read "lots": expected an amount of money above zero, such as 100000 or $100000',
    );
    const config = await failure(() => resolve('backtest', {}, { QUANTLINE_CASH: 'lots' }));
    expect([config.code, config.exitCode]).toEqual(['CONFIG', 3]);
    expect(config.message).toContain('QUANTLINE_CASH: cannot read "lots"');
    write('quantline.yaml', 'backtest:\n  cash: lots\n');
    expect((await failure(() => resolve('backtest'))).message).toContain('quantline.yaml:2 backtest.cash: cannot read');
  });

  it('reports all problems of a command together', async () => {
    const error = await failure(() => resolve('backtest', { cash: 'x', commission: 'y', slippage: 'z' }));
    expect(error.message.split('\n')).toHaveLength(3);
  });

  it.each([
    ['splti: 70%', 'quantline.yaml:1 splti: unknown key', 'Did you mean "split"?'],
    ['train:\n  split: 70%\n  sedd: 1', 'quantline.yaml:3 train.sedd: unknown key', 'Did you mean "seed"?'],
    ['trian:\n  seed: 1', 'quantline.yaml:1 trian: unknown key', 'Did you mean "train"?'],
    ['ingest:\n  cash: 1', 'quantline.yaml:2 ingest.cash: unknown key', undefined],
    ['live: true', 'quantline.yaml:1 live: --live is a guard', undefined],
    ['trade:\n  accept-ungated: yes', 'quantline.yaml:2 trade.accept-ungated: --accept-ungated is a guard', undefined],
    ['apca-api-secret-key: abc', 'never in this file', undefined],
    ['config: other.yaml', 'cannot name another one', undefined],
    ['a: [', 'quantline.yaml:', undefined],
    ['- a\n- b', 'expected keys and values at the top', undefined],
    ['train: 5', 'quantline.yaml:1 train: expected keys and values below', undefined],
  ])('refuses the file %j', async (text, message, hint) => {
    write('quantline.yaml', text);
    const error = await failure(() => resolve('ingest'));
    expect(error.code).toBe('CONFIG');
    expect(error.message).toContain(message);
    if (hint !== undefined) expect(error.hint).toBe(hint);
  });

  it('refuses an unknown variable with the nearest, wherever it stands', async () => {
    const error = await failure(() => resolve('ingest', {}, { QUANTLINE_SYMBOL: 'SPY' }));
    expect([error.code, error.hint]).toEqual(['CONFIG', 'Did you mean QUANTLINE_SYMBOLS?']);
    write('.env', 'QUANTLINE_WORKSPAC=x\n');
    expect((await failure(() => resolve('ingest'))).message).toContain('QUANTLINE_WORKSPAC in .env');
  });

  it.each([
    ['trade', 'live', 'true'],
    ['trade', 'acceptUngated', 'reason'],
    ['backtest', 'inSample', 'true'],
    ['backtest', 'yes', 'true'],
  ] as const)('%s: the guard %s cannot come from the environment', async (command, key, value) => {
    const error = await failure(() => resolve(command, {}, { [variableName(key)]: value }));
    expect(error.message).toContain('is a guard');
    expect((await resolve(command, { [key]: value })).origins.get(key)?.kind).toBe('flag');
  });

  it('names a file that cannot be read', async () => {
    const error = await failure(() => resolve('ingest', { config: 'absent.yaml' }));
    expect(error.message).toContain(join(folder, 'absent.yaml'));
    write('quantline.yaml', 'cash: 1');
    chmodSync(join(folder, 'quantline.yaml'), 0o000);
    if (process.getuid?.() !== 0) expect((await failure(() => resolve('ingest'))).code).toBe('CONFIG');
  });

  it('refuses a journal in memory wherever it is named, which would be a file of that name', async () => {
    const hint = expect.stringMatching(/Name a file/);
    for (const journal of [':memory:', 'file::memory:?cache=shared'])
      await expect(resolve('trade', { journal, live: true })).rejects.toMatchObject({ code: 'USAGE', hint });
    const set = resolve('status', {}, { QUANTLINE_JOURNAL: ':memory:' });
    await expect(set).rejects.toMatchObject({
      code: 'CONFIG',
      message: expect.stringMatching(/QUANTLINE_JOURNAL/),
      hint,
    });
  });

  it('refuses a password in a journal URL where others can see it', async () => {
    const url = 'postgres://user:hunter2@db.example/quantline';
    const error = await failure(() => resolve('trade', { journal: url }));
    expect(error.code).toBe('USAGE');
    expect(error.message).not.toContain('hunter2');
    const { global, texts } = await resolve('trade', {}, { QUANTLINE_JOURNAL: url });
    expect(global.journal).toBe(url);
    expect(texts.get('journal')).toBe('postgres://***@db.example/quantline');
  });
});

describe('secrets', () => {
  const secret = 'k3y+with/odd=chars&"q"';

  it('reads them from environment, .env and secret files, the environment first', async () => {
    write('.env', 'APCA_API_SECRET_KEY=from-dotenv\nOPENAI_API_KEY=o-dotenv\n');
    write('key', `${secret}\n`);
    const { secrets, secretOrigins } = await resolve(
      'trade',
      {},
      {
        OPENAI_API_KEY: 'o-process',
        APCA_API_KEY_ID_FILE: join(folder, 'key'),
      },
    );
    expect(secrets).toMatchObject({
      APCA_API_SECRET_KEY: 'from-dotenv',
      OPENAI_API_KEY: 'o-process',
      APCA_API_KEY_ID: secret,
    });
    expect([...secretOrigins]).toEqual([
      ['APCA_API_KEY_ID', join(folder, 'key')],
      ['APCA_API_SECRET_KEY', '.env'],
      ['OPENAI_API_KEY', 'environment'],
    ]);
    const error = await failure(() => resolve('trade', {}, { APCA_API_KEY_ID_FILE: join(folder, 'absent') }));
    expect(error.code).toBe('CREDENTIALS');
  });

  it('does not touch the process environment', async () => {
    write('.env', 'QUANTLINE_CASH=3\n');
    await resolve('backtest');
    expect(process.env['QUANTLINE_CASH']).toBeUndefined();
  });

  it('takes them out of every text, as they are, percent-encoded and in JSON', async () => {
    const { redact } = await resolve(
      'trade',
      {},
      { APCA_API_SECRET_KEY: secret, APCA_API_BASE_URL: 'https://paper.example' },
    );
    for (const text of [secret, encodeURIComponent(secret), JSON.stringify({ a: secret })]) {
      const clean = redact(`before ${text} after https://paper.example`);
      expect(clean).not.toContain('k3y');
      expect(clean).toMatch(/^before .*\*\*\*.* after https:\/\/paper\.example$/);
    }
    expect(redactUrl('see https://user:pw@host/x and postgres://u@h')).toBe(
      'see https://***@host/x and postgres://***@h',
    );
  });
});

describe('settings of adapters', () => {
  it('come from file and environment for the chosen adapter alone, under those of the flag', async () => {
    write(
      'quantline.yaml',
      'adapters:\n  source:\n    synthetic:\n      seed: 1\n      years: 3\n      edge: none\n    csv:\n      seed: 9\n',
    );
    const { options, origins } = await resolve(
      'ingest',
      { source: 'synthetic', set: ['edge=1.5'] },
      { QUANTLINE_SOURCE_SYNTHETIC_SEED: '2', QUANTLINE_SOURCE_CSV_YEARS: '7' },
    );
    expect(options.set).toEqual({ seed: '2', years: '3', edge: '1.5' });
    expect(origins.get('set.years')).toEqual({
      kind: 'file',
      name: 'quantline.yaml:5 adapters.source.synthetic.years',
    });
    expect(origins.get('set.seed')?.name).toBe('QUANTLINE_SOURCE_SYNTHETIC_SEED');
  });

  it('carry their port where a command has two', async () => {
    const { options } = await resolve(
      'trade',
      { broker: 'sim', source: 'synthetic', set: ['a=1'] },
      { QUANTLINE_SOURCE_SYNTHETIC_SEED: '2', QUANTLINE_BROKER_SIM_LATENCY: '3' },
    );
    expect(options.set).toEqual({ a: '1', latency: '3', 'source.seed': '2' });
  });

  it('of policies are in their calls, which need none here', async () => {
    const { options } = await resolve('trade', { broker: 'sim', risk: ['max-order($500)', 'no-trade(GME)'] });
    expect(options.risk).toHaveLength(2);
    expect(options.set).toEqual({});
  });

  it('of a learner come by --param', async () => {
    const { options } = await resolve(
      'train',
      { trainer: 'xgboost', param: ['eta=0.1'] },
      { QUANTLINE_TRAINER_XGBOOST_ETA: '0.3', QUANTLINE_TRAINER_XGBOOST_MAX_DEPTH: '4' },
    );
    expect(options.param).toEqual({ eta: '0.1', max_depth: '4' });
  });
});

describe('the file', () => {
  it('reads lists, mappings, comments and an empty file', async () => {
    write('quantline.yaml', '# all\ningest:\n  symbols: [SPY, QQQ]\n  quality:\n    gaps: allow\n  from: 2015-01-01\n');
    const { options } = await resolve('ingest');
    expect(options).toMatchObject({
      symbols: ['SPY', 'QQQ'],
      quality: { gaps: 'allow' },
      from: { kind: 'date', date: '2015-01-01' },
    });
    for (const text of ['', '# nothing\n', '---\n', 'train:\n']) expect((await parseConfig(text, 'x')).size).toBe(0);
  });

  it('tells a section from an option of the same name', async () => {
    write('quantline.yaml', 'orders:\n  all: true\n');
    expect((await resolve('orders')).options.all).toBe(true);
    expect((await resolve('runs:show')).options.orders).toBe(false);
    write('quantline.yaml', 'orders: true\n');
    expect((await resolve('runs:show')).options.orders).toBe(true);
  });
});
