import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { z } from 'zod';
import { COMMAND_OPTIONS, type CommandId } from '../../src/core/config/index.js';
import { createRuntime, type Runtime, type RuntimeOptions } from '../../src/core/stages/runtime.js';

export const fixture = (name: string): string => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));

/**
 * A runtime on a fresh workspace that is removed after the test (or kept for `keep` = the whole file). It starts no
 * threads, each of which loads modules anew; a test of threads asks for them.
 */
export function testRuntime(overrides: Partial<RuntimeOptions> = {}, keep = false): Runtime {
  const workspace = mkdtempSync(join(tmpdir(), 'quantline-test-'));
  if (!keep) onTestFinished(() => rmSync(workspace, { recursive: true, force: true }));
  return createRuntime({ workspace, threads: 1, ...overrides });
}

/** Options of a command from what a person would type, defaults filled in. */
export function optionsOf<C extends CommandId>(
  command: C,
  given: Readonly<Record<string, unknown>>,
): z.output<(typeof COMMAND_OPTIONS)[C]> {
  return COMMAND_OPTIONS[command].parse(given) as z.output<(typeof COMMAND_OPTIONS)[C]>;
}
