import * as Flags from '@oclif/core/flags';
import { parse } from '@oclif/core/parser';
import { expect, it } from 'vitest';
import { shieldValues, unshield } from '../../src/shell/arguments.js';

const flags = {
  model: Flags.string({ char: 'm' }),
  'sweep-by': Flags.string(),
  set: Flags.string({ multiple: true, multipleNonGreedy: true }),
  json: Flags.boolean(),
};
const read = async (...argv: string[]) =>
  unshield((await parse(shieldValues(argv, flags), { flags, args: {}, strict: true })).flags);

it('a value may begin with a minus, behind a space or an equals sign', async () => {
  for (const argv of [['--sweep-by', '-max_drawdown'], ['--sweep-by=-max_drawdown']]) {
    expect(await read(...argv, '-m', 'latest', '--json')).toEqual({
      'sweep-by': '-max_drawdown',
      model: 'latest',
      json: true,
    });
  }
  expect(await read('--set', '-mean=1', '--set=--x=2', '--set=a=-1')).toEqual({ set: ['-mean=1', '--x=2', 'a=-1'] });
  expect(await read('--sweep-by', '-1.5', '--model=-')).toEqual({ 'sweep-by': '-1.5', model: '-' });
});

it('flags stay flags: a lone short one, a long one, what follows a switch, what stands before everything', async () => {
  expect(await read('-mlatest')).toEqual({ model: 'latest' });
  await expect(read('--sweep-by', '-m', 'latest')).rejects.toThrow('--sweep-by expects a value');
  await expect(read('--sweep-by', '--json')).rejects.toThrow('--sweep-by expects a value');
  expect(await read('--json', '-mlatest')).toEqual({ json: true, model: 'latest' });
  expect(shieldValues(['--', '--sweep-by', '-max'], flags)).toEqual(['--', '--sweep-by', '-max']);
});
