import { isInteractive } from '../../core/platform/index.js';
import { type Context, type Outcome, QuantlineCommand } from '../../shell/base.js';
import { flagsOf } from '../../shell/flags.js';
import { writeMessage } from '../../shell/output.js';
import { count } from '../../shell/series.js';

export default class LoginSchwab extends QuantlineCommand<'login:schwab'> {
  static override summary = 'Log in at Charles Schwab; needed once every seven days.';
  static override description =
    'Shows the address of the login, receives the redirect on this machine (--callback must be the one that the app is registered with) or pasted (--paste), and keeps the tokens in a file that only its owner can read. Prints its path.';
  static override examples = [
    '<%= config.bin %> login schwab',
    '<%= config.bin %> login schwab --paste',
    '<%= config.bin %> login schwab --callback https://127.0.0.1:5556',
  ];
  static override flags = flagsOf('login:schwab');
  protected readonly command = 'login:schwab';

  protected async execute(context: Context<'login:schwab'>): Promise<Outcome> {
    const { loginSchwab } = await import('../../core/stages/login.js');
    const result = await loginSchwab(context.options, await context.runtime(), {
      // Not redacted: the address names the app key, and does not work without it.
      show: (text) => writeMessage(`${text}\n`),
      ask: () => askAddress(context.global.yes),
    });
    return {
      text: result.token_file,
      json: result,
      summary: `Logged in until ${result.expires_at}; ${count(result.accounts, 'account')}.`,
    };
  }
}

/** Asks on a terminal; elsewhere the address is the first line of stdin. */
async function askAddress(yes: boolean): Promise<string> {
  if (isInteractive() && !yes) {
    const { default: inquirer } = await import('inquirer');
    const question = { type: 'input', name: 'answer', message: 'Address that the browser ended on' };
    return ((await inquirer.prompt([question as never])) as { answer: string }).answer;
  }
  const { createInterface } = await import('node:readline');
  const lines = createInterface({ input: process.stdin });
  try {
    for await (const line of lines) if (line.trim() !== '') return line;
    return '';
  } finally {
    lines.close();
  }
}
