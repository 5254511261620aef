import { QuantlineError } from '../../errors/index.js';
import { guardBaseUrl, type HttpRequest, isLoopback } from '../../platform/index.js';

export const NOTIFY_PRESETS = ['slack', 'discord', 'telegram', 'ntfy', 'webhook'] as const;
export type NotifyPreset = (typeof NOTIFY_PRESETS)[number];

/** One piece of news. */
export interface News {
  /** fill, reject, halt, missed … */
  readonly event: string;
  readonly strategy: string;
  /** One line for people. */
  readonly text: string;
  /** Somebody should look at once. */
  readonly urgent: boolean;
}

/** How a service takes news: its address never appears in a message, because it is the secret. */
export interface Channel {
  readonly service: string;
  readonly origin: string;
  request(news: News): HttpRequest;
}

const json = (url: string, body: unknown): HttpRequest => ({
  method: 'POST',
  url,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
  expect: 'any',
  retryRateLimit: true,
});

const line = ({ strategy, text }: News): string => `${strategy}: ${text}`;

/**
 * The longest text of each service: Slack cuts at 40,000 characters and asks for less than 4,000, Discord takes 2,000,
 * Telegram 4,096; beyond 4,096 bytes (three a character at most) ntfy makes an attachment of it.
 */
const LONGEST = { slack: 3900, discord: 2000, telegram: 4096, ntfy: 1300 };

/** Slack reads these three as its own marks, in plain text too. */
const slackEscape = (c: string): string => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c] ?? c;
/** Discord reads Markdown: a strategy called my_own_rule would lose its underscores. */
const discordEscape = (c: string): string => (/[\\*_~`|<>[\]#]/.test(c) ? `\\${c}` : c);

/** The text with its characters escaped, cut at a whole character where it is too long. */
function fitted(text: string, longest: number, mark = (c: string): string => c): string {
  let out = '';
  for (const character of text) {
    const next = mark(character);
    if (out.length + next.length > longest - 1) return `${out}…`;
    out += next;
  }
  return out;
}

/** @throws QuantlineError CREDENTIALS or CONFIG naming the variable that is missing or wrong */
export function channelOf(preset: NotifyPreset, secrets: Readonly<Record<string, string>>): Channel {
  const url = secrets['QUANTLINE_NOTIFY_URL']?.trim();
  const token = secrets['QUANTLINE_NOTIFY_TOKEN']?.trim();
  switch (preset) {
    case 'slack': {
      const address = official(url, preset, ['https://hooks.slack.com']);
      return channel('Slack', address, (news) =>
        json(address, { text: fitted(line(news), LONGEST.slack, slackEscape) }),
      );
    }
    case 'discord': {
      const address = official(url, preset, ['https://discord.com', 'https://discordapp.com']);
      return channel('Discord', address, (news) =>
        // Text of a broker or a model mentions nobody.
        json(address, {
          content: fitted(line(news), LONGEST.discord, discordEscape),
          allowed_mentions: { parse: [] },
        }),
      );
    }
    case 'telegram': {
      const chat = secrets['QUANTLINE_NOTIFY_CHAT']?.trim();
      if (!token) throw missing('QUANTLINE_NOTIFY_TOKEN', 'the token of your bot, from @BotFather');
      if (!chat) throw missing('QUANTLINE_NOTIFY_CHAT', 'the id of the chat that is written to');
      const base = guardBaseUrl(url, ['https://api.telegram.org'], 'QUANTLINE_NOTIFY_URL');
      const address = `${base}/bot${token}/sendMessage`;
      return channel('Telegram', address, (news) =>
        // Without a parse_mode the text is taken as it is.
        json(address, { chat_id: chat, text: fitted(line(news), LONGEST.telegram) }),
      );
    }
    case 'ntfy': {
      const address = anyHost(url, preset);
      return channel('ntfy', address, (news) => ({
        method: 'POST',
        url: address,
        headers: {
          title: encodeHeader(`${news.strategy}: ${news.event}`),
          priority: news.urgent ? 'high' : 'default',
          ...(token && { authorization: `Bearer ${token}` }),
        },
        body: fitted(news.text, LONGEST.ntfy),
        expect: 'any',
        retryRateLimit: true,
      }));
    }
    case 'webhook': {
      const address = anyHost(url, preset);
      return channel('Webhook', address, (news) => {
        const request = json(address, news);
        return token ? { ...request, headers: { ...request.headers, authorization: `Bearer ${token}` } } : request;
      });
    }
  }
}

const channel = (service: string, url: string, request: Channel['request']): Channel => ({
  service,
  origin: new URL(url).origin,
  request,
});

/** Headers carry Latin letters only; ntfy reads RFC 2047. */
const encodeHeader = (text: string): string =>
  /^[\x20-\x7e]*$/.test(text) ? text : `=?UTF-8?B?${Buffer.from(text).toString('base64')}?=`;

function official(url: string | undefined, preset: string, origins: readonly string[]): string {
  if (!url) throw missing('QUANTLINE_NOTIFY_URL', `the address of the ${preset} webhook`);
  return guardBaseUrl(url, origins, 'QUANTLINE_NOTIFY_URL');
}

/** A host of the user's own: encrypted, or this machine. */
function anyHost(text: string | undefined, preset: string): string {
  if (!text) throw missing('QUANTLINE_NOTIFY_URL', `the address that ${preset} news are posted to`);
  return secureUrl(text, 'QUANTLINE_NOTIFY_URL');
}

/** An https address, or any on this machine. CONFIG otherwise; the address itself is not repeated. */
export function secureUrl(text: string, setting: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new QuantlineError('CONFIG', `${setting} is not a URL.`, { hint: 'Copy the whole address.' });
  }
  const local = url.protocol === 'http:' && isLoopback(url.hostname);
  if (url.protocol === 'https:' || local) return url.href;
  throw new QuantlineError('CONFIG', `${setting} must begin with https://: everybody on the way could read it.`, {
    hint: 'Plain http is taken for addresses on this machine only.',
  });
}

const missing = (name: string, what: string): QuantlineError =>
  new QuantlineError('CREDENTIALS', `Notifications need ${name}: ${what}.`, {
    hint: `Put it into the environment or .env, or into a file named by ${name}_FILE.`,
  });
