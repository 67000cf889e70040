import { startTransition, useCallback, useEffect, useRef, useState } from 'react'
import { flushSync } from 'react-dom'

/** The shortest rest after a key before the page follows, ms. */
const REST_MS = 150
const LONGEST_REST_MS = 1_000
/** So many times what following costs is waited: of a large file, a page that follows takes a quarter of the time at most. */
const REST_FACTOR = 3

export interface SettledText {
  /** What the page shows the form, the problems and the plan of. Behind the editor while somebody types. */
  readonly text: string
  /** Somebody typed: the page follows when they rest. */
  readonly typed: () => void
  /** A form changed the text: the page follows at once. */
  readonly changed: () => void
  /** Whether it will follow. */
  readonly isBehind: () => boolean
  /** Follows now, if it is behind. */
  readonly settle: () => void
}

/**
 * The text of an editor as the rest of the page knows it. What the page makes of a text (reading YAML, rendering a form) takes longer
 * the longer it is; a key must never wait for that.
 * @param read gives the text of the editor
 */
export function useSettledText(first: string, read: () => string): SettledText {
  const [text, setText] = useState(first)
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  const cost = useRef({ began: 0, ms: 0 })
  const reading = useRef(read)
  reading.current = read
  const follow = useCallback(() => {
    clearTimeout(timer.current)
    timer.current = undefined
    cost.current.began = performance.now()
    setText(reading.current())
  }, [])
  // biome-ignore lint/correctness/useExhaustiveDependencies: a text that was rendered is what is measured
  useEffect(() => {
    const { began } = cost.current
    if (began > 0) cost.current = { began: 0, ms: performance.now() - began }
  }, [text])
  useEffect(() => () => clearTimeout(timer.current), [])
  return {
    text,
    typed: useCallback(() => {
      clearTimeout(timer.current)
      const rest = Math.min(LONGEST_REST_MS, Math.max(REST_MS, REST_FACTOR * cost.current.ms))
      timer.current = setTimeout(() => startTransition(follow), rest)
    }, [follow]),
    changed: follow,
    isBehind: useCallback(() => timer.current !== undefined, []),
    settle: useCallback(() => {
      if (timer.current !== undefined) flushSync(follow)
    }, [follow]),
  }
}
