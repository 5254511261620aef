import { test } from 'vitest';
import { plainPlan } from './plan.js';
import { soakAll } from './run.js';

test(
  'random fault sequences converge: accepted orders equal intents, every fill is booked once',
  () => soakAll(plainPlan, 30),
  7_200_000,
);
