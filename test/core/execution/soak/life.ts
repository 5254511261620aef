/** A start that is killed: from that moment its calls never return. */
export class Life {
  alive = true;
  die!: () => void;
  readonly death = new Promise<'killed'>((resolve) => {
    this.die = () => {
      this.alive = false;
      resolve('killed');
    };
  });

  /** The object as this life sees it: nothing happens any more once it is over. */
  guard<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (object, key) => {
        const value = Reflect.get(object, key);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          if (!this.alive) return new Promise(() => {});
          const result = value.apply(object, args);
          return result instanceof Promise ? result.then((x) => (this.alive ? x : new Promise(() => {}))) : result;
        };
      },
    });
  }
}
