import dns from 'node:dns';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ManualClock } from '../../../src/core/platform/index.js';
import { type Fault, reply } from '../../fakes/alpaca/faults.js';
import { dailyBars, session, VenueRig, walk } from '../../support/venue.js';

/** The catalogue of FAULTS.md at the level of a start of `quantline trade`: the way to the venue and its allowance. */
const FRIDAY = '2026-11-27';
const NOW = session(FRIDAY).close + 5000;

let rig: VenueRig;
let other: Server | undefined;
beforeEach(async () => {
  rig = await VenueRig.start({ bars: () => dailyBars(walk(60), FRIDAY), now: NOW });
  (rig.clock as ManualClock).set(NOW);
});
afterEach(async () => {
  await rig.close();
  await new Promise((resolve) => (other === undefined ? resolve(undefined) : other.close(resolve)));
  other = undefined;
});

const nothingSent = () => expect(rig.venue.book.accepted).toEqual([]);
const silent = () => expect(rig.said.join('\n')).not.toContain(rig.venue.keys.secret);

describe('F36: the way to the venue', () => {
  /** A host that is not the venue; returns its address and what it was told. */
  async function stranger(answer: Parameters<typeof createServer>[1] = (_, response) => response.end('{}')) {
    const told: string[] = [];
    other = createServer((request, response) => {
      told.push(JSON.stringify(request.headers));
      answer(request, response);
    });
    await new Promise<void>((resolve) => other!.listen(0, '127.0.0.1', resolve));
    return { url: `http://127.0.0.1:${(other.address() as AddressInfo).port}`, told };
  }
  const at = (url: string) => rig.start({}, { secrets: { ...rig.venue.secrets, APCA_API_BASE_URL: url } });

  test('refused connection: exit 7, the message names it', async () => {
    const { url } = await stranger();
    await new Promise((resolve) => other!.close(resolve));
    other = undefined;
    await expect(at(url)).rejects.toMatchObject({ exitCode: 7, message: expect.stringMatching(/refuse/i) });
    silent();
  });

  test.each(['ENOTFOUND', 'EAI_AGAIN'])(
    'a name that is not resolved (%s): exit 7, the message names it',
    async (code) => {
      const lookup = vi.spyOn(dns, 'lookup').mockImplementation(((_: string, ...rest: unknown[]) => {
        const answer = rest.at(-1) as (error: Error) => void;
        setImmediate(() => answer(Object.assign(new Error(code), { code })));
      }) as never);
      try {
        const url = rig.venue.secrets['APCA_API_BASE_URL']!.replace('127.0.0.1', 'localhost');
        await expect(at(url)).rejects.toMatchObject({ exitCode: 7, message: expect.stringMatching(/DNS.*\[E/) });
        expect(lookup).toHaveBeenCalled();
      } finally {
        lookup.mockRestore();
      }
      nothingSent();
      silent();
    },
  );

  test('TLS that fails: exit 7, the message names it', async () => {
    const { url } = await stranger();
    await expect(at(url.replace('http:', 'https:'))).rejects.toMatchObject({
      exitCode: 7,
      message: expect.stringMatching(/TLS/),
    });
    silent();
  });

  test.each<[string, Fault, RegExp]>([
    ['a captive portal’s page', reply(200, '<html>log in to the hotel</html>'), /not JSON|page|HTML/i],
    ['a proxy that wants a login', reply(407, '<html>proxy</html>'), /proxy/i],
  ])('%s: exit 7, the message names it', async (_, fault, message) => {
    rig.venue.arm('GET /v2/account', fault, 50);
    await expect(rig.start()).rejects.toMatchObject({ exitCode: 7, message: expect.stringMatching(message) });
    nothingSent();
    silent();
  });

  test.each(['GET /v2/account', 'POST /v2/orders'])(
    'a redirect of %s takes neither keys nor orders away',
    async (route) => {
      const { url, told } = await stranger();
      rig.venue.arm(route, ({ response }) => void response.writeHead(307, { location: `${url}/v2` }).end(), 50);
      const result = await rig.start().catch((error: unknown) => error);
      if (route.startsWith('GET'))
        expect(result).toMatchObject({ exitCode: 7, message: expect.stringMatching(/redirect/i) });
      else expect(result).toMatchObject({ session: { outcome: 'decided', positions: [] } });
      expect(told).toEqual([]);
      nothingSent();
      silent();
    },
  );

  test('an answer that drips: given up, exit 7', async () => {
    rig.venue.arm(
      'GET /v2/account',
      ({ response }) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        const drip = setInterval(() => response.write(' '), 20);
        response.on('close', () => clearInterval(drip));
      },
      50,
    );
    await expect(rig.start({ set: { timeoutSeconds: '0.1' } })).rejects.toMatchObject({
      exitCode: 7,
      message: expect.stringMatching(/within|timeout|in time/i),
    });
    nothingSent();
  });
});

test('F8: 429 on reads while two starts share the allowance: both wait for the reset that is named, both finish', async () => {
  const { venue, clock } = rig;
  const reset = Math.ceil(NOW / 1000) + 20;
  let left = 3;
  let refused = 0;
  venue.limit = {
    get remaining() {
      return clock.now() / 1000 < reset ? left : 1000;
    },
    set remaining(value) {
      left = value;
    },
    headers: () => {
      refused++;
      return { 'X-RateLimit-Limit': '200', 'X-RateLimit-Remaining': '0', 'X-RateLimit-Reset': String(reset) };
    },
  };
  const both = await Promise.all([rig.start(), rig.start()]);
  expect(both.map(({ session: { outcome } }) => outcome).sort()).toEqual(['decided', 'slot-taken']);
  expect(refused).toBeGreaterThan(0);
  expect(clock.now()).toBeGreaterThanOrEqual(reset * 1000);
  venue.limit = undefined;
  await rig.once();
  expect(await rig.oracle()).toEqual({ accepted: 1, fills: 1 });
});
