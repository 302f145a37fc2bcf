// Mixed faults at a fixed rate for a long time: memory must stay flat, no socket may leak, and spans must equal attempts.
import { parseArgs } from "node:util";
import { Topology } from "../e2e/topology.ts";
import { openDatabaseServer } from "../harness/open-database-server.ts";
import { startOtlpReceiver } from "../harness/otlp-receiver.ts";
import { startScriptedUpstream } from "../harness/scripted-upstream.ts";
import { toSoakConfig } from "./soak-config.ts";
import { SoakRun } from "./soak-run.ts";

const help = `npm run soak -- [options]
  --minutes <n>   how long (10)
  --rate <n>      requests in a second (60)
  --three         the services as three processes
`;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    rate: { type: "string", default: "60" },
    three: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

if (values.help) {
  process.stdout.write(help);
} else {
  process.exitCode = await soak();
}

async function soak(): Promise<number> {
  await using database = await openDatabaseServer();
  await using upstream = await startScriptedUpstream();
  const receiver = await startOtlpReceiver();
  await using spillway = await Topology.start(values.three ? "three processes" : "all-in-one", {
    config: toSoakConfig(upstream.baseUrl),
    databaseServerUrl: database.url,
    environment: {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
      OTEL_BSP_SCHEDULE_DELAY: "200",
      OTEL_BSP_MAX_QUEUE_SIZE: "20000",
      // Memory is judged as the system sees it. A large young generation would hide what lives behind its garbage, and a
      // small old one would be collected in full all the time.
      NODE_OPTIONS: "--max-old-space-size=512 --max-semi-space-size=4",
    },
  });
  const run = new SoakRun({ spillway, upstream, receiver });
  const problems = await run.run({ minutes: Number(values.minutes), perSecond: Number(values.rate) });
  await receiver.close();
  for (const problem of problems) {
    process.stdout.write(`NO  ${problem}\n`);
  }
  process.stdout.write(problems.length === 0 ? "all as it must be\n" : `${problems.length} problems\n`);
  return problems.length === 0 ? 0 : 1;
}
