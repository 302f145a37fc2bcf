export { createLogger, type Logger, type LogLevel, logLevels, type ProcessLogger } from "./log/logger.ts";
