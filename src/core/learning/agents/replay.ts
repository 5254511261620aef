/** The latest `capacity` transitions, in a ring. */
export class ReplayBuffer {
  readonly observations: Float32Array;
  readonly next: Float32Array;
  readonly actions: Int32Array;
  readonly rewards: Float64Array;
  /** 1 where nothing followed; a truncated transition has 0, so that its next state keeps its value. */
  readonly terminated: Uint8Array;
  length = 0;
  private position = 0;

  constructor(
    readonly capacity: number,
    private readonly observationSize: number,
  ) {
    this.observations = new Float32Array(capacity * observationSize);
    this.next = new Float32Array(capacity * observationSize);
    this.actions = new Int32Array(capacity);
    this.rewards = new Float64Array(capacity);
    this.terminated = new Uint8Array(capacity);
  }

  add(observation: Float32Array, action: number, reward: number, next: Float32Array, terminated: boolean): void {
    const at = this.position;
    this.observations.set(observation, at * this.observationSize);
    this.next.set(next, at * this.observationSize);
    this.actions[at] = action;
    this.rewards[at] = reward;
    this.terminated[at] = terminated ? 1 : 0;
    this.position = (at + 1) % this.capacity;
    if (this.length < this.capacity) this.length++;
  }
}
