import type { Environment } from "../settings/setting.ts";

const lookMs = 500;

/**
 * Calls `onGone` once when npm started this process and has ended since: npm hands a SIGTERM to its shell, which dies of it
 * and tells nobody. Does nothing where npm is not involved, and does not keep the process alive.
 */
export function watchParent(environment: Environment, onGone: () => void): void {
  if (environment.npm_lifecycle_event === undefined) {
    return;
  }
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) {
      return;
    }
    clearInterval(timer);
    onGone();
  }, lookMs);
  timer.unref();
}
