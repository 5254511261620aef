import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

export interface PostgresServer {
  /** Address of a fresh, empty database. */
  create(name: string): Promise<string>;
  /** Rows of a query on one of them. */
  query<T>(url: string, sql: string): Promise<readonly T[]>;
  stop(): Promise<void>;
}

/** Debian keeps the server's programs off the search path, one folder a version. */
const DEBIAN = '/usr/lib/postgresql';

function program(name: string): string | undefined {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort().reverse() : [];
  const folders = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    ...versions.map((version) => join(DEBIAN, version, 'bin')),
  ];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** PostgreSQL refuses to run as root; there it runs as an unprivileged user of the machine. */
function unprivileged(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const user = users.find((fields) => fields[0] === 'postgres') ?? users.find((fields) => fields[0] === 'nobody');
  return user === undefined ? undefined : { uid: Number(user[2]), gid: Number(user[3]) };
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });

/** Starts a server of our own, on loopback and a free port; undefined where PostgreSQL is not installed. */
export async function startPostgres(): Promise<PostgresServer | undefined> {
  const initdb = program('initdb');
  const postgres = program('postgres');
  const user = unprivileged();
  if (initdb === undefined || postgres === undefined) return undefined;
  if (process.getuid?.() === 0 && user === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'quantline-postgres-'));
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  const options = { cwd: folder, ...user };
  execFileSync(initdb, ['-D', data, '-U', 'quantline', '-A', 'trust', '--no-sync', '-E', 'UTF8', '--locale=C'], {
    ...options,
    stdio: 'ignore',
  });
  const port = await freePort();
  const settings = ['-p', String(port), '-c', 'listen_addresses=127.0.0.1', '-c', `unix_socket_directories=${folder}`];
  // The tests kill clients, never the machine: the server itself need not flush.
  const server: ChildProcess = spawn(postgres, ['-D', data, ...settings, '-c', 'fsync=off'], {
    ...options,
    stdio: 'ignore',
  });
  const stop = async () => {
    const ended = new Promise((resolve) => server.once('exit', resolve));
    server.kill('SIGINT');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  const { default: pg } = (await import('pg' as string)) as {
    default: {
      Client: new (
        config: object,
      ) => { connect(): Promise<void>; query(sql: string): Promise<{ rows: unknown[] }>; end(): Promise<void> };
    };
  };
  const url = (database: string) => `postgres://quantline@127.0.0.1:${port}/${database}`;
  const query = async <T>(connectionString: string, sql: string) => {
    const client = new pg.Client({ connectionString });
    await client.connect();
    const { rows } = await client.query(sql).finally(() => client.end());
    return rows as T[];
  };
  const execute = (sql: string) => query(url('postgres'), sql);
  for (let attempt = 0; ; attempt++) {
    try {
      await execute('SELECT 1');
      break;
    } catch (error) {
      if (attempt === 100) {
        await stop();
        throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  return {
    create: async (name) => {
      await execute(`CREATE DATABASE ${name}`);
      return url(name);
    },
    query,
    stop,
  };
}
