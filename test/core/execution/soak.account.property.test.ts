import { test } from 'vitest';
import { soakAll } from './soak.js';
import { widePlan } from './soakPlan.js';

test(
  'the same of strategies that share an account with each other and with people, through corporate actions',
  () => soakAll(widePlan, 10),
  7_200_000,
);
