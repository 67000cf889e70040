/** The part of pino's interface the serving side uses. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

const nothing = () => {}

export const SILENT: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing }
