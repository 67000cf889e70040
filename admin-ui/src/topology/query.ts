import { type Health, healthOf } from '../parts/health.ts'
import { type GraphEdge, type GraphNode, percentile, type Traffic } from './model.ts'

/** What is looked for in a topology: one of the alternatives, of which every term holds. No alternative: nothing. */
export type Query = readonly (readonly Term[])[]

/** A term says nothing of what has no such property: that is then found by neither it nor its opposite. */
interface Term {
  readonly not: boolean
  readonly node?: (node: GraphNode) => boolean
  readonly edge?: (edge: GraphEdge) => boolean
}

/** Words that stand for themselves, in the order they are offered. */
export const STATES = ['failing', 'degraded', 'healthy', 'idle'] as const

const TEXTS = {
  name: ({ name }) => name,
  ns: ({ namespace }) => namespace,
  kind: ({ kind }) => kind,
  policy: ({ policies }) => policies.join(' '),
} as const satisfies Readonly<Record<string, (node: GraphNode) => string>>

/** Requests in a second, and the failed ones in a hundred; nothing of what gets no requests. */
const NUMBERS = {
  rate: (traffic) => traffic?.rate ?? 0,
  failed: (traffic) => (traffic && traffic.requests > 0 ? (traffic.failed / traffic.requests) * 100 : 0),
} as const satisfies Readonly<Record<string, (traffic: Traffic | undefined) => number>>

/** Times, ms, that only calls have. */
const TIMES = ['p50', 'p95', 'p99'] as const

const COMPARE: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '>': (a, b) => a > b,
  '<': (a, b) => a < b,
  '>=': (a, b) => a >= b,
  '<=': (a, b) => a <= b,
}

/**
 * Reads a query: words that stand in a name, `ns:shop`, `kind:gateway`, `policy:fault`, `rate>10`, `failed>=1`, `p99>250`, the words of `STATES`, each with `!`
 * before it for its opposite; `or` between alternatives.
 * @returns the word that is wrong where there is one
 */
export function parseQuery(text: string): { readonly query: Query } | { readonly wrong: string } {
  const query: Term[][] = [[]]
  for (const word of text.toLowerCase().split(/\s+/).filter(Boolean)) {
    if (word === 'or') {
      query.push([])
      continue
    }
    const term = termOf(word)
    if (!term) return { wrong: word }
    query.at(-1)!.push(term)
  }
  return { query: query.filter((terms) => terms.length > 0) }
}

export function findsNode(query: Query, node: GraphNode): boolean {
  return query.some((terms) => terms.every(({ not, node: holds }) => holds !== undefined && holds(node) !== not))
}

export function findsEdge(query: Query, edge: GraphEdge): boolean {
  return query.some((terms) => terms.every(({ not, edge: holds }) => holds !== undefined && holds(edge) !== not))
}

function termOf(written: string): Term | undefined {
  const not = written.startsWith('!')
  const word = not ? written.slice(1) : written
  if (isState(word)) {
    const holds = ({ traffic }: { readonly traffic?: Traffic }) => healthOf(traffic) === word
    return { not, node: holds, edge: holds }
  }
  const compared = /^(\w+)(>=|<=|>|<)(\d+(?:\.\d+)?)(?:%|ms)?$/.exec(word)
  if (compared) {
    const [, name = '', sign = '', number] = compared
    const time = TIMES.find((one) => one === name)
    if (time)
      return {
        not,
        edge: ({ traffic }) => {
          const ms = percentile(time, traffic)
          return ms !== undefined && COMPARE[sign]!(ms, Number(number))
        },
      }
    if (!isKey(NUMBERS, name)) return undefined
    const holds = ({ traffic }: { readonly traffic?: Traffic }) =>
      COMPARE[sign]!(NUMBERS[name](traffic), Number(number))
    return { not, node: holds, edge: holds }
  }
  const named = /^(\w+):(.+)$/.exec(word)
  if (named) {
    const [, name = '', value = ''] = named
    if (!isKey(TEXTS, name)) return undefined
    return { not, node: (node) => TEXTS[name](node).toLowerCase().includes(value) }
  }
  return /^[\w.*/-]+$/.test(word) ? { not, node: ({ name }) => name.toLowerCase().includes(word) } : undefined
}

function isState(word: string): word is Health {
  return (STATES as readonly string[]).includes(word)
}

function isKey<T extends object>(table: T, name: string): name is Extract<keyof T, string> {
  return Object.hasOwn(table, name)
}
