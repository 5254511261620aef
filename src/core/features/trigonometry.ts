/**
 * Sine and cosine of a part of a full turn, from additions and multiplications alone: V8 changed its own between majors,
 * and a feature has the same bits on all. Taylor series on an eighth of a turn, within 3e-16.
 */
function sinSmall(x: number): number {
  const s = x * x;
  let sum = -1 / 1307674368000;
  sum = 1 / 6227020800 + s * sum;
  sum = -1 / 39916800 + s * sum;
  sum = 1 / 362880 + s * sum;
  sum = -1 / 5040 + s * sum;
  sum = 1 / 120 + s * sum;
  sum = -1 / 6 + s * sum;
  return x + x * s * sum;
}

function cosSmall(x: number): number {
  const s = x * x;
  let sum = 1 / 20922789888000;
  sum = -1 / 87178291200 + s * sum;
  sum = 1 / 479001600 + s * sum;
  sum = -1 / 3628800 + s * sum;
  sum = 1 / 40320 + s * sum;
  sum = -1 / 720 + s * sum;
  sum = 1 / 24 + s * sum;
  sum = -0.5 + s * sum;
  return 1 + s * sum;
}

/** sin(2π · turn). */
export function sinTurn(turn: number): number {
  const quarter = Math.round(turn * 4);
  const rest = (turn - quarter / 4) * (2 * Math.PI);
  switch (((quarter % 4) + 4) % 4) {
    case 0:
      return sinSmall(rest);
    case 1:
      return cosSmall(rest);
    case 2:
      return -sinSmall(rest);
    default:
      return -cosSmall(rest);
  }
}

/** cos(2π · turn). */
export const cosTurn = (turn: number): number => sinTurn(turn + 0.25);
