import type { Path } from '../diagnostics/diagnostic.ts'

const MAX_DEPTH = 200
const MAX_VALUES = 2_000_000

/**
 * Whether a value is too deep or too large to be checked. Shared parts (YAML aliases) count as often as they are used, because that
 * is how often a checker would visit them.
 */
export function sizeProblem(value: unknown): { readonly path: Path; readonly message: string } | undefined {
  let values = 0
  const stack: { readonly value: unknown; readonly path: Path | undefined; readonly depth: number }[] = [
    { value, path: [], depth: 0 },
  ]
  while (stack.length > 0) {
    const { value: node, path, depth } = stack.pop()!
    if (typeof node !== 'object' || node === null) continue
    if (depth > MAX_DEPTH) return { path: path ?? [], message: `the document is nested more than ${MAX_DEPTH} deep` }
    const entries: [string | number, unknown][] = Array.isArray(node)
      ? node.map((item, index) => [index, item])
      : Object.entries(node)
    values += entries.length
    if (values > MAX_VALUES) return { path: [], message: `the document has more than ${MAX_VALUES} values` }
    for (const [key, child] of entries) {
      // Paths of the first levels are enough to find the place.
      if (typeof child === 'object' && child !== null)
        stack.push({ value: child, path: depth < 8 ? [...(path ?? []), key] : path, depth: depth + 1 })
    }
  }
  return undefined
}
