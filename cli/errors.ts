/** The command cannot do what was asked; the message is all the user sees. Exit code 1. */
export class CommandError extends Error {
  override name = 'CommandError'
}

/** The command was called wrongly. Exit code 2. */
export class UsageError extends Error {
  override name = 'UsageError'
}

export const EXIT = { ok: 0, error: 1, usage: 2 } as const

/**
 * The value of an option that must be given. Commander's own check would come before the one for unknown options, so that
 * `--nod x` would be answered with "--node is missing" instead of "did you mean --node".
 * @param example a value as people write it
 * @throws UsageError when it is missing.
 */
export function required<Value>(value: Value | undefined, option: string, example: string): Value {
  if (value === undefined) throw new UsageError(`${option} is required, as ${option} ${example}`)
  return value
}
