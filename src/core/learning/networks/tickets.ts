import { invariant } from '../../errors/index.js';
import { awaitChange } from '../../platform/watch.js';

/** Slots of the control block, in Int32; what threads write at different times lies in different lines of the cache. */
const SLOT = { left: 0, done: 16, tasks: 17, generation: 32, failed: 33, quit: 34, size: 48 } as const;
/** `left` holds the first task that nobody has taken, and above that many bits the end of those that are left. */
const BITS = 15;
const MOST = (1 << BITS) - 1;

/**
 * Numbered tasks of one job after another, which threads take as they are free: a thread that the system holds up delays the
 * job by its own task at most. Even threads take them from the front, odd ones from the back: so a task of one number mostly
 * falls to the same thread, whose cache has what it works on. Thread 0, the owner, opens jobs and waits for their end.
 */
export class Tickets {
  /** Int32 of a control block. */
  static readonly size = SLOT.size;
  /** The largest number of tasks. */
  static readonly most = MOST;

  constructor(
    private readonly control: Int32Array,
    private readonly thread: number,
  ) {}

  /**
   * Opens a job of `tasks` tasks; `describe` writes what they are. With `call` sleeping threads are woken. Only after the
   * last job has ended.
   */
  open(tasks: number, call: boolean, describe: () => void): void {
    invariant(tasks <= MOST, `A job of ${tasks} tasks is too large.`);
    const { control } = this;
    // No task is left of the last job, so that no thread takes one before all is described.
    control[SLOT.tasks] = tasks;
    describe();
    Atomics.store(control, SLOT.done, 0);
    Atomics.store(control, SLOT.left, tasks << BITS);
    if (call) this.call();
  }

  /** Works on the current job until no task is left to take. */
  work(run: (task: number) => void): void {
    const { control } = this;
    const back = this.thread % 2 === 1;
    for (;;) {
      const left = Atomics.load(control, SLOT.left);
      const first = left & MOST;
      const end = left >> BITS;
      if (first >= end) return;
      const rest = back ? left - (1 << BITS) : left + 1;
      // Fails where another thread took a task. Of another job or of the same: what is exchanged is a task that is left.
      if (Atomics.compareExchange(control, SLOT.left, left, rest) !== left) continue;
      run(back ? end - 1 : first);
      if (Atomics.add(control, SLOT.done, 1) + 1 === control[SLOT.tasks]) Atomics.notify(control, SLOT.done);
    }
  }

  /** The owner's wait: false once all tasks are done, true where some still run after 20 ms. */
  unfinished(): boolean {
    const { control } = this;
    const tasks = control[SLOT.tasks]!;
    for (;;) {
      const done = Atomics.load(control, SLOT.done);
      if (done >= tasks) return false;
      if (awaitChange(control, SLOT.done, done, 20) === done) return true;
    }
  }

  /** The loop of a worker: works on every job until `quit`. A task that throws is marked and ends it. */
  serve(run: (task: number) => void): void {
    const { control } = this;
    for (let generation = 0; ; ) {
      generation = awaitChange(control, SLOT.generation, generation);
      if (Atomics.load(control, SLOT.quit) !== 0) return;
      try {
        this.work(run);
      } catch (error) {
        Atomics.store(control, SLOT.failed, 1);
        Atomics.notify(control, SLOT.done);
        throw error;
      }
    }
  }

  /** Whether a worker's task has thrown. */
  get failed(): boolean {
    return Atomics.load(this.control, SLOT.failed) !== 0;
  }

  quit(): void {
    Atomics.store(this.control, SLOT.quit, 1);
    this.call();
  }

  private call(): void {
    Atomics.add(this.control, SLOT.generation, 1);
    Atomics.notify(this.control, SLOT.generation);
  }
}
