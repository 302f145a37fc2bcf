/** The Postgres server that tests make their databases on; `undefined` for an embedded one. Its user must be allowed to. */
export const testDatabaseServerUrl = process.env.SPILLWAY_TEST_DATABASE_URL;
