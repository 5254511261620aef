import { type Gate, type GateCondition, parseCondition } from '../gates/index.js';
import { DRIFT_FIGURES } from './compare.js';

const at = (figure: string, threshold: number): GateCondition => ({ figure, op: '<=', threshold });

/** What live trading must keep to: nothing missing, nothing extra, fills within a tenth of a percent of the model. */
const LIVE_GATE: Gate = {
  name: 'live@1',
  conditions: [
    at('missing_trades', 0),
    at('extra_trades', 0),
    at('missed_slots', 0),
    { ...at('slippage', 0.001), whereApplicable: true },
    at('equity_drift', 0.01),
  ],
};

/** `default` is the gate `live`; conditions on the figures of drift replace or join its own. */
export function parseDriftGate(items: readonly string[]): Gate {
  const named = items.filter((item) => item === 'default' || item === 'live' || item === LIVE_GATE.name);
  const own = items.filter((item) => !named.includes(item)).map((item) => parseCondition(item, DRIFT_FIGURES));
  const base = named.length > 0 ? LIVE_GATE.conditions : [];
  const kept = new Map([...base, ...own].map((condition) => [`${condition.figure} ${condition.op[0]}`, condition]));
  return { name: named.length > 0 ? LIVE_GATE.name : 'custom', conditions: [...kept.values()] };
}
