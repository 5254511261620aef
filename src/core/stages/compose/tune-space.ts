import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { type Aliases, nearest } from '../../config/index.js';
import { isQuantlineError, QuantlineError } from '../../errors/index.js';
import { type Parameter, type ParameterValue, parseSpace, type SearchSpace } from '../../learning/tuning/index.js';

/** A search space and where each of its fields stands, for messages. */
export interface SpaceFile {
  readonly space: SearchSpace;
  /** `space.yaml:3 eta` for a path such as `eta` or `eta.low`. */
  where(path: string): string;
}

/** Reads a search space. INPUT where the file cannot be read, CONFIG with line and field where it says what is wrong. */
export async function readSpace(path: string): Promise<SpaceFile> {
  let content: string;
  try {
    content = await readFile(path, 'utf8');
  } catch (error) {
    throw new QuantlineError('INPUT', `Cannot read the search space ${path} (${(error as { code?: string }).code}).`, {
      hint: 'Check the path that --space names.',
      cause: error,
    });
  }
  return parseSpaceFile(content, basename(path));
}

/** The text of a search space; `name` stands in messages. */
export async function parseSpaceFile(content: string, name: string): Promise<SpaceFile> {
  const { isNode, LineCounter, parseDocument } = await import('yaml');
  const lines = new LineCounter();
  const document = parseDocument(content, { lineCounter: lines, prettyErrors: false });
  const problem = document.errors[0];
  if (problem !== undefined) {
    const { line, col } = lines.linePos(problem.pos[0]);
    throw bad(`${name}:${line}:${col}`, problem.message);
  }
  const where = (field: string): string => {
    // The field itself, or the nearest thing around it: `eta.choices[1]`, `eta.choices`, `eta`.
    const keys = field.split(/[.[\]]+/).filter(Boolean);
    for (let depth = keys.length; depth > 0; depth--) {
      const node = document.getIn(keys.slice(0, depth), true);
      if (isNode(node) && node.range) return `${name}:${lines.linePos(node.range[0]).line} ${field}`;
    }
    return `${name} ${field}`;
  };
  try {
    return { space: parseSpace(document.toJS()), where };
  } catch (error) {
    if (!isQuantlineError(error) || typeof error.details['path'] !== 'string') throw error;
    const field = error.details['path'];
    const what = error.message.slice(error.message.indexOf(field) + field.length + 1).replace(/\.$/, '');
    throw bad(field === 'the document' ? name : where(field), what, error.hint);
  }
}

/**
 * Holds a space against a trainer's settings before anything runs: names that the trainer has, none of them fixed
 * elsewhere, and ends or choices that the trainer takes (`accepts` throws where it does not). Gives the space under the
 * settings' first names.
 */
export function checkSpace(
  { space, where }: SpaceFile,
  trainer: { readonly name: string; readonly settings: readonly string[]; readonly aliases?: Aliases | undefined },
  fixed: readonly string[],
  accepts: (name: string, value: ParameterValue) => void,
): SearchSpace {
  const { settings, aliases } = trainer;
  const found: Record<string, Parameter> = {};
  for (const [given, parameter] of Object.entries(space)) {
    const name = settings.includes(given) ? given : aliases?.[given];
    if (name === undefined) {
      const near = nearest(given, settings);
      throw bad(
        where(given),
        `${trainer.name} has no setting "${given}"`,
        near === undefined ? `It has ${settings.join(', ')}.` : `Did you mean "${near}"?`,
      );
    }
    if (found[name] !== undefined) throw bad(where(given), `"${name}" is searched twice`, 'Leave one of them out.');
    if (fixed.includes(name)) {
      throw bad(
        where(given),
        `"${name}" is searched and fixed by --trainer or --param at once`,
        'Leave one of them out.',
      );
    }
    for (const [field, value] of ends(parameter)) {
      try {
        accepts(name, value);
      } catch (error) {
        throw bad(where(`${given}.${field}`), `${trainer.name} does not take ${value}: ${(error as Error).message}`);
      }
    }
    found[name] = parameter;
  }
  return found;
}

function ends(parameter: Parameter): [field: string, value: ParameterValue][] {
  if (parameter.type === 'categorical') return parameter.choices.map((choice, i) => [`choices[${i}]`, choice]);
  return [
    ['low', parameter.low],
    ['high', parameter.high],
  ];
}

const bad = (where: string, what: string, hint?: string): QuantlineError =>
  new QuantlineError('CONFIG', `Search space ${where}: ${what}.`, {
    hint: hint ?? 'Write e.g. "eta: {type: float, low: 1e-3, high: 0.3, log: true}".',
    details: { where },
  });
