import { invariant } from '../../errors/index.js';
import { awaitChange } from '../../platform/watch.js';

/** Slots of the control block; `length` is its size in Int32. */
const SLOT = { generation: 0, next: 1, done: 2, tasks: 3, failed: 4, quit: 5, length: 16 } as const;
/** `next` holds the job's number in its upper and the next task in its lower 16 bits; this task number means no work. */
const CLOSED = 0xffff;

/**
 * Numbered tasks of one job after another, which threads take as they are free: a thread that the system holds up delays the
 * job by its own task at most. One thread, the owner, opens jobs and waits for their end; each works by calling `work`.
 */
export class Tickets {
  /** Int32 of a control block. */
  static readonly size = SLOT.length;
  private job = 0;

  constructor(private readonly control: Int32Array) {}

  /**
   * Opens a job of `tasks` tasks; `describe` writes what they are. With `call` sleeping threads are woken. Only after the
   * last job has ended.
   */
  open(tasks: number, call: boolean, describe: () => void): void {
    invariant(tasks < CLOSED, `A job of ${tasks} tasks is too large.`);
    const { control } = this;
    // Closed while it changes: a thread that still looks at the last job must not take a task of this one half described.
    Atomics.store(control, SLOT.next, CLOSED);
    Atomics.store(control, SLOT.tasks, tasks);
    describe();
    Atomics.store(control, SLOT.done, 0);
    this.job = (this.job + 1) & 0x7fff;
    Atomics.store(control, SLOT.next, this.job << 16);
    if (call) this.call();
  }

  /** Works on the current job until no task is left to take. */
  work(run: (task: number) => void): void {
    const { control } = this;
    for (;;) {
      const ticket = Atomics.load(control, SLOT.next);
      const task = ticket & CLOSED;
      const tasks = Atomics.load(control, SLOT.tasks);
      if (task >= tasks) return;
      // Fails where another thread took the task or the job is a new one.
      if (Atomics.compareExchange(control, SLOT.next, ticket, ticket + 1) !== ticket) continue;
      run(task);
      if (Atomics.add(control, SLOT.done, 1) + 1 === tasks) Atomics.notify(control, SLOT.done);
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
