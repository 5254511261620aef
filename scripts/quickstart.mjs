// The whole chain on real bars, offline: each command is echoed and run by the built command line.
// node scripts/quickstart.mjs [workspace]
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = join(root, 'bin', 'run.js');
const workspace = resolve(process.argv[2] ?? join(root, '.quantline', 'quickstart'));
const started = performance.now();

if (!existsSync(join(root, 'dist', 'shell', 'main.js'))) {
  spawnSync(process.execPath, [join(root, 'scripts', 'build.mjs')], { cwd: root, stdio: 'inherit' });
}
rmSync(workspace, { recursive: true, force: true });

const say = (text) => console.log(`\n${text}`);
const quote = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text}'`);

/** Runs one command; `name` is the shell variable that its output would go to. Ends the script on an unexpected code. */
function quantline(name, args, expected = [0]) {
  const shown = args.map((arg) => quote(arg.startsWith(root) ? relative(root, arg) : arg)).join(' ');
  say(name === undefined ? `$ quantline ${shown}` : `$ ${name}=$(quantline ${shown})`);
  const result = spawnSync(
    process.execPath,
    [bin, ...args, '--workspace', workspace, '--trial-ledger', join(workspace, 'trials.sqlite')],
    { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
  );
  process.stdout.write(result.stdout);
  if (!expected.includes(result.status)) {
    say(`quantline ${args[0]} ended with exit code ${result.status}; ${expected.join(' or ')} was expected.`);
    process.exit(1);
  }
  return { path: result.stdout.trim(), status: result.status };
}

say(
  'Thirty-two years of daily MSFT bars (fixtures/bars, adjusted for splits), a rule and a learner, judged and paper-traded.',
);

const data = quantline('data', [
  'ingest',
  ...['--source', 'csv', '--file', join(root, 'fixtures', 'bars', 'msft-daily-1990-2022.csv')],
  ...['--symbols', 'MSFT', '--basis', 'split'],
]).path;

const costs = ['--commission', '0.05%', '--slippage', '2bp'];
const rule = quantline('rule', ['train', '--data', data, '--trainer', 'sma-cross(20,100)']).path;
const ruleRun = quantline('rule_run', ['backtest', '--data', data, '--model', rule, ...costs]).path;
const verdict = quantline('rule_report', ['evaluate', '--run', ruleRun, '--gate', 'default'], [0, 5]);
tell('The rule', verdict.status);

const model = quantline('model', [
  'train',
  ...['--data', data, '--trainer', 'xgboost', '--label', 'direction(5)'],
  ...['--cv', 'walk-forward(5)', '--rounds', '60', '--seed', '7'],
]).path;
const range = ['--from', '2012-01-01'];
const run = quantline('run', ['backtest', '--data', data, '--model', model, ...range, ...costs]).path;
const report = quantline('report', ['evaluate', '--run', run, '--gate', 'default'], [0, 5]);
tell('The learner', report.status);

function tell(what, status) {
  if (status === 0)
    say(
      `${what} passed the default gate on the bars it was tested on. That is a reason to paper-trade it, no promise.`,
    );
  else
    say(
      `${what} did not pass the default gate (exit code 5): the conditions above marked as failed say why. It is not fit to be traded with money.`,
    );
}

say(
  'The same model on its last fourteen months, then paper-traded: the dataset is replayed through the live runner, slot by slot, with a journal and a simulated venue that keeps its own book. The equity has to come out the same.',
);
const recent = quantline('recent', [
  'backtest',
  '--data',
  data,
  '--model',
  model,
  ...costs,
  '--from',
  '2021-01-04',
]).path;
quantline('session', [
  'trade',
  '--run',
  recent,
  '--strategy',
  'quickstart',
  '--broker',
  'sim',
  '--until',
  '2022-03-10',
]);
quantline(undefined, ['positions', '--strategy', 'quickstart']);
quantline(undefined, ['orders', '--strategy', 'quickstart', '--all', '--limit', '5']);
quantline(undefined, ['runs']);

say(
  `Done in ${((performance.now() - started) / 1000).toFixed(1)} s. Everything is in ${relative(process.cwd(), workspace) || '.'}; start over with npm run quickstart.`,
);
