/**
 * The planted edge: each session drifts by `m` in the direction of the session return before it (close to close).
 * The oracle holds that direction from open to open and turns its whole position when the direction changes. It earns
 * m a session, pays the cost of a side twice at each change, and bears the instrument's volatility s, so its net Sharpe
 * is (m - 2·cost·P(change))·√sessions / s, with P(change) = 1 - Φ(m/s). This solves that for m by bisection.
 */
export function edgeDrift(netSharpe: number, sessionVolatility: number, sessionsPerYear: number, cost: number): number {
  const wanted = (netSharpe * sessionVolatility) / Math.sqrt(sessionsPerYear);
  const net = (m: number) => m - 2 * cost * (1 - normalCdf(m / sessionVolatility));
  let low = 0;
  let high = wanted + 2 * cost;
  for (let i = 0; i < 60; i++) {
    const mid = (low + high) / 2;
    if (net(mid) < wanted) low = mid;
    else high = mid;
  }
  return (low + high) / 2;
}

/** Abramowitz and Stegun 26.2.17, error below 7.5e-8. */
function normalCdf(x: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(x));
  const poly = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = Math.exp((-x * x) / 2) * 0.3989422804014327 * poly;
  return x >= 0 ? 1 - tail : tail;
}
