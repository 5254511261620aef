import { test } from 'vitest';
import { ibkrPlan } from './plan.js';
import { soakAll } from './run.js';

test('the same at Interactive Brokers, whose messages come in any order', () => soakAll(ibkrPlan, 10, 0.2), 7_200_000);
