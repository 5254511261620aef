import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { adapterSettings, nearest, parseCall } from '../../../src/core/config/index.js';

const schema = z.strictObject({
  fast: z.number().int().default(10),
  slowWindow: z.number().int().default(30),
  side: z.enum(['long', 'short']).default('long'),
  share: z.number().default(1),
});
const read = (call: string | undefined, texts?: Record<string, string>) =>
  adapterSettings('rule', schema, call === undefined ? undefined : parseCall(call), texts);

describe('settings of an adapter', () => {
  it('fills the keys in order, and by name', () => {
    expect(read('rule(5,20,short)')).toEqual({ fast: 5, slowWindow: 20, side: 'short', share: 1 });
    expect(read('rule', { 'slow-window': '50', share: '7%' })).toEqual({
      fast: 10,
      slowWindow: 50,
      side: 'long',
      share: 0.07,
    });
    expect(read('rule(5)', { fast: '6' }).fast).toBe(6);
    expect(read('rule(5,share=7%,slow-window=50)')).toEqual({ fast: 5, slowWindow: 50, side: 'long', share: 0.07 });
    expect(read('rule(side=short)', { side: 'long' }).side).toBe('long');
    expect(read(undefined)).toEqual({ fast: 10, slowWindow: 30, side: 'long', share: 1 });
  });

  it('refuses what the schema does not take', () => {
    expect(() => read('rule(1,2,short,4,5)')).toThrow(/takes 4 arguments, "5" at column 18/);
    expect(() => read('rule(x)')).toThrow(/rule, fast: /);
    expect(() => read('rule', { fats: '1' })).toThrow(/has no setting "fats"/);
    expect(() => read('rule(fats=1)')).toThrow(/has no setting "fats"/);
    expect(() => read('rule(1,fast=2)')).toThrow(/fast is given a second time at column 8/);
    expect(() => read('rule(share=1,share=2)')).toThrow(/share is given a second time/);
    expect(() => read('rule', { side: 'both' })).toThrow(/rule, side: /);
  });
});

describe('nearest', () => {
  it('finds slips and nothing far away', () => {
    const names = ['symbols', 'split', 'seed', 'slippage'];
    expect(nearest('symbol', names)).toBe('symbols');
    expect(nearest('splti', names)).toBe('split');
    expect(nearest('SEED', names)).toBe('seed');
    expect(nearest('quantum', names)).toBeUndefined();
    expect(nearest('', names)).toBeUndefined();
  });
});
