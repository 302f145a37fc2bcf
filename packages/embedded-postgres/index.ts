export { EmbeddedPostgresError } from "./embedded-postgres-error.ts";
export {
  type DatabaseLogger,
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  openEmbeddedPostgres,
} from "./open-embedded-postgres.ts";
