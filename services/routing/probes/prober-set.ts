import type { TargetHealth } from "../health/target-health.ts";
import type { Snapshot } from "../snapshot/snapshot.ts";
import { type KnownTarget, knownTargets } from "../targets/known-targets.ts";
import { type ProbeHost, type ProbePlan, type ProbeReport, TargetProber } from "./target-prober.ts";

/** The active health checks of a configuration: one prober for each target that declares a probe and a base URL. */
export class ProberSet {
  readonly #host: ProbeHost;
  readonly #probers = new Map<TargetHealth, TargetProber>();

  constructor(host: ProbeHost) {
    this.#host = host;
  }

  /** Starts what a new configuration adds and stops what it no longer has. What did not change goes on undisturbed. */
  update(snapshot: Snapshot): void {
    const known = knownTargets(snapshot);
    for (const [health, prober] of this.#probers) {
      const target = known.get(health.id);
      const plan = target?.health === health ? toPlan(target) : undefined;
      if (plan === undefined) {
        this.#stop(health, prober);
      } else if (!isSame(plan, prober.plan)) {
        prober.close();
        this.#start(health, plan);
      }
    }
    for (const target of known.values()) {
      const plan = this.#probers.has(target.health) ? undefined : toPlan(target);
      if (plan !== undefined) {
        this.#start(target.health, plan);
      }
    }
  }

  /** The health check of a target and its last outcome; undefined when it has none. */
  reportOf(health: TargetHealth): ProbeReport | undefined {
    return this.#probers.get(health);
  }

  close(): void {
    for (const prober of this.#probers.values()) {
      prober.close();
    }
    this.#probers.clear();
  }

  #start(health: TargetHealth, plan: ProbePlan): void {
    const prober = new TargetProber(this.#host, plan, ({ failure }) => health.reportProbe(failure === undefined));
    this.#probers.set(health, prober);
  }

  #stop(health: TargetHealth, prober: TargetProber): void {
    prober.close();
    this.#probers.delete(health);
    // Nothing would ever take a failed check back.
    health.reportProbe(true);
  }
}

function toPlan({ baseUrl, probe }: KnownTarget): ProbePlan | undefined {
  const origin = baseUrl === undefined ? undefined : URL.parse(baseUrl)?.origin;
  const url = probe === undefined || origin === undefined ? null : URL.parse(`${origin}${probe.path}`);
  if (probe === undefined || url === null) {
    return undefined;
  }
  return { origin: url.origin, path: `${url.pathname}${url.search}`, intervalMs: probe.intervalMs };
}

function isSame(left: ProbePlan, right: ProbePlan): boolean {
  return left.origin === right.origin && left.path === right.path && left.intervalMs === right.intervalMs;
}
