import { Command } from '@oclif/core/command';
import {
  type CommandId,
  type Environment,
  type ResolvedConfig,
  readEnvironment,
  redactor,
  resolveConfig,
  vendorVariables,
} from '../core/config/index.js';
import { EXIT_CODES, type ExitName, QuantlineError } from '../core/errors/index.js';
import type { Ping } from '../core/stages/notify/ping.js';
import type { Runtime } from '../core/stages/runtime.js';
import { shieldValues, unshield } from './arguments.js';
import { checkBroker } from './brokers.js';
import { reportFailure, toQuantlineError } from './failure.js';
import { optionKeys } from './flags.js';
import { consoleToStderr, writeMessage, writeOutput } from './output.js';
import { type Interruption, interruption } from './signals.js';
import { suggestFlag } from './suggest.js';

/** What a command hands back to be printed. */
export interface Outcome {
  /** Without --json: the one thing on stdout, a path or a table, without the final newline. Empty prints nothing. */
  readonly text: string;
  /** Under --json: the one document; undefined prints nothing. */
  readonly json: unknown;
  /** Lines for people, on stderr. */
  readonly summary?: string;
  /** Results other than ok: gate, refused, nothing; data where some symbols failed. */
  readonly exit?: ExitName;
}

export interface Context<C extends CommandId> extends ResolvedConfig<C> {
  /** Positional arguments by name. */
  readonly args: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly environment: ReadonlyMap<string, { readonly value: string; readonly origin: string }>;
  /** Folder the command was started in. */
  readonly folder: string;
  /** What stages are given; made on first use. */
  runtime(): Promise<Runtime>;
}

/** Base of all commands: resolves the configuration, runs, prints, and owns exit codes. */
export abstract class QuantlineCommand<C extends CommandId> extends Command {
  protected abstract readonly command: C;
  private interruption: Interruption | undefined;
  private resolved: ResolvedConfig<C> | undefined;
  private running: Runtime | undefined;
  private ping: Ping | undefined;
  /** Puts the console back. */
  private console: (() => void) | undefined;

  protected abstract execute(context: Context<C>): Promise<Outcome>;

  async run(): Promise<void> {
    const { flags: parsed, args } = await this.parse(this.ctor, shieldValues(this.argv, this.ctor.flags));
    const flags = unshield(parsed);
    this.console = consoleToStderr();
    const keys = optionKeys(this.command);
    const given = Object.fromEntries(Object.entries(flags).map(([name, value]) => [keys.get(name) ?? name, value]));
    const folder = process.cwd();
    const environment = readEnvironment(folder);
    const resolved = await resolveConfig({ command: this.command, flags: given, environment, folder });
    this.resolved = resolved;
    await checkBroker((resolved.options as { readonly broker?: string }).broker);
    const { signal } = (this.interruption = interruption());
    await this.startPing(resolved, folder, signal, environment);
    const outcome = await this.execute({
      ...resolved,
      args: args as Record<string, string | undefined>,
      signal,
      environment,
      folder,
      runtime: async () => {
        const { shellRuntime } = await import('./runtime.js');
        this.running ??= shellRuntime(resolved, folder, signal, environment);
        return this.running;
      },
    });
    this.running?.progress.end();
    this.print(outcome, resolved);
    const exit = signal.aborted ? 'interrupted' : (outcome.exit ?? 'ok');
    process.exitCode = EXIT_CODES[exit];
    if (exit === 'ok' || exit === 'nothing') await this.ping?.success();
    else if (exit !== 'interrupted') await this.ping?.fail(`exit code ${process.exitCode}`);
  }

  /** Options with `ping` name a dead-man's switch. An interrupted command tells it nothing: silence is its alarm. */
  private async startPing(resolved: ResolvedConfig<C>, ...world: [string, AbortSignal, Environment]): Promise<void> {
    const { ping: url } = resolved.options as { readonly ping?: string };
    if (url === undefined) return;
    const { Ping } = await import('../core/stages/notify/ping.js');
    const { shellRuntime } = await import('./runtime.js');
    this.running ??= shellRuntime(resolved, ...world);
    this.ping = new Ping(url, this.running.clock, this.running.logger);
    this.ping.start();
  }

  private print(outcome: Outcome, { global, redact }: ResolvedConfig<C>): void {
    if (outcome.summary !== undefined && !global.quiet) writeMessage(`${redact(outcome.summary)}\n`);
    const text = global.json ? (JSON.stringify(outcome.json, undefined, 2) ?? '') : outcome.text;
    if (text !== '') writeOutput(`${redact(text)}\n`);
  }

  /** oclif's own handling changes exit codes under --json and prints argv and configuration; nothing of it is used. */
  protected override async catch(thrown: Error): Promise<void> {
    this.running?.progress.end();
    const error = this.interruption?.signal.aborted ? interrupted(thrown) : suggestFlag(thrown, this.command);
    process.exitCode = reportFailure(error, {
      json: this.resolved?.global.json ?? this.wantsJson(),
      debug: this.resolved?.global.logLevel === 'debug' || this.argv.join(' ').includes('--log-level debug'),
      redact: this.resolved?.redact ?? earlyRedactor(),
    });
    if (process.exitCode !== EXIT_CODES.interrupted) {
      const { message } = toQuantlineError(error);
      await this.ping?.fail(this.resolved?.redact(message) ?? message);
    }
  }

  protected override async finally(): Promise<void> {
    this.interruption?.dispose();
    this.console?.();
  }

  /** Before the configuration is resolved: --json on the command line or in the environment. */
  private wantsJson(): boolean {
    const end = this.argv.indexOf('--');
    const flags = end < 0 ? this.argv : this.argv.slice(0, end);
    return flags.includes('--json');
  }
}

/** What an aborted stage threw may be anything; the signal is the reason, unless the stage says so itself. */
function interrupted(thrown: unknown): QuantlineError {
  const error = toQuantlineError(thrown);
  if (error.code === 'INTERRUPTED') return error;
  return new QuantlineError('INTERRUPTED', 'Interrupted.', { cause: thrown });
}

function earlyRedactor(): (text: string) => string {
  try {
    return redactor(vendorVariables(readEnvironment(process.cwd())));
  } catch {
    return (text) => text;
  }
}
