/** Runs tasks in the order given, at most `limit` at a time. */
export function createLimiter(limit: number): (task: () => Promise<void>) => void {
  const waiting: (() => Promise<void>)[] = [];
  let running = 0;

  const next = () => {
    const task = running < limit ? waiting.shift() : undefined;
    if (task === undefined) {
      return;
    }
    running += 1;
    void task().finally(() => {
      running -= 1;
      next();
    });
  };
  return (task) => {
    waiting.push(task);
    next();
  };
}
