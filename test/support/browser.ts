import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { WebSocket } from 'ws';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];

/** Path of an installed Chromium, by CHROMIUM_PATH or the search path; undefined where there is none. */
export function findBrowser(): string | undefined {
  const places = (process.env['PATH'] ?? '').split(delimiter).flatMap((dir) => NAMES.map((name) => join(dir, name)));
  return [process.env['CHROMIUM_PATH'], ...places].find((path) => {
    if (path === undefined) return false;
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, never>;
  readonly result?: Record<string, never>;
  readonly error?: { readonly message: string };
}

/** A headless page over the DevTools protocol; collects what the console and the network complain about. */
export class Page {
  readonly problems: string[] = [];
  /** Requests that left the page's own file. */
  readonly requests: string[] = [];
  private sequence = 0;
  private readonly waiting = new Map<number, { resolve(value: never): void; reject(error: Error): void }>();
  private loaded: (() => void) | undefined;

  private constructor(
    private readonly process: ChildProcess,
    private readonly socket: WebSocket,
    private readonly profile: string,
    private session: string | undefined,
  ) {}

  static async open(browser: string): Promise<Page> {
    const profile = mkdtempSync(join(tmpdir(), 'quantline-browser-'));
    const child = spawn(
      browser,
      [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--remote-debugging-port=0',
        `--user-data-dir=${profile}`,
        'about:blank',
      ],
      // In a group of its own, which ends as one: its children write into the profile.
      { stdio: ['ignore', 'ignore', 'pipe'], detached: true },
    );
    const address = await new Promise<string>((resolve, reject) => {
      let text = '';
      child.stderr!.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        const found = /DevTools listening on (ws:\S+)/.exec(text);
        if (found) resolve(found[1]!);
      });
      child.once('exit', (code) => reject(new Error(`the browser ended with ${code}: ${text}`)));
    });
    const socket = new WebSocket(address, { maxPayload: 1 << 28 });
    await new Promise((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    const page = new Page(child, socket, profile, undefined);
    socket.on('message', (data) => page.receive(JSON.parse(String(data)) as Message));
    const { targetId } = await page.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await page.send('Target.attachToTarget', { targetId, flatten: true });
    page.session = sessionId;
    for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await page.send(`${domain}.enable`, {});
    return page;
  }

  async load(url: string): Promise<void> {
    const done = new Promise<void>((resolve) => {
      this.loaded = resolve;
    });
    await this.send('Page.navigate', { url });
    await done;
  }

  async look(width: number, scheme: 'light' | 'dark'): Promise<void> {
    await this.send('Emulation.setDeviceMetricsOverride', { width, height: 900, deviceScaleFactor: 1, mobile: false });
    await this.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
  }

  async evaluate<T>(expression: string): Promise<T> {
    const reply = await this.send('Runtime.evaluate', { expression, returnByValue: true });
    return (reply['result'] as { value: T }).value;
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.socket.close();
    process.kill(-this.process.pid!, 'SIGKILL');
    await ended;
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 8, retryDelay: 250 });
  }

  // biome-ignore lint/suspicious/noExplicitAny: replies of the protocol have no types here.
  private send(method: string, params: object): Promise<any> {
    const id = ++this.sequence;
    this.socket.send(JSON.stringify({ id, method, params, ...(this.session && { sessionId: this.session }) }));
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }

  private receive(message: Message): void {
    const { id, method, params } = message;
    if (id !== undefined) {
      const waiter = this.waiting.get(id);
      this.waiting.delete(id);
      if (message.error) waiter?.reject(new Error(message.error.message));
      else waiter?.resolve(message.result as never);
    } else if (method === 'Page.loadEventFired') this.loaded?.();
    else if (method === 'Runtime.exceptionThrown' || method === 'Runtime.consoleAPICalled') this.note(params);
    else if (method === 'Log.entryAdded') this.note(params);
    else if (method === 'Network.requestWillBeSent') {
      this.requests.push((params as unknown as { request: { url: string } }).request.url);
    }
  }

  private note(params: unknown): void {
    this.problems.push(JSON.stringify(params));
  }
}
