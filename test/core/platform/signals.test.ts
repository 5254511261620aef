import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { signalShield } from '../../../src/core/platform/native.js';

const SIGINT = 1n << 1n;
const blocked = (): bigint =>
  BigInt(`0x${/^SigBlk:\s*(\w+)/m.exec(readFileSync('/proc/thread-self/status', 'utf8'))![1]}`);

it.runIf(process.platform === 'linux')(
  'the shield keeps signals from this thread while work runs, and then no more',
  async () => {
    const shield = await signalShield();
    const before = blocked();
    expect(before & SIGINT).toBe(0n);
    expect(shield(blocked) & SIGINT).toBe(SIGINT);
    expect(() =>
      shield(() => {
        throw new Error('of the work');
      }),
    ).toThrow('of the work');
    expect(blocked()).toBe(before);
  },
);
