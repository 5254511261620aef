import type { QuantlineError } from '../../errors/index.js';
import { loadAdapter } from '../../registry/index.js';

interface VendorModule {
  /** Of a vendor that is gone: where to turn to. */
  readonly moved?: () => QuantlineError;
}

/** CONFIG for a vendor that is gone: said before anything else is asked for that trading there would need. */
export async function checkVenueExists(broker: string): Promise<void> {
  const { module } = await loadAdapter<VendorModule>('broker', broker);
  if (module.moved !== undefined) throw module.moved();
}
