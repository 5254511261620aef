import { rmSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Artifact } from '../../../../src/core/artifacts/index.js';
import { redactor, vendorVariables } from '../../../../src/core/config/index.js';
import type { TradeEvent } from '../../../../src/core/engine/live/index.js';
import { systemClock } from '../../../../src/core/platform/index.js';
import { halt } from '../../../../src/core/stages/halt.js';
import { tradeNews } from '../../../../src/core/stages/notify/index.js';
import { Notifier } from '../../../../src/core/stages/notify/notifier.js';
import { Ping } from '../../../../src/core/stages/notify/ping.js';
import { channelOf, type NotifyPreset } from '../../../../src/core/stages/notify/presets.js';
import { accountLimits } from '../../../../src/core/stages/trade/limits.js';
import { trade } from '../../../../src/core/stages/trade.js';
import type { ExecutionRecord, OrderRecord } from '../../../../src/core/state/index.js';
import { type Loopback, listen, readRequest } from '../../../fakes/loopback.js';
import { optionsOf, testRuntime } from '../../../support/workspace.js';
import { spyRun } from './fixture.js';

interface Received {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

const open: Loopback[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

async function service(answer?: (response: ServerResponse) => void): Promise<{ url: string; got: Received[] }> {
  const got: Received[] = [];
  const server = await listen(async (request, response) => {
    got.push({ path: request.url!, headers: request.headers, body: await readRequest(request) });
    if (answer === undefined) response.end('ok');
    else answer(response);
  });
  open.push(server);
  return { url: server.url, got };
}

const warnings = () => {
  const said: string[] = [];
  return { said, logger: { debug() {}, info() {}, warn: (text: string) => void said.push(text) } };
};
const news = { event: 'fill', strategy: 'swing', text: 'bought 10 AAPL at 100', urgent: false };

describe('presets', () => {
  test.each<[NotifyPreset, string, object | string]>([
    ['slack', '/services/T0/B0/secretpart', { text: 'swing: bought 10 AAPL at 100' }],
    [
      'discord',
      '/api/webhooks/1/secretpart',
      { content: 'swing: bought 10 AAPL at 100', allowed_mentions: { parse: [] } },
    ],
    ['ntfy', '/secrettopic', 'bought 10 AAPL at 100'],
    ['webhook', '/hook?key=secretpart', news],
  ])('%s takes news in its own form', async (preset, path, body) => {
    const { url, got } = await service();
    const { said, logger } = warnings();
    const notifier = new Notifier(channelOf(preset, { QUANTLINE_NOTIFY_URL: url + path }), systemClock, logger);
    notifier.push(news);
    await notifier.close();
    expect(got).toHaveLength(1);
    expect(got[0]!.path).toBe(path);
    expect(typeof body === 'string' ? got[0]!.body : JSON.parse(got[0]!.body)).toEqual(body);
    if (preset === 'ntfy') expect(got[0]!.headers).toMatchObject({ title: 'swing: fill', priority: 'default' });
    expect(said).toEqual([]);
  });

  test('telegram by token and chat, bearer tokens elsewhere', async () => {
    const { url, got } = await service();
    const secrets = { QUANTLINE_NOTIFY_URL: url, QUANTLINE_NOTIFY_TOKEN: '1:abc', QUANTLINE_NOTIFY_CHAT: '42' };
    for (const preset of ['telegram', 'webhook'] as const) {
      const notifier = new Notifier(channelOf(preset, secrets), systemClock, warnings().logger);
      notifier.push(news);
      await notifier.close();
    }
    expect(got[0]).toMatchObject({ path: '/bot1:abc/sendMessage' });
    expect(JSON.parse(got[0]!.body)).toEqual({ chat_id: '42', text: 'swing: bought 10 AAPL at 100' });
    expect(got[1]!.headers.authorization).toBe('Bearer 1:abc');
  });

  test('characters that a service reads as marks are escaped; long texts are cut at a whole character', () => {
    const secrets = {
      QUANTLINE_NOTIFY_URL: 'http://127.0.0.1:1/x',
      QUANTLINE_NOTIFY_TOKEN: 't',
      QUANTLINE_NOTIFY_CHAT: '1',
    };
    const sent = (preset: NotifyPreset, text: string) => {
      const body = String(channelOf(preset, secrets).request({ ...news, strategy: 'my_own_rule', text }).body);
      return preset === 'ntfy'
        ? body
        : String(Object.values(JSON.parse(body)).findLast((one) => typeof one === 'string' && one !== '1'));
    };
    expect(sent('slack', 'R&D: <b> & >')).toBe('my_own_rule: R&amp;D: &lt;b&gt; &amp; &gt;');
    expect(sent('discord', '*x* `y` @everyone')).toBe('my\\_own\\_rule: \\*x\\* \\`y\\` @everyone');
    expect(sent('telegram', '<b>_x_')).toBe('my_own_rule: <b>_x_');
    const face = '\u{1F600}';
    for (const [preset, longest] of [
      ['slack', 4000],
      ['discord', 2000],
      ['telegram', 4096],
      ['ntfy', 4096],
    ] as const) {
      for (const text of [face.repeat(5000), '&*'.repeat(5000)]) {
        const body = sent(preset, text);
        expect(preset === 'ntfy' ? Buffer.byteLength(body) : body.length, preset).toBeLessThanOrEqual(longest);
        // No half of a pair.
        expect(Buffer.from(body).toString()).toBe(body);
        expect(body.endsWith('…')).toBe(true);
      }
    }
  });

  test.each<[string, Record<string, string>, object | string]>([
    ['Slack, Retry-After', { 'retry-after': '0' }, 'rate_limited'],
    ['Discord, in the body', {}, { message: 'You are being rate limited.', retry_after: 0.05, global: false }],
    ['Telegram, in the body', {}, { ok: false, description: 'Too Many Requests', parameters: { retry_after: 0.05 } }],
  ])('429 of %s: it waits as told and sends the same again', async (_, headers, body) => {
    let refused = 0;
    const { url, got } = await service((response) => {
      if (refused++ > 0) return response.end('ok');
      response.writeHead(429, headers).end(typeof body === 'string' ? body : JSON.stringify(body));
    });
    const { said, logger } = warnings();
    const notifier = new Notifier(channelOf('webhook', { QUANTLINE_NOTIFY_URL: url }), systemClock, logger);
    notifier.push(news);
    await notifier.close();
    expect(got.map(({ body }) => JSON.parse(body))).toEqual([news, news]);
    expect(said).toEqual([]);
  });

  test('a wait longer than allowed is given up, and says why in the words of the service', async () => {
    const { url } = await service((response) =>
      response
        .writeHead(429)
        .end(JSON.stringify({ ok: false, description: 'slow down', parameters: { retry_after: 500 } })),
    );
    const { said, logger } = warnings();
    const notifier = new Notifier(channelOf('webhook', { QUANTLINE_NOTIFY_URL: url }), systemClock, logger);
    notifier.push(news);
    await notifier.close();
    expect(said[0]).toMatch(/429\): slow down; free again at/);
  });

  test.each<[NotifyPreset, Record<string, string>, string]>([
    ['slack', {}, 'CREDENTIALS'],
    ['slack', { QUANTLINE_NOTIFY_URL: 'https://evil.example/services/x' }, 'CONFIG'],
    ['telegram', { QUANTLINE_NOTIFY_TOKEN: 'x' }, 'CREDENTIALS'],
    ['webhook', { QUANTLINE_NOTIFY_URL: 'http://example.com/secretpart' }, 'CONFIG'],
    ['ntfy', { QUANTLINE_NOTIFY_URL: 'no url' }, 'CONFIG'],
  ])('%s with %j: %s, and no address in the message', (preset, secrets, code) => {
    try {
      channelOf(preset, secrets);
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ code });
      expect((error as Error).message).not.toContain('secretpart');
    }
  });

  test('address and token are secrets of the configuration', () => {
    const value = 'https://hooks.slack.com/services/T0/B0/secretpart';
    const environment = new Map([['QUANTLINE_NOTIFY_URL', { value, origin: 'environment' }]]);
    expect(redactor(vendorVariables(environment))(`posting to ${value}`)).toBe('posting to ***');
  });
});

describe('a service that hangs or refuses', () => {
  // The client of the first request takes longer to load than the limits here last.
  beforeAll(async () => {
    const { url } = await service();
    const { logger } = warnings();
    const notifier = new Notifier(channelOf('webhook', { QUANTLINE_NOTIFY_URL: url }), systemClock, logger);
    notifier.push(news);
    await notifier.close();
  });

  test('pushing never waits; the queue is bounded; closing gives up and says how much is lost', async () => {
    const { url, got } = await service(() => {});
    const { said, logger } = warnings();
    const secrets = { QUANTLINE_NOTIFY_URL: `${url}/secretpart` };
    const notifier = new Notifier(channelOf('webhook', secrets), systemClock, logger, { queue: 5, closeMs: 50 });
    const begun = performance.now();
    for (let i = 0; i < 20; i++) notifier.push(news);
    expect(performance.now() - begun).toBeLessThan(50);
    await notifier.close();
    expect(performance.now() - begun).toBeLessThan(1000);
    expect(got.length).toBeLessThanOrEqual(1);
    expect(said.join('\n')).toMatch(/^20 of the notifications did not get through/);
    expect(said.join('\n')).not.toContain('secretpart');
  });

  test('each news that hangs is given up after its limit, the first of them is said', async () => {
    const { url, got } = await service(() => {});
    const { said, logger } = warnings();
    const limits = { timeoutMs: 60, closeMs: 5000 };
    const notifier = new Notifier(channelOf('webhook', { QUANTLINE_NOTIFY_URL: url }), systemClock, logger, limits);
    for (let i = 0; i < 3; i++) notifier.push(news);
    await notifier.close();
    expect(got).toHaveLength(3);
    expect(said).toEqual([
      expect.stringMatching(/^A notification was not delivered\. .*(time|answer)/i),
      expect.stringMatching(/^3 of the notifications/),
    ]);
  });

  test('a refusal is one warning, and the news after it are tried', async () => {
    const { url, got } = await service((response) => {
      response.statusCode = 500;
      response.end('{}');
    });
    const { said, logger } = warnings();
    const notifier = new Notifier(channelOf('webhook', { QUANTLINE_NOTIFY_URL: url }), systemClock, logger);
    notifier.push(news);
    notifier.push(news);
    await notifier.close();
    expect(got).toHaveLength(2);
    expect(said).toEqual([expect.stringContaining('answered 500'), expect.stringMatching(/^2 of the notifications/)]);
  });
});

describe('in a session', () => {
  const runtime = testRuntime({}, true);
  afterAll(() => rmSync(runtime.workspace, { recursive: true, force: true }));
  let run: Artifact;
  beforeAll(async () => {
    run = await spyRun(runtime, { risk: 'max-drawdown(1%)' });
  });

  test('fills and the halt are told', async () => {
    const good = await service();
    const options = optionsOf('trade', { run: run.path, strategy: 'a', set: { account: 'a' }, notify: 'webhook' });
    const told = await trade(options, { ...runtime, secrets: { QUANTLINE_NOTIFY_URL: good.url } });
    expect(told.session).toMatchObject({ outcome: 'halted', fills: 2 });
    const events = good.got.map(({ body }) => (JSON.parse(body) as { event: string }).event);
    // The policy's halt as it begins, and the strategy's once nothing is held any more.
    expect(events).toEqual(['fill', 'halt', 'fill', 'halt']);
    expect(JSON.parse(good.got[1]!.body)).toMatchObject({
      urgent: true,
      text: expect.stringContaining('max-drawdown'),
    });
  });

  test('a halt that no session has ended with is told by the next start, once', async () => {
    const { url, got } = await service();
    const options = optionsOf('trade', { run: run.path, strategy: 'h', set: { account: 'h' }, notify: 'webhook' });
    const start = async () => {
      got.length = 0;
      const { exit } = await trade(options, { ...runtime, secrets: { QUANTLINE_NOTIFY_URL: url } });
      return [exit, ...got.map(({ body }) => (JSON.parse(body) as { text: string }).text)];
    };
    await start();
    expect(await start()).toEqual(['refused']);
    await halt({ ...optionsOf('halt', { strategy: 'h' }), reason: 'earnings' }, runtime);
    expect(await start()).toEqual(['refused', 'halted: earnings']);
    expect(await start()).toEqual(['refused']);
  });

  test('--notify-on chooses', async () => {
    const { url, got } = await service();
    await trade(
      optionsOf('trade', { run: run.path, strategy: 'c', set: { account: 'c' }, notify: 'webhook', notifyOn: 'halt' }),
      { ...runtime, secrets: { QUANTLINE_NOTIFY_URL: url } },
    );
    expect(got).toHaveLength(2);
    expect(() => optionsOf('trade', { notifyOn: 'hlt' })).toThrow(/expected some of fill, reject/);
  });

  test('every kind of news is told, with its words, to whoever asked for it', async () => {
    const order = {
      instrument: 'AAPL',
      request: { side: 'buy' },
      status: 'rejected',
      reason: 'no money',
    } as OrderRecord;
    const late = { ...order, status: 'expired', reason: 'not sent: too many requests.' } as OrderRecord;
    const fill = { side: 'sell', quantity: '5', instrument: 'AAPL', price: '101', kind: 'fill' } as ExecutionRecord;
    const alarm = { instrument: 'AAPL', reason: 'the venue refused its stop' };
    const slot = Date.UTC(2026, 10, 27, 18);
    const cases: [TradeEvent | 'token', string, boolean][] = [
      [{ type: 'fill', execution: fill }, 'sold 5 AAPL at 101', false],
      [{ type: 'fill', execution: { ...fill, kind: 'bust' } }, 'bust of 5 AAPL', true],
      [{ type: 'reject', order }, 'the buy order for AAPL was rejected: no money', true],
      [{ type: 'reject', order: late }, 'the buy order for AAPL was not sent: too many requests', true],
      [{ type: 'halt', reason: 'lunch' }, 'halted: lunch', true],
      [
        { type: 'missed', slot, count: 2, reason: 'asleep' },
        '2 slots up to 2026-11-27T18:00:00Z passed undecided: asleep',
        true,
      ],
      [{ type: 'unprotected', alarm }, 'AAPL is not protected: the venue refused its stop', true],
      ['token', 'the login ends on Friday', true],
      [{ type: 'verdict', instrument: 'AAPL', rule: 'no-short', reason: 'short' }, 'AAPL: no-short, short', false],
    ];
    const { url, got } = await service();
    const told = { ...runtime, clock: systemClock, secrets: { QUANTLINE_NOTIFY_URL: url } };
    for (const on of [undefined, 'verdict']) {
      const given = { notify: 'webhook', strategy: 'swing', ...(on !== undefined && { notifyOn: on }) };
      const { notify, expiring, close } = tradeNews(optionsOf('trade', given), told);
      for (const [event, text] of cases) event === 'token' ? expiring(text, slot) : notify(event);
      await close();
    }
    const verdict = cases.length - 1;
    const words = (some: typeof cases) => some.map(([, text, urgent]) => ({ strategy: 'swing', text, urgent }));
    expect(got.map(({ body }) => JSON.parse(body) as object)).toMatchObject(
      words([...cases.slice(0, verdict), cases[verdict]!]),
    );
  });

  test('--risk cuts what the run would do', async () => {
    const { session } = await trade(
      optionsOf('trade', { run: run.path, strategy: 'r', set: { account: 'r' }, risk: 'no-trade(SPY)' }),
      runtime,
    );
    expect(session).toMatchObject({ orders: 0, fills: 0 });
  });
});

test('account rules of US brokers come by themselves, once', () => {
  const account = { shortingEnabled: true } as never;
  const at = (broker: string, risk?: string) => optionsOf('trade', { broker, ...(risk && { risk }) });
  expect(accountLimits(at('alpaca'), [], account)).toEqual([]);
  expect(accountLimits(at('ibkr'), [], account)).toEqual(['pattern-day-trader']);
  expect(accountLimits(at('schwab'), [], { shortingEnabled: false } as never)).toEqual(['settled-cash']);
  expect(accountLimits(at('schwab', 'pattern-day-trader(4)'), [], account)).toEqual(['pattern-day-trader(4)']);
  expect(accountLimits(at('schwab'), ['pattern-day-trader(5)'], account)).toEqual([]);
});

describe('--ping', () => {
  test('start, success and failure, by the convention of healthchecks.io', async () => {
    const { url, got } = await service();
    const { said, logger } = warnings();
    const ping = new Ping(`${url}/uuid/`, systemClock, logger);
    ping.start();
    await ping.success();
    await new Ping(`${url}/uuid`, systemClock, logger).fail('the disk is full');
    expect(got.map(({ path, body }) => [path, body])).toEqual([
      ['/uuid/start', ''],
      ['/uuid', ''],
      ['/uuid/fail', 'the disk is full'],
    ]);
    expect(said).toEqual([]);
  });

  test('a switch that cannot be reached is a warning without its address', async () => {
    const { said, logger } = warnings();
    await new Ping('http://127.0.0.1:9/secretpart', systemClock, logger).success();
    expect(said).toHaveLength(1);
    expect(said[0]).not.toContain('secretpart');
  });
});
