import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AlpacaBroker, capabilities as alpaca } from '../../src/core/execution/brokers/alpaca.js';
import { IbkrBroker, capabilities as ibkr } from '../../src/core/execution/brokers/ibkr.js';
import { SchwabBroker, capabilities as schwab } from '../../src/core/execution/brokers/schwab.js';
import * as sim from '../../src/core/execution/brokers/sim/index.js';
import type { Broker, BrokerCapabilities } from '../../src/core/execution/index.js';
import { ManualClock, silentLogger } from '../../src/core/platform/index.js';
import { adapters } from '../../src/core/registry/index.js';
import { exchangeSettings } from '../core/execution/helpers.js';
import { temporaryFolder } from '../core/state/helpers.js';

const page = join(resolve(import.meta.dirname, '../..'), 'docs/brokers.md');

interface Venue {
  readonly name: string;
  readonly can: BrokerCapabilities;
  readonly methods: Partial<Pick<Broker, 'suspend' | 'replace' | 'amend' | 'events' | 'quotes'>>;
  readonly paper: string;
}

const yes = (value: boolean | undefined): string => (value === true ? 'yes' : '–');
const words = (set: ReadonlySet<string>): string => [...set].map((word) => word.replaceAll('_', ' ')).join(', ');

const ROWS: readonly (readonly [string, (venue: Venue) => string])[] = [
  ['without real money', ({ paper }) => paper],
  ['order types', ({ can }) => words(can.orderTypes)],
  ['times in force', ({ can }) => words(can.timesInForce)],
  ['fractions of a share', ({ can }) => yes(can.fractional)],
  ['orders by amount', ({ can }) => (can.notional ? (can.notionalLimits ? 'yes' : 'market orders') : '–')],
  ['short selling', ({ can }) => yes(can.short)],
  ['extended hours', ({ can }) => yes(can.extendedHours)],
  ['exits on an entry (bracket, one-triggers-other)', ({ can }) => yes(can.attachedProtection)],
  ['a pair of exits (one-cancels-other)', ({ can }) => yes(can.oco)],
  ['a pair of entries (one cancels or triggers the other)', ({ can }) => yes(can.pairedEntries !== undefined)],
  ['exits relative to the fill price', ({ can }) => yes(can.relativeProtection)],
  ['trailing stop', ({ can }) => yes(can.trailingStop)],
  ['change of an order in place', ({ can }) => yes(can.replace)],
  ['a second order with the same id is refused', ({ can }) => yes(can.clientOrderIds)],
  ['events as they happen', ({ can }) => yes(can.stream)],
  ['live quotes for `positions`', ({ methods }) => yes(methods.quotes !== undefined)],
  ['block of new orders at the venue', ({ methods }) => yes(methods.suspend !== undefined)],
];

async function venues(): Promise<readonly Venue[]> {
  const folder = await temporaryFolder();
  const broker = await sim.create(sim.settings.parse({}), {
    clock: new ManualClock(0),
    logger: silentLogger,
    secrets: {},
    live: false,
    stateDir: folder.path,
    exchange: exchangeSettings({ allowShort: true }),
  });
  const venue = { name: 'sim', can: broker.capabilities, methods: broker, paper: 'always' };
  await broker.close();
  await folder.remove();
  return [
    venue,
    { name: 'alpaca', can: alpaca, methods: AlpacaBroker.prototype as Broker, paper: 'paper account' },
    { name: 'ibkr', can: ibkr, methods: IbkrBroker.prototype as Broker, paper: 'paper account' },
    { name: 'schwab', can: schwab, methods: SchwabBroker.prototype as Broker, paper: 'no' },
  ];
}

function table(list: readonly Venue[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    line(['', ...list.map(({ name }) => `\`${name}\``)]),
    line(['---', ...list.map(() => '---')]),
    ...ROWS.map(([what, of]) => line([what, ...list.map(of)])),
  ].join('\n');
}

describe('docs/brokers.md', () => {
  it('has the capabilities of the code (written anew with UPDATE_DOCS=1)', async () => {
    const expected = table(await venues());
    const text = readFileSync(page, 'utf8');
    const marked = /(<!-- capabilities -->\n\n)[\s\S]*?(\n\n- \*\*A second)/;
    if (process.env['UPDATE_DOCS'] === '1') writeFileSync(page, text.replace(marked, `$1${expected}$2`));
    else expect(marked.exec(text)?.[0]).toBe(`<!-- capabilities -->\n\n${expected}\n\n- **A second`);
  });

  it('names every broker, and no capability is claimed without its method', async () => {
    const text = readFileSync(page, 'utf8');
    for (const { name } of adapters('broker')) expect(text).toContain(name);
    for (const { name, can, methods } of await venues()) {
      expect(can.replace, name).toBe(methods.replace !== undefined || methods.amend !== undefined);
      expect(can.stream, name).toBe(methods.events !== undefined);
      expect(can.trailingStop, name).toBe(can.orderTypes.has('trailing_stop'));
    }
  });
});
