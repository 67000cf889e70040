import type { YAMLError } from 'yaml'
import type { Problem } from './problem.ts'

/** What is open at a place of the text, for messages that say where a bracket or quote began. */
export interface OpenMarks {
  /** Offsets of brackets that were never closed, outermost first. */
  readonly brackets: readonly number[]
  /** Offset of the first quoted text without its closing quote, else of the last; -1 if there was none. */
  readonly quote: number
  /** That text ends because a line of it is not indented, not with the document. */
  readonly cut: boolean
}

/**
 * A parser's error in words a person can act on: what is wrong and what to do. Codes and texts are those of `yaml` 2.9;
 * one that is not listed is passed on as the library wrote it.
 */
export function explainSyntax(text: string, error: YAMLError, open: OpenMarks): Problem {
  const offset = Math.min(Math.max(error.pos[0], 0), text.length)
  const conflict = /^(?:<{7}|={7}|>{7})(?: |\r?$)/m.exec(text)
  if (conflict) {
    return say(conflict.index, 'a merge conflict was left in the file', 'Choose one side and remove the marker lines.')
  }
  const explained = byCode(text, error, offset, open)
  const template = lineAt(text, offset).includes('{{')
  return template
    ? { ...explained, hint: 'This looks like a template ({{ … }}) that was not filled in: render it first.' }
    : explained
}

function say(offset: number, message: string, hint: string): Problem {
  return { code: 'SOURCE_YAML_SYNTAX', offset, message, hint }
}

function byCode(text: string, error: YAMLError, offset: number, open: OpenMarks): Problem {
  const raw = error.message
  switch (error.code) {
    case 'TAB_AS_INDENT':
      return say(offset, 'a tab is used for indentation', 'Use spaces; YAML allows no tabs there.')
    case 'BAD_INDENT':
      if (raw.startsWith('Flow ')) return unclosed(offset, open)
      return say(
        offset + (/^ */.exec(text.slice(offset))?.[0].length ?? 0),
        raw.includes('sequence')
          ? 'this list item is not in the column of the others'
          : 'this key is not in the column of the keys around it',
        'Indent it like its siblings, with spaces.',
      )
    case 'BLOCK_AS_IMPLICIT_KEY':
      return say(
        offset,
        'a second "key:" on one line',
        'Put quotes around a value that holds ": ", or write the inner mapping on the next line, indented.',
      )
    case 'BAD_SCALAR_START':
      return say(offset, `a plain value cannot start with ${text.charAt(offset)}`, 'Put the value in quotes.')
    case 'BAD_DQ_ESCAPE':
      return say(
        offset,
        `${raw.replace('Invalid', 'invalid')} in double quotes`,
        'Write the backslash twice, or use single quotes.',
      )
    case 'BAD_ALIAS':
      return {
        ...say(
          offset,
          'a star without a name of an anchor',
          'Put quotes around the value: "*" means an alias in YAML.',
        ),
        code: 'SOURCE_ANCHOR',
      }
    case 'MULTILINE_IMPLICIT_KEY':
      return text.charAt(offset) === '-'
        ? say(offset, 'a list item among the keys of a mapping', 'Indent the list below the key it belongs to.')
        : say(
            offset,
            'a key runs over several lines',
            'A ":" after the key may be missing, or the next line is not indented.',
          )
    case 'MULTIPLE_ANCHORS':
      return say(offset, 'a value can have one anchor only', 'Remove one of the two.')
    case 'MULTIPLE_TAGS':
      return say(offset, 'a value can have one tag only', 'Remove one of the two.')
    case 'BLOCK_IN_FLOW':
      return say(
        offset,
        'an indented list or mapping inside brackets',
        'Close the bracket first, or write the inner one in brackets too.',
      )
    case 'MISSING_CHAR':
      return missingCharacter(raw, offset, open)
    case 'UNEXPECTED_TOKEN':
      return unexpected(text, raw, offset)
    case 'RESOURCE_EXHAUSTION':
      return { ...say(offset, 'the document is nested too deeply', 'Flatten it.'), code: 'SOURCE_TOO_DEEP' }
    default:
      return say(offset, raw.charAt(0).toLowerCase() + raw.slice(1), 'Correct the text here.')
  }
}

function missingCharacter(raw: string, offset: number, open: OpenMarks): Problem {
  if (raw.includes('quote')) {
    const at = Math.max(open.quote, 0)
    return open.cut
      ? say(
          at,
          'this quote is not closed before a line that is not indented',
          'Add the closing quote, or indent all lines of the text further than its key.',
        )
      : say(at, 'this quote is never closed', 'Add the closing quote at the end of the value.')
  }
  if (raw.startsWith('Implicit map keys')) {
    return say(
      offset,
      'a key without ":"',
      'Write "key: value", with a space after the colon. A text over several lines needs | or quotes.',
    )
  }
  if (raw.startsWith('Missing , '))
    return say(offset, 'a comma is missing before this', 'Separate the items with commas.')
  if (raw.startsWith('Comments must'))
    return say(offset, 'a comment needs a space before #', 'Add the space, or put the value in quotes.')
  if (raw.startsWith('Missing directives-end'))
    return say(offset, 'a % line must be followed by ---', 'Add a line --- below it, or remove it.')
  if (/must be sufficiently indented|expected flow/i.test(raw) || open.brackets.length > 0)
    return unclosed(offset, open)
  return say(offset, raw.charAt(0).toLowerCase() + raw.slice(1), 'Add it here.')
}

function unclosed(offset: number, open: OpenMarks): Problem {
  const from = open.brackets.at(-1)
  return say(
    from ?? offset,
    'this bracket is not closed, or what follows it is not indented',
    'Add the closing bracket.',
  )
}

function unexpected(text: string, raw: string, offset: number): Problem {
  const rest = text.slice(offset).split(/\r?\n/, 1)[0] ?? ''
  const shown = rest.length > 40 ? `${rest.slice(0, 40)}…` : rest
  const line = lineAt(text, offset).slice(0, Math.max(0, offset - lineStart(text, offset)))
  if (/['"]\s*$/.test(line)) {
    return say(
      offset,
      `text after the closing quote: ${shown}`,
      "Quote the whole value; inside single quotes write ' twice.",
    )
  }
  if (/^[\]}]/.test(rest))
    return say(offset, `a closing ${rest.charAt(0)} without its opening one`, 'Remove it or add the opening bracket.')
  if (raw.startsWith('Block scalar header')) {
    return say(
      offset,
      'text on the line of | or >',
      'Start the text on the next line, indented; quote a value that begins with > or |.',
    )
  }
  if (/^[{[]/.test(rest)) return say(offset, 'a second value after the first', 'Separate documents with a line ---.')
  return say(
    offset,
    shown ? `this does not belong here: ${shown}` : 'the document ends too early',
    'Check the indentation and the lines above.',
  )
}

function lineStart(text: string, offset: number): number {
  return offset === 0 ? 0 : text.lastIndexOf('\n', offset - 1) + 1
}

function lineAt(text: string, offset: number): string {
  const end = text.indexOf('\n', offset)
  return text.slice(lineStart(text, offset), end < 0 ? text.length : end)
}
