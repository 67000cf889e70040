import type { FractionalPercent } from '../../proto/gen/envoy/type/v3/percent_pb.ts'
import type { Origin } from '../config/object.ts'
import type { Wording } from './wording.ts'

/** A place in a document that decided a step. */
export interface Place {
  readonly document: string
  readonly file: string
  readonly line: number
  readonly column: number
}

/**
 * One step of a request's way: `listener`, `virtual-host`, `route`, `fault`, `mirror`, `cluster`, `endpoints`, or why it ends; `hidden` is
 * what it does not take, because the proxy does not see it.
 */
export interface Step {
  readonly step: 'listener' | 'virtual-host' | 'hidden' | 'route' | 'fault' | 'mirror' | 'cluster' | 'endpoints' | 'end'
  readonly name: string
  /** What happens here, in words; `detail` is the English of `text`. */
  readonly detail: string
  readonly text: Wording
  /** Share of requests that take this way, 0 to 1. */
  readonly share?: number
  readonly places: readonly Place[]
}

export interface Explanation {
  readonly steps: readonly Step[]
  /** Whether the way ends at endpoints, an answer the proxy gives itself, or nowhere. */
  readonly outcome: 'endpoints' | 'answer' | 'none'
  /**
   * Whether a part of the requests at least comes to endpoints, or to an answer that a document gives. Not so where the proxy refuses a host
   * or a destination because nobody declares it, or because it does not see it.
   */
  readonly found: boolean
}

/** Where origins stand now, each place once. */
export function places(origins: readonly Origin[]): readonly Place[] {
  const found = new Map<string, Place>()
  for (const { object, path } of origins) {
    const { file, line, column } = object.source.locate(path)
    found.set(`${file}:${line}:${column}`, { document: object.key, file, line, column })
  }
  return [...found.values()]
}

/** A share of 1, for people. */
export function percent(share: number): string {
  return `${Number((share * 100).toFixed(2))} %`
}

/** `FractionalPercent` as a share of 1; all when nothing is said. */
export function shareOf(fraction: FractionalPercent | undefined): number {
  return fraction ? fraction.numerator / [100, 10_000, 1_000_000][fraction.denominator]! : 1
}

/** What a step says, in both languages. */
export function said(text: Wording): Pick<Step, 'detail' | 'text'> {
  return { detail: text.en, text }
}

/** The way ends with an answer of the proxy itself; `found`: whether a document says so. */
export function answer(steps: Step[], text: Wording, found = true): Explanation {
  steps.push({ step: 'end', name: 'answer', ...said(text), places: [] })
  return { steps, outcome: 'answer', found }
}

/** The way ends nowhere. */
export function end(steps: Step[], text: Wording): Explanation {
  steps.push({ step: 'end', name: 'nowhere', ...said(text), places: [] })
  return { steps, outcome: 'none', found: false }
}
