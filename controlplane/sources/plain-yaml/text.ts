/**
 * What may stand in a text that is read here: line feeds, printable ASCII, and letters of Latin, Greek, Cyrillic and of East
 * Asia. No tab, no carriage return, nothing that some rule or other takes for white space or a line break.
 */
const unusual = /[^\n\x20-\x7e\u00a1-\u00ac\u00ae-\u052f\u3001-\u9fff\uac00-\ud7a3\uff01-\uffdc]/

/** Whether a text has only characters that are text wherever they stand. */
export function isUsual(text: string): boolean {
  return !unusual.test(text)
}

const escapes: Readonly<Record<string, string>> = { n: '\n', '"': '"', '\\': '\\', '/': '/' }

/** The value of a double-quoted text on one line, quotes included; undefined when an escape in it is a rare one. */
export function doubleQuoted(source: string): string | undefined {
  const inner = source.slice(1, -1)
  if (!inner.includes('\\')) return inner
  let value = ''
  for (let at = 0; at < inner.length; at++) {
    const char = inner.charAt(at)
    const meant = char === '\\' ? escapes[inner.charAt(++at)] : char
    if (meant === undefined) return undefined
    value += meant
  }
  return value
}

/** Words that are no text in YAML 1.2, or that others take for no text: in any case but the usual one they are left to the library. */
const words = /^(?:null|true|false|y|n|yes|no|on|off)$/i
const noTexts = /^(?:null|true|false)$/i
const number = /^-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?$/
/** Anything the core schema might take for a number: https://yaml.org/spec/1.2.2/#103-core-schema. */
const numberLike = /^-?(?:[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?|0o[0-7]+|0x[0-9a-fA-F]+)$/

/**
 * What a plain text of one line stands for; undefined when that is not sure. It begins with a letter, a digit, `_`, `/` or `-`
 * in front of a letter or digit: what else a plain text can begin with is left to the library.
 */
export function plainValue(source: string): string | number | boolean | null | undefined {
  const first = source.charCodeAt(0)
  if (first === 0x2d || (first >= 0x30 && first <= 0x39)) {
    if (number.test(source)) return source === '-0' ? undefined : Number(source)
    return numberLike.test(source) ? undefined : source
  }
  if (source.length > 5 || !words.test(source)) return source
  if (source === 'true') return true
  if (source === 'false') return false
  return source === 'null' ? null : undefined
}

/** A plain key as text, which it is whatever it looks like; undefined when it is none or would be written in another way. */
export function plainKey(source: string): string | undefined {
  const first = source.charCodeAt(0)
  if (first !== 0x2d && (first < 0x30 || first > 0x39)) return noTexts.test(source) ? undefined : source
  const value = plainValue(source)
  return value !== undefined && String(value) === source ? source : undefined
}
