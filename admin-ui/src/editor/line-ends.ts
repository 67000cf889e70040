/** What a text has that an editor of lines does not keep: a byte order mark, and CRLF at the end of every line. */
export interface TextShape {
  readonly mark: boolean
  readonly crlf: boolean
}

const MARK = '\uFEFF'

/** A file's text as an editor takes it. A text that mixes line ends keeps each of them: then `\r` is an ordinary character. */
export function toEditor(text: string): { readonly text: string; readonly shape: TextShape } {
  const mark = text.startsWith(MARK)
  const body = mark ? text.slice(1) : text
  const crlf = body.includes('\r\n') && !/(^|[^\r])\n|\r(?!\n)/.test(body)
  return { text: crlf ? body.replaceAll('\r\n', '\n') : body, shape: { mark, crlf } }
}

/** The file's text of an editor's; with no edit in between it is the same, byte for byte. */
export function fromEditor(text: string, { mark, crlf }: TextShape): string {
  return (mark ? MARK : '') + (crlf ? text.replaceAll('\n', '\r\n') : text)
}
