import { type Random, seededRandom } from '../../domain/index.js';

/** Normal and Student-t draws from one seeded stream. */
export class Draws {
  private readonly random: Random;
  private spare = 0;
  private hasSpare = false;

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  /** In (0, 1]. */
  uniform(): number {
    return 1 - this.random.next();
  }

  /** Standard normal (Box and Muller, both halves used). */
  normal(): number {
    if (this.hasSpare) {
      this.hasSpare = false;
      return this.spare;
    }
    const radius = Math.sqrt(-2 * Math.log(this.uniform()));
    const angle = 2 * Math.PI * this.random.next();
    this.spare = radius * Math.sin(angle);
    this.hasSpare = true;
    return radius * Math.cos(angle);
  }

  /** Fills `out` with standard normals. */
  normals(out: Float64Array): Float64Array {
    for (let k = 0; k < out.length; k++) out[k] = this.normal();
    return out;
  }

  /**
   * Scale that turns a standard normal into Student's t with 6 degrees of freedom and variance 1: sqrt(4/χ²₆), where
   * χ²₆ is twice a sum of three exponentials.
   */
  studentScale(): number {
    return Math.sqrt(4 / (-2 * Math.log(this.uniform() * this.uniform() * this.uniform())));
  }
}
