import { kebab, optionMeta } from '../../src/core/config/index.js';

/** Fenced blocks of a page by language. */
export const blocks = (text: string, language: string): string[] =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map((match) => match[1]!);

/** The words of a shell command from `at` to its end: quotes kept together, up to an unquoted `)`, `|`, `;` or `#`. */
function words(line: string, at: number): string[] {
  const out: string[] = [];
  const form = /\s*(?:'([^']*)'|"([^"]*)"|([^\s'"()|;#]+))/y;
  form.lastIndex = at;
  for (let match = form.exec(line); match !== null; match = form.exec(line))
    out.push(match[1] ?? match[2] ?? match[3]!);
  return out;
}

export interface PageCommand {
  /** Variables set in front of it. */
  readonly environment: Readonly<Record<string, string>>;
  readonly words: readonly string[];
}

/** Every `quantline …` of the bash blocks of a page. */
export const commands = (text: string): PageCommand[] =>
  blocks(text, 'bash')
    .flatMap((block) => block.replaceAll('\\\n', ' ').split('\n'))
    .flatMap((line) =>
      [...line.matchAll(/(?:^|\$\(|&&\s*|\|\s*)((?:[A-Z_]+=\S+\s+)*)quantline\s+/g)].map((match) => ({
        environment: Object.fromEntries(
          match[1]!
            .trim()
            .split(/\s+/)
            .filter((pair) => pair !== '')
            .map((pair) => pair.split('=') as [string, string]),
        ),
        words: words(line, match.index + match[0].length),
      })),
    );

/** What the flags of a command say, by key. A flag that `shape` does not have comes back in `unknown`. */
export function flagsIn(shape: Readonly<Record<string, unknown>>, given: readonly string[]) {
  const keys = new Map(Object.keys(shape).map((key) => [kebab(key), key]));
  const flags: Record<string, unknown> = {};
  const unknown: string[] = [];
  for (let i = 0; i < given.length; i++) {
    if (!given[i]!.startsWith('--') || given[i] === '--help') continue;
    const key = keys.get(given[i]!.slice(2));
    if (key === undefined) {
      unknown.push(given[i]!);
      continue;
    }
    const meta = optionMeta(shape[key] as never)!;
    const value = meta.switch ? true : given[++i];
    flags[key] = meta.multiple ? [...((flags[key] as string[] | undefined) ?? []), value] : value;
  }
  return { flags, unknown };
}
