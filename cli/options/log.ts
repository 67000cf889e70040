import type { Command } from 'commander'
import { LOG_FORMATS, LOG_LEVELS } from '../run/log-options.ts'
import { oneOf } from './arguments.ts'

/** Adds the options of the log; what it adds is `LogOptions`. */
export function withLogOptions(command: Command): Command {
  return command
    .option('--log-level <level>', LOG_LEVELS.join(', '), oneOf(LOG_LEVELS), 'info')
    .option('--log-format <format>', 'json or text (default: text on a terminal, else json)', oneOf(LOG_FORMATS))
}
