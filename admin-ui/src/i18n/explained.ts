import i18next from 'i18next'

/**
 * What a code of the API, of a complaint or (`yaml.CODE`) of the YAML editor means, in the language of the page; undefined where that is the
 * language of the message itself.
 */
export function meaningOfCode(code: string): string | undefined {
  // Where no page has been started, as in tests of pure functions, messages stay as they are.
  if (!i18next.isInitialized) return undefined
  const found: unknown = i18next.getResource(i18next.language, 'problems', code)
  return typeof found === 'string' ? found : undefined
}

/** A message with the meaning of its code before it, where the message alone is in another language. */
export function explained(code: string, message: string): string {
  const meaning = meaningOfCode(code)
  return meaning === undefined ? message : `${meaning}（${message}）`
}
