/**
 * What was thrown as an Error. JavaScript may throw anything; what is none becomes the text of one.
 * @param thrown what `catch` has
 */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(textOf(thrown))
}

/**
 * What was thrown, for people: the message of an Error, anything else as text.
 * @param thrown what `catch` has
 */
export function errorText(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : textOf(thrown)
}

/**
 * The code of an error of the system (`ENOENT`) or of Node (`ERR_…`); undefined when there is none.
 * @param thrown what `catch` has
 */
export function errorCode(thrown: unknown): string | undefined {
  const code = typeof thrown === 'object' && thrown && 'code' in thrown ? thrown.code : undefined
  return typeof code === 'string' ? code : undefined
}

/** An object without a prototype, or whose `toString` throws, has no text of its own. */
function textOf(thrown: unknown): string {
  try {
    return String(thrown)
  } catch {
    return Object.prototype.toString.call(thrown)
  }
}
