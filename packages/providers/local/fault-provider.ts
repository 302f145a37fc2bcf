import { findFault, knownFaults } from "./fault-names.ts";
import { createLocalProvider } from "./local-provider.ts";

/** Fails as the model's name tells, for trying out; see `knownFaults` for the names. */
export const faultProvider = createLocalProvider("fault", (model) =>
  findFault(model) === undefined
    ? `the provider "fault" knows no "${model}"; it knows ${knownFaults.join(", ")}`
    : undefined,
);
