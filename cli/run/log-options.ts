/** In their order; a level shows itself and those behind it. Apart from the logger, which `--help` need not load. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const
export const LOG_FORMATS = ['json', 'text'] as const

/** How a program that runs until a signal tells what happens, as commands take it. */
export interface LogOptions {
  readonly logLevel: (typeof LOG_LEVELS)[number]
  /** Text on a terminal, else JSON, if not given. */
  readonly logFormat?: (typeof LOG_FORMATS)[number]
}
