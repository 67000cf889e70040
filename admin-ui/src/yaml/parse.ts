import type { CST, Document } from 'yaml'
import { Composer, Parser } from 'yaml'
import { treeOf } from './build.ts'
import type { Segment } from './documents.ts'
import { Refusal } from './errors.ts'
import type { Collection, Tree } from './tree.ts'

/** Longest text (UTF-16 units) and deepest nesting that is read: twice what Kubernetes stores, and far above what people write. */
export const limits = { length: 4 * 1024 * 1024, depth: 200 } as const

/** One document of a segment. Offsets in `root` count from the segment's start. */
export interface Parsed {
  readonly root: Tree
  /** End of the `---` line's marker, when there is one. */
  readonly marker: number | undefined
}

/** Ends the composing; what was wrong stands in the composer's `first`. */
class Stop extends Error {}

/**
 * Parses one segment's text. Any error refuses it: a text that is not understood is not edited.
 * @throws Refusal `SYNTAX`, `TOO_LARGE`, `TOO_DEEP`, `CIRCULAR`, with the offset in `text`
 */
export function parseSegment(text: string, count: Segment['count']): Parsed[] {
  if (text.length > limits.length)
    throw new Refusal('TOO_LARGE', `more than ${limits.length} characters`, limits.length)
  const tokens: CST.Token[] = []
  for (const token of new Parser().parse(text)) {
    checkDepth(token)
    tokens.push(token)
  }
  const starts = tokens.filter((token): token is CST.Document => token.type === 'document')
  const { composer, first } = failFast()
  let documents: Document.Parsed[]
  try {
    documents = [...composer.compose(tokens, false, text.length)]
  } catch (error) {
    if (!(error instanceof Stop)) throw error
    throw new Refusal('SYNTAX', first.message ?? 'not readable', first.offset ?? 0)
  }
  const broken = documents.flatMap((document) => document.errors)[0] ?? composer.streamInfo().errors[0]
  if (broken) throw new Refusal('SYNTAX', broken.message, broken.pos[0])
  if (count === 0 && documents.length === 0)
    return [{ root: treeOf(text, undefined, undefined, text.length), marker: undefined }]
  if (documents.length !== count || starts.length !== count) {
    throw new Refusal('SYNTAX', `expected ${count} documents, found ${documents.length}`, 0)
  }
  return documents.map((document, i) => {
    const token = starts[i]!
    const mark = token.start.find((part) => part.type === 'doc-start')
    const marker = mark ? mark.offset + mark.source.length : undefined
    const root = treeOf(text, document, token, marker ?? token.offset)
    checkKeys(root)
    return { root, marker }
  })
}

/**
 * A composer that stops at the first error: collecting a million of them from a broken text takes many seconds. It does not look for
 * duplicate keys, which costs the square of their number; `checkKeys` does.
 */
function failFast(): { composer: Composer; first: { message?: string; offset?: number } } {
  const composer = new Composer({
    keepSourceTokens: true,
    merge: true,
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
  })
  const first: { message?: string; offset?: number } = {}
  const inner = composer as unknown as {
    onError: (source: unknown, code: string, message: string, warning?: boolean) => void
  }
  inner.onError = (source, _code, message, warning) => {
    if (warning) return
    // The composer catches what is thrown on every level and reports it again with a place further up: the first report counts.
    first.message ??= message
    first.offset ??= offsetOf(source)
    throw new Stop()
  }
  return { composer, first }
}

function offsetOf(source: unknown): number {
  if (typeof source === 'number') return source
  if (Array.isArray(source)) return Number(source[0])
  const at = source as { offset: number; range?: readonly number[] }
  return at.range?.[0] ?? at.offset
}

function checkDepth(token: CST.Token): void {
  const stack: { token: CST.Token; depth: number }[] = [{ token, depth: 0 }]
  for (let next = stack.pop(); next; next = stack.pop()) {
    const { token: at, depth } = next
    if (depth > limits.depth) throw new Refusal('TOO_DEEP', `more than ${limits.depth} levels`, at.offset)
    if (at.type === 'document' && at.value) stack.push({ token: at.value, depth })
    if (at.type !== 'block-map' && at.type !== 'block-seq' && at.type !== 'flow-collection') continue
    for (const item of at.items) {
      if (item.key) stack.push({ token: item.key, depth: depth + 1 })
      if (item.value) stack.push({ token: item.value, depth: depth + 1 })
    }
  }
}

function checkKeys(tree: Tree): void {
  if (tree.kind !== 'map' && tree.kind !== 'seq') return
  if (tree.kind === 'map') checkOwnKeys(tree)
  for (const slot of tree.slots) checkKeys(slot.value)
}

/** Also refuses `8080` beside `"8080"`: two entries in YAML, one in JavaScript, so that one of them could get lost. */
function checkOwnKeys(map: Collection): void {
  const seen = new Set<string>()
  for (const slot of map.slots) {
    const name = slot.merge ? ' <<' : slot.key!
    if (seen.has(name))
      throw new Refusal('SYNTAX', `the key ${JSON.stringify(slot.key)} stands twice in this map`, slot.start)
    seen.add(name)
  }
}
