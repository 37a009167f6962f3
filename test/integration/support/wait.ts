const cell = new Int32Array(new SharedArrayBuffer(4));

/** Sleeps; tests are synchronous like the runtime. */
export function sleep(milliseconds: number): void {
  Atomics.wait(cell, 0, 0, milliseconds);
}

/** Waits until the condition holds, at most `milliseconds`; says whether it did. */
export function until(condition: () => boolean, milliseconds = 10_000): boolean {
  const end = performance.now() + milliseconds;
  for (;;) {
    if (condition()) return true;
    if (performance.now() > end) return false;
    sleep(10);
  }
}
