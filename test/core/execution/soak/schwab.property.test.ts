import { test } from 'vitest';
import { schwabPlan } from './plan.js';
import { soakAll } from './run.js';

test('the same at Schwab, which keeps no client order ids', () => soakAll(schwabPlan, 10, 0.2), 7_200_000);
