// The one owner of everything that must end: listeners, timers, frames, children. Nothing else in src/ may call
// addEventListener, setTimeout, setInterval or requestAnimationFrame (test/house_rules.test.ts checks it).

export type Disposer = () => void;

/** Where events come from: DOM nodes, ports, contexts, tracks; all of them are EventTargets. */
type Source = Pick<EventTarget, "addEventListener" | "removeEventListener">;

export class Scope {
  readonly #controller = new AbortController();
  readonly #children = new Set<Scope>();
  readonly #disposers = new Set<Disposer>();
  readonly #report: (error: unknown) => void;

  /** `report` hears of a disposer that throws; the others run all the same. */
  constructor(report: (error: unknown) => void = (error) => console.error("livewidget:", error)) {
    this.#report = report;
  }

  get disposed(): boolean {
    return this.#controller.signal.aborted;
  }

  /** Aborted when this scope ends: for fetch, await and the like. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Runs `disposer` when the scope ends; at once if it has ended. The result takes it out again, without running it. */
  add(disposer: Disposer): Disposer {
    if (this.disposed) {
      this.#run(disposer);
      return () => {};
    }
    // Wrapped, so that one function registered twice counts twice.
    const entry = () => disposer();
    this.#disposers.add(entry);
    return () => {
      this.#disposers.delete(entry);
    };
  }

  /** A scope that ends with this one, or earlier. */
  child(): Scope {
    const child = new Scope(this.#report);
    if (this.disposed) {
      child.dispose();
      return child;
    }
    this.#children.add(child);
    child.add(() => this.#children.delete(child));
    return child;
  }

  listen<E extends Event = Event>(
    source: Source,
    type: string,
    handler: (event: E) => void,
    options?: AddEventListenerOptions | boolean,
  ): Disposer {
    if (this.disposed) {
      return () => {};
    }
    const listener = handler as EventListener;
    source.addEventListener(type, listener, options);
    return this.#undo(() => source.removeEventListener(type, listener, options));
  }

  /** Calls `callback` once after `ms`, unless the scope ends or the result is called first. */
  timeout(callback: () => void, ms: number): Disposer {
    if (this.disposed) {
      return () => {};
    }
    let forget: Disposer = () => {};
    const timer = setTimeout(() => {
      forget();
      callback();
    }, ms);
    const cancel = () => clearTimeout(timer);
    forget = this.add(cancel);
    return () => {
      forget();
      cancel();
    };
  }

  interval(callback: () => void, ms: number): Disposer {
    if (this.disposed) {
      return () => {};
    }
    const timer = setInterval(callback, ms);
    return this.#undo(() => clearInterval(timer));
  }

  /** Calls `draw(time)` before every repaint, `time` as performance.now(). */
  frame(draw: (time: number) => void): Disposer {
    if (this.disposed) {
      return () => {};
    }
    let handle = 0;
    let running = true;
    const step = (time: number) => {
      draw(time);
      if (running) {
        handle = requestAnimationFrame(step);
      }
    };
    handle = requestAnimationFrame(step);
    return this.#undo(() => {
      running = false;
      cancelAnimationFrame(handle);
    });
  }

  /** Ends the children, then what this scope owns, last in first out. The second call does nothing. */
  dispose(): void {
    if (this.disposed) {
      return;
    }
    this.#controller.abort();
    for (const child of [...this.#children]) {
      child.dispose();
    }
    this.#children.clear();
    const disposers = [...this.#disposers].reverse();
    this.#disposers.clear();
    for (const disposer of disposers) {
      this.#run(disposer);
    }
  }

  /** Registers an undo that can also be called early; it runs once. */
  #undo(undo: Disposer): Disposer {
    let done = false;
    const once = () => {
      if (!done) {
        done = true;
        undo();
      }
    };
    const forget = this.add(once);
    return () => {
      forget();
      once();
    };
  }

  #run(disposer: Disposer): void {
    try {
      disposer();
    } catch (error) {
      this.#report(error);
    }
  }
}
