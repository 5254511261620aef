import { describe, expect, it } from 'vitest';
import { ERROR_CODES, EXIT_CODES, QuantlineError } from '../../src/core/errors/index.js';
import { errorDocument, toQuantlineError } from '../../src/shell/failure.js';
import { errorResult } from '../../src/shell/results/index.js';
import { suggestFlag, unknownCommand } from '../../src/shell/suggest.js';

describe('failures', () => {
  it('that are unknown are bugs', () => {
    const error = toQuantlineError(new TypeError('x is undefined'));
    expect([error.code, error.exitCode]).toEqual(['BUG', 1]);
    expect(error.message).toContain('x is undefined');
    expect(error.hint).toContain('--log-level debug');
    expect(toQuantlineError('text').exitCode).toBe(1);
  });

  it('of the file system say what to do', () => {
    const full = Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC', path: '/data/x' });
    expect(toQuantlineError(full)).toMatchObject({ code: 'STORAGE', exitCode: 4 });
    expect(toQuantlineError(full).message).toContain('/data/x');
  });

  it('of several symbols keep the first code and all messages', () => {
    const error = toQuantlineError(
      new AggregateError([new QuantlineError('NO_DATA', 'A: none'), new QuantlineError('INPUT', 'B: bad')]),
    );
    expect([error.code, error.message]).toEqual(['NO_DATA', 'A: none\nB: bad']);
  });

  it('of a prompt or an abort are interruptions', () => {
    for (const name of ['ExitPromptError', 'AbortError']) {
      expect(toQuantlineError(Object.assign(new Error('x'), { name })).exitCode).toBe(130);
    }
  });

  it('of the parser keep the message alone', () => {
    const parser = Object.assign(new Error('Nonexistent flag: --splti\nSee more help with --help'), {
      oclif: { exit: 2 },
      flags: ['--splti'],
      parse: { input: { argv: ['secret'] } },
    });
    const error = toQuantlineError(parser);
    expect([error.code, error.message]).toEqual(['USAGE', 'Unknown flag: --splti']);
    expect(JSON.stringify(errorDocument(error))).not.toContain('secret');
    expect((suggestFlag(parser, 'train') as QuantlineError).hint).toBe('Did you mean --split?');
    expect((suggestFlag(parser, 'positions') as QuantlineError).hint).toContain('quantline positions --help');
    expect(suggestFlag(error, 'train')).toBe(error);
  });

  it('of a command name the nearest', () => {
    expect(unknownCommand('backtset').hint).toBe('Did you mean: quantline backtest?');
    expect(unknownCommand('frobnicate').hint).toBe('See: quantline --help');
    // oclif takes words behind a command without arguments for a command's name.
    expect(unknownCommand('models:compare:champion:latest')).toMatchObject({
      message: 'quantline models compare takes no argument "champion latest".',
      hint: 'See: quantline models compare --help',
    });
    expect(unknownCommand('-w').message).toBe('The option -w stands before the command.');
    expect(unknownCommand('models:shwo').hint).toBe('Did you mean: quantline models show?');
  });

  it.each(Object.entries(ERROR_CODES))('%s exits as %s, and its document follows the schema', (code, exit) => {
    const error = new QuantlineError(code as keyof typeof ERROR_CODES, 'what', { hint: 'then', details: { line: 3 } });
    const { error: document } = errorResult.parse(JSON.parse(JSON.stringify(errorDocument(error))));
    expect(document).toEqual({
      code,
      exit_code: EXIT_CODES[exit],
      message: 'what',
      hint: 'then',
      details: { line: 3 },
    });
  });
});
