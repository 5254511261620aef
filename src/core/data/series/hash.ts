import { createHash, type Hash } from 'node:crypto';
import { BAR_FIELDS, type BarColumns, type BarField } from '../../domain/index.js';
import { bytesOf, sha256 } from '../../platform/index.js';

/**
 * sha256 of logical columns, in blocks: each column is hashed on its own (little-endian doubles, oldest first), then
 * the six digests. The same bars give the same hash however they are cut.
 */
export class BlockHash {
  private readonly hashes = new Map<BarField, Hash>(BAR_FIELDS.map((field) => [field, createHash('sha256')]));

  update(bars: BarColumns): void {
    for (const [field, hash] of this.hashes) hash.update(bytesOf(bars[field]));
  }

  digest(): string {
    return sha256([...this.hashes].map(([field, hash]) => `${field} ${hash.digest('hex')}\n`).join(''));
  }
}

export function hashBars(bars: BarColumns): string {
  const hash = new BlockHash();
  hash.update(bars);
  return hash.digest();
}
