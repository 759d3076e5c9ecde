// The owner of everything that must end: listeners, timers, animation frames, children. Nothing else in src/ may call
// addEventListener, setTimeout, setInterval or requestAnimationFrame (test/house_rules.test.ts checks it).

type Disposer = () => void;

/** A source of events: a DOM node, port, audio context or track. */
type Source = Pick<EventTarget, "addEventListener" | "removeEventListener">;

export class Scope {
  readonly #controller = new AbortController();
  readonly #children = new Set<Scope>();
  readonly #disposers = new Set<Disposer>();
  readonly #report: (error: unknown) => void;

  /** `report` gets the error of a disposer that throws; the others run all the same. */
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

  /** Runs `disposer` when the scope ends, at once if it has ended. The returned function removes it without running it. */
  add(disposer: Disposer): Disposer {
    if (this.disposed) {
      this.#run(disposer);
      return () => {};
    }
    // Wrapped, so that a function registered twice runs twice.
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

  /** Calls `callback` once after `ms`, unless the scope ends or the returned function is called first. */
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

  /** Ends the children, then what this scope owns, in reverse order. A second call does nothing. */
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

  /** Registers `undo`, which runs once: when the scope ends or when the returned function is called. */
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
