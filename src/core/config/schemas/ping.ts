import { option } from '../option.js';
import { word } from './kinds.js';

/** Of every command that a scheduler starts. */
export const ping = option(
  {
    summary: 'Dead-man’s switch that is told of start, success and failure (healthchecks.io and alike).',
    value: 'url',
    secret: true,
  },
  word().optional(),
);
