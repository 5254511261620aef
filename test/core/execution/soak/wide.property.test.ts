import { test } from 'vitest';
import { widePlan } from './plan.js';
import { soakAll } from './run.js';

test(
  'the same of strategies that share an account with each other and with people, through corporate actions',
  () => soakAll(widePlan, 10),
  7_200_000,
);
