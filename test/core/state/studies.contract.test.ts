import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { optimize, Study, type StudyEvent } from '../../../src/core/learning/tuning/index.js';
import { openJournal, ownerIsGone, StudyJournal, type StudyJournalOptions } from '../../../src/core/state/index.js';
import { describeWith } from '../../support/require.js';
import { failure, T0, temporaryFolder } from './helpers.js';
import { startPostgres } from './postgresServer.js';

type Values = Record<string, string | number | boolean>;
type Journal = StudyJournal<StudyEvent, Values>;

function contract(name: string, fresh: () => Promise<{ location: string; end: () => Promise<void> }>) {
  describe(`study store contract: ${name}`, () => {
    const cleanups: (() => Promise<unknown>)[] = [];
    afterEach(async () => {
      for (const clean of cleanups.splice(0).reverse()) await clean();
    });

    async function begin() {
      const { location, end } = await fresh();
      cleanups.push(end);
      let time = T0;
      const dead = new Set<string>();
      const open = async (owner: string, more: Partial<StudyJournalOptions> = {}) => {
        const journal: Journal = await StudyJournal.open<StudyEvent, Values>(location, {
          study: 's',
          definition: { data: 'd', seed: 1 },
          ...more,
          ...{ owner, gone: (other) => dead.has(other), now: () => time, ttl: 1000 },
        });
        cleanups.push(() => journal.close());
        return journal;
      };
      return { location, open, die: (owner: string) => dead.add(owner), pass: (ms: number) => (time += ms) };
    }

    const started = (trial: number, x = trial): StudyEvent => ({ type: 'started', trial, parameters: { x } });
    const finished = (trial: number, value: number): StudyEvent => ({
      type: 'finished',
      trial,
      state: 'complete',
      value,
    });

    test('each number below the limit is given out once, over all workers', async () => {
      const { open } = await begin();
      const workers = [await open('a'), await open('b'), await open('c')];
      const claims = await Promise.all(Array.from({ length: 12 }, (_, i) => workers[i % 3]!.claim(10)));
      expect(
        claims
          .filter((one) => one !== null)
          .map(({ trial }) => trial)
          .sort((x, y) => x - y),
      ).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      expect(claims.filter((one) => one === null)).toHaveLength(2);
      expect(await workers[0]!.running()).toBe(10);
    });

    test('events come back in order, to every worker, from any place on', async () => {
      const { open } = await begin();
      const [a, b] = [await open('a'), await open('b')];
      await a.claim(9);
      await b.claim(9);
      await a.append(started(0));
      await b.append(started(1));
      await a.append({ type: 'reported', trial: 0, step: 1, value: 0.25 });
      await a.append(finished(0, 0.1 + 0.2));
      const events = [
        started(0),
        started(1),
        { type: 'reported', trial: 0, step: 1, value: 0.25 },
        finished(0, 0.1 + 0.2),
      ];
      expect(await b.read(0)).toEqual(events);
      expect(await b.read(3)).toEqual(events.slice(3));
      expect(await b.read(4)).toEqual([]);
      expect(await a.running()).toBe(1);
    });

    test('a dead worker’s trial is given out again with its parameters, even at the limit', async () => {
      const { open, die } = await begin();
      const [a, b] = [await open('a'), await open('b')];
      await a.claim(2);
      await a.append(started(0, 42));
      await a.claim(2);
      expect(await b.claim(2)).toBeNull();
      die('a');
      expect(await b.claim(2)).toEqual({ trial: 0, parameters: { x: 42 } });
      // It died before it said what it would try.
      expect(await b.claim(2)).toEqual({ trial: 1 });
      expect(await b.claim(2)).toBeNull();
    });

    test('a silent worker loses its trial after a while, and nothing that it says later counts', async () => {
      const { open, pass } = await begin();
      const [a, b] = [await open('a'), await open('b')];
      await a.claim(1);
      await a.append(started(0));
      pass(900);
      await a.renew();
      pass(900);
      expect(await b.claim(1)).toBeNull();
      pass(200);
      expect(await b.claim(1)).toMatchObject({ trial: 0 });
      await b.append(started(0));
      await a.append(finished(0, 666));
      await b.append(finished(0, 1));
      await b.append(finished(0, 2));
      expect(await a.read(0)).toEqual([started(0), started(0), finished(0, 1)]);
    });

    test('a claim that was taken over stays taken over for the same owner too', async () => {
      const { open, pass } = await begin();
      const [before, after] = [await open('a'), await open('a')];
      await before.claim(1);
      pass(2000);
      expect(await after.claim(1)).toEqual({ trial: 0 });
      await before.append(finished(0, 666));
      await before.release();
      expect(await after.claim(1)).toBeNull();
      await after.append(finished(0, 1));
      expect(await after.read(0)).toEqual([finished(0, 1)]);
    });

    test('what is given back is free at once', async () => {
      const { open } = await begin();
      const [a, b] = [await open('a'), await open('b')];
      await a.claim(5);
      await a.append(started(0, 7));
      await a.release();
      expect(await b.claim(5)).toEqual({ trial: 0, parameters: { x: 7 } });
      await a.append(finished(0, 1));
      expect(await b.running()).toBe(1);
    });

    test('a share hands out its own numbers; what died elsewhere only once all were given out', async () => {
      const { open, die } = await begin();
      const of = (owner: string, index: number) => open(owner, { share: { index, count: 2 } });
      const [first, one, all] = [await of('a', 0), await of('b', 1), await open('c')];
      expect(await first.claim(6)).toEqual({ trial: 0 });
      expect([await one.claim(6), await one.claim(6), await one.claim(6)]).toEqual(
        [1, 3, 5].map((trial) => ({ trial })),
      );
      // A worker without a share fills the holes.
      expect(await all.claim(6)).toEqual({ trial: 2 });
      die('a');
      expect([await one.claim(6), await one.unclaimed(6)]).toEqual([null, 1]);
      const retried = await of('a2', 0);
      expect([await retried.claim(6), await retried.claim(6)]).toEqual([{ trial: 0 }, { trial: 4 }]);
      die('c');
      expect([await one.unclaimed(6), await one.claim(6), await one.claim(6)]).toEqual([0, { trial: 2 }, null]);
    });

    test('studies are apart; one with another definition is refused and names what differs', async () => {
      const { open } = await begin();
      const a = await open('a');
      await a.claim(5);
      await a.append(started(0));
      const other = await open('a', { study: 'other', definition: { data: 'e' } });
      expect(await other.read(0)).toEqual([]);
      expect(await other.claim(1)).toEqual({ trial: 0 });
      const error = await failure(open('b', { definition: { seed: 2, data: 'd' } }));
      expect([error.code, error.exitCode, error.message]).toEqual([
        ...['MISMATCH', 4],
        'The study "s" was begun with another seed.',
      ]);
    });

    test('a study stopped and opened again goes on as if it had never stopped', async () => {
      const { open } = await begin();
      const space = { x: { type: 'float', low: -5, high: 5 } } as const;
      const objective = ({ x }: Readonly<Record<string, unknown>>) => ((x as number) - 1) ** 2;
      const run = async (journal: Journal, trials: number) => {
        const study = await Study.open({ space, direction: 'minimize', seed: 3, storage: journal });
        await optimize(study, objective, { trials });
        return study.trials;
      };
      const whole = await run(await open('a', { study: 'whole' }), 40);
      expect(await run(await open('a'), 25)).toHaveLength(25);
      expect(await run(await open('b'), 40)).toEqual(whole);
    });

    test('two processes on one study, one killed: no trial lost, none ended twice', { timeout: 60_000 }, async () => {
      const { location } = await begin();
      const start = (...args: string[]): ChildProcess => {
        const script = fileURLToPath(new URL('./study.child.mjs', import.meta.url));
        const child = spawn(process.execPath, [script, location, '60', ...args], {
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        cleanups.push(async () => child.kill('SIGKILL'));
        return child;
      };
      const killed = start('5');
      const lines: string[] = [];
      for await (const line of createInterface({ input: killed.stdout! })) {
        lines.push(line);
        if (line.startsWith('hanging')) killed.kill('SIGKILL');
      }
      const others = [start(), start()];
      await Promise.all(
        others.map(async (child) => {
          const end = once(child, 'exit');
          for await (const line of createInterface({ input: child.stdout! })) lines.push(line);
          expect(await end).toEqual([0, null]);
        }),
      );
      const done = lines.filter((line) => line.startsWith('done')).map((line) => Number(line.slice(5)));
      expect(done.sort((x, y) => x - y)).toEqual(Array.from({ length: 60 }, (_, i) => i));
      const journal = await StudyJournal.open<StudyEvent, Values>(location, {
        ...{ study: 's', definition: { a: 1 }, owner: 'test', gone: ownerIsGone, now: () => T0 },
      });
      cleanups.push(() => journal.close());
      const events = await journal.read(0);
      expect(events.filter(({ type }) => type === 'finished')).toHaveLength(60);
      // The killed worker's trial was tried again with what it had begun with.
      const tried = events.flatMap((event) =>
        event.type === 'started' && event.trial === 5 ? [event.parameters] : [],
      );
      expect(tried).toEqual([
        { x: 5, by: killed.pid },
        { x: 5, by: killed.pid },
      ]);
    });
  });
}

contract('sqlite', async () => {
  const folder = await temporaryFolder();
  return { location: join(folder.path, 'studies.sqlite'), end: folder.remove };
});

const server = await startPostgres();
if (server === undefined) {
  describeWith('postgres', false)('study store contract: postgres', () => {
    test('is not run', () => {});
  });
} else {
  let databases = 0;
  afterAll(server.stop);
  contract('postgres', async () => ({ location: await server.create(`studies${++databases}`), end: async () => {} }));

  test('one PostgreSQL database holds the journal and the studies', async () => {
    const location = await server.create(`studies${++databases}`);
    await (await openJournal(location)).close();
    const journal: Journal = await StudyJournal.open<StudyEvent, Values>(location, {
      ...{ study: 's', definition: {}, owner: 'a', gone: () => false, now: () => T0 },
    });
    expect(await journal.claim(1)).toEqual({ trial: 0 });
    await journal.close();
  });
}
