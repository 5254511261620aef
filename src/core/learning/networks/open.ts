import { EmbeddedShards } from './embedded.js';
import { layoutNetwork } from './layout.js';
import type { ShardSession } from './session.js';
import type { ShardNetwork } from './shard.js';

/** The session's network on one of its threads. */
export async function openShards(session: ShardSession, thread: number): Promise<ShardNetwork> {
  if (session.native === undefined) return new EmbeddedShards(session, thread);
  const [{ nativeEngine }, { NativeShards }] = await Promise.all([
    import('./native/engine.js'),
    import('./native/shards.js'),
  ]);
  return new NativeShards((await nativeEngine(session.native)).network(layoutNetwork(session.places.spec)), session);
}
