import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openJournal } from '../../../src/core/state/index.js';
import { TrialLedger } from '../../../src/core/state/trials.js';
import { describeWith } from '../../support/require.js';
import { failure, T0, temporaryFolder } from './helpers.js';
import { journalContract } from './journal.contract.js';
import { startPostgres } from './postgresServer.js';

journalContract('sqlite', async () => {
  const folder = await temporaryFolder();
  return { open: () => openJournal(join(folder.path, 'journal.db')), end: folder.remove };
});

const server = await startPostgres();
if (server === undefined) {
  describeWith('postgres', false)('journal contract: postgres', () => {
    test('is not run', () => {});
  });
} else {
  let databases = 0;
  const fresh = () => server.create(`journal${++databases}`);
  afterAll(server.stop);

  journalContract('postgres', async () => {
    const url = await fresh();
    return { open: () => openJournal(url), end: async () => {} };
  });

  describe('postgres', () => {
    test('one database holds the journal and the trial ledger', async () => {
      const url = await fresh();
      const journal = await openJournal(url);
      const ledger = await TrialLedger.open(url, T0);
      const trial = {
        source: 's',
        instruments: ['A'],
        interval: '1d',
        strategy: 'x',
        settings: {},
        sharpe: 0.125,
        sessions: 9,
      };
      expect(await ledger.record(trial, T0)).toBe(true);
      expect((await ledger.list())[0]).toMatchObject({ sharpe: 0.125, sessions: 9, firstSeen: T0, runs: 1 });
      await ledger.close();
      await journal.close();
    });

    test('no server and a missing database are told apart, without the password', async () => {
      const url = (await fresh()).replace(/journal\d+$/, 'nowhere').replace('quantline@', 'quantline:hunter2@');
      const missing = await failure(openJournal(url));
      expect([missing.code, missing.exitCode]).toEqual(['CREDENTIALS', 3]);
      const silent = await failure(openJournal('postgres://u:hunter2@127.0.0.1:1/x'));
      expect([silent.code, silent.exitCode]).toEqual(['UNAVAILABLE', 7]);
      for (const error of [missing, silent]) {
        expect(JSON.stringify([error.message, error.hint, error.details, String(error.cause)])).not.toContain(
          'hunter2',
        );
      }
      expect((await failure(openJournal('postgres://['))).code).toBe('CONFIG');
    });
  });
}
