import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

interface Schema {
  type?: unknown;
  additionalProperties?: unknown;
  [key: string]: unknown;
}
interface Violation {
  readonly instancePath: string;
  readonly message: string;
  readonly data?: unknown;
}
type Validate = (
  value: unknown,
  schema: string,
  context: { definitions: Record<string, Schema>; allowAdditionalProps: boolean },
) => readonly Violation[];

// Yahoo publishes no interface document. The nearest thing is the schema that yahoo-finance2 made from years of replies.
const modules = dirname(createRequire(import.meta.url).resolve('yahoo-finance2/modules/chart'));
const load = createRequire(join(modules, 'chart.js'));
const schema = (load('./chart.schema.js') as { default: { definitions: Record<string, Schema> } }).default;
const validate = (load('../lib/validate/index.js') as { default: Validate }).default;
const definitions = closed(schema.definitions) as Record<string, Schema>;

/** Parameters of the chart's address in every recorded request. */
const PARAMETERS = ['useYfid', 'interval', 'includePrePost', 'events', 'lang', 'period1', 'period2'].sort();

/** Violations of a request for a chart. */
export function requestViolations(query: URLSearchParams): string[] {
  const names = [...query.keys()].sort();
  const problems = names.join() === PARAMETERS.join() ? [] : [`parameters ${names.join()}`];
  for (const name of ['period1', 'period2'])
    if (!/^\d+$/.test(query.get(name) ?? '')) problems.push(`${name} is not whole seconds`);
  return problems;
}

/** Violations of a reply: the schema's objects are closed, as a field that it does not know proves nothing. */
export function replyViolations(status: number, body: unknown): string[] {
  const { chart, ...rest } = body as { chart?: { result: unknown; error: unknown } };
  if (chart === undefined || Object.keys(rest).length > 0 || Object.keys(chart).sort().join() !== 'error,result')
    return [`${status}: not {chart: {result, error}}`];
  if (status >= 400) {
    const { code, description, ...more } = (chart.error ?? {}) as Record<string, unknown>;
    const told = typeof code === 'string' && typeof description === 'string' && Object.keys(more).length === 0;
    return chart.result === null && told ? [] : [`${status}: an error is {code, description} beside a null result`];
  }
  if (!Array.isArray(chart.result) || chart.result.length !== 1 || chart.error !== null)
    return [`${status}: a chart is one result beside a null error`];
  // The validator turns seconds into dates in place.
  const one = structuredClone(chart.result[0]) as { timestamp?: unknown[]; indicators: { quote: object[] } };
  // As yahoo-finance2 does: where there is no bar, Yahoo has an empty quote.
  if (one.timestamp === undefined && Object.keys(one.indicators.quote[0] ?? {}).length === 0)
    one.indicators.quote.pop();
  try {
    return validate(one, '#/definitions/ChartResultObject', { definitions, allowAdditionalProps: false }).map(
      ({ instancePath, message, data }) => `${status}: ${instancePath} ${message} ${JSON.stringify(data)}`,
    );
  } catch (error) {
    // It looks into null as if it were an object.
    return [`${status}: ${String(error)}`];
  }
}

function closed(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(closed);
  if (part === null || typeof part !== 'object') return part;
  const out = Object.fromEntries(Object.entries(part).map(([key, value]) => [key, closed(value)])) as Schema;
  const open = out.additionalProperties;
  if (out['type'] === 'object' && typeof open === 'object' && open !== null && Object.keys(open).length === 0)
    out.additionalProperties = false;
  return out;
}
