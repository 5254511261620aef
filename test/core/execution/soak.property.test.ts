import { test } from 'vitest';
import { soakAll } from './soak.js';
import { plainPlan } from './soakPlan.js';

test(
  'random fault sequences converge: accepted orders equal intents, every fill is booked once',
  () => soakAll(plainPlan, 30),
  7_200_000,
);
