import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { CommandId, Environment, ResolvedConfig } from '../core/config/index.js';
import type { NativeLibraries } from '../core/models/trainer.js';
import { createLogger, createProgress, defaultThreads, faultPoint } from '../core/platform/index.js';
import { createRuntime, type Runtime } from '../core/stages/runtime.js';
import { writeMessage } from './output.js';

/** The world outside, as stages see it, from a resolved configuration. */
export function shellRuntime(
  config: ResolvedConfig<CommandId>,
  folder: string,
  signal: AbortSignal,
  environment: Environment,
): Runtime {
  const { global, redact, secrets } = config;
  const workspace = resolve(folder, global.workspace);
  const level = global.quiet && global.logLevel === 'info' ? 'warn' : global.logLevel;
  const { journal } = global;
  const place = (location: string) => (location.includes('://') ? location : resolve(folder, location));
  const fault = faultPoint(environment.get('FAULT_POINT')?.value);
  const allowLive = environment.get('QUANTLINE_ALLOW_LIVE');
  return createRuntime({
    workspace,
    artifacts: global.artifacts,
    logger: createLogger(level, writeMessage, redact),
    progress: createProgress({ quiet: global.quiet || global.json, write: writeMessage }),
    signal,
    threads: global.threads ?? defaultThreads(),
    secrets,
    trialLedger: place(global.trialLedger ?? join(userData(environment), 'trials.sqlite')),
    libraries: librariesOf(global.xgboostLib, folder, environment),
    ...(allowLive?.origin === 'environment' && { allowLive: allowLive.value.trim() }),
    ...(fault === undefined ? {} : { faultPoint: fault }),
    ...(journal === undefined ? {} : { journal: place(journal) }),
  });
}

/** The library named, or the active Python environments to look into for it. */
function librariesOf(given: string | undefined, folder: string, environment: Environment): NativeLibraries {
  if (given !== undefined) return { xgboost: resolve(folder, given) };
  const active = ['VIRTUAL_ENV', 'CONDA_PREFIX'].map((name) => environment.get(name)?.value);
  return { prefixes: active.filter((path) => path !== undefined) };
}

/** The user's data folder of this program, by each system's convention. */
function userData(environment: Environment): string {
  const variable = (name: string) => environment.get(name)?.value;
  if (process.platform === 'win32') return join(variable('LOCALAPPDATA') ?? homedir(), 'quantline');
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'quantline');
  return join(variable('XDG_DATA_HOME') ?? join(homedir(), '.local', 'share'), 'quantline');
}
