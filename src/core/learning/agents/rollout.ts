/** Experience of one PPO iteration: rows in time order, `environments` rows a step. */
export class Rollout {
  readonly rows: number;
  readonly observations: Float32Array;
  readonly actions: Float32Array;
  readonly logProbabilities: Float64Array;
  readonly values: Float64Array;
  readonly rewards: Float64Array;
  /** 1 where the episode ended with this row's step. */
  readonly ended: Uint8Array;
  readonly advantages: Float64Array;
  readonly returns: Float64Array;

  constructor(
    readonly steps: number,
    readonly environments: number,
    observationSize: number,
    actionWidth: number,
  ) {
    this.rows = steps * environments;
    this.observations = new Float32Array(this.rows * observationSize);
    this.actions = new Float32Array(this.rows * actionWidth);
    this.logProbabilities = new Float64Array(this.rows);
    this.values = new Float64Array(this.rows);
    this.rewards = new Float64Array(this.rows);
    this.ended = new Uint8Array(this.rows);
    this.advantages = new Float64Array(this.rows);
    this.returns = new Float64Array(this.rows);
  }

  /**
   * Generalised advantage estimation (Schulman et al. 2016): A_t = δ_t + γλ·A_{t+1}, δ_t = r_t + γV_{t+1} − V_t, both cut
   * where an episode ends. Rewards of truncated steps already hold γ times the value of the state they led to.
   * `last` are the values of the states after the rollout.
   */
  estimateAdvantages(last: Float64Array, gamma: number, lambda: number): void {
    const { environments, steps } = this;
    for (let e = 0; e < environments; e++) {
      let advantage = 0;
      let next = last[e]!;
      for (let t = steps - 1; t >= 0; t--) {
        const row = t * environments + e;
        const goesOn = this.ended[row] === 1 ? 0 : 1;
        const value = this.values[row]!;
        advantage = this.rewards[row]! + goesOn * gamma * next - value + goesOn * gamma * lambda * advantage;
        this.advantages[row] = advantage;
        this.returns[row] = advantage + value;
        next = value;
      }
    }
  }
}
