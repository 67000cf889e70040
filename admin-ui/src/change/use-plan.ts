import { useEffect, useMemo, useRef, useState } from 'react'
import { api, ask } from '../api/client.ts'
import { ApiProblem } from '../api/problem.ts'
import type { Conflict, Plan } from '../api/schema.ts'

export interface SentFile {
  readonly file: string
  readonly text?: string
  readonly delete?: true
}

export interface PlanState {
  /** Of the newest change set that was answered. */
  readonly plan: Plan | undefined
  /** Files that somebody else changed since the base. */
  readonly conflict: Conflict | undefined
  readonly error: unknown
  /** The plan is that of an older change set, or none is there yet. */
  readonly pending: boolean
}

const WAIT_MS = 300
/** After so long one asks again where nobody answered. */
const AGAIN_MS = 3_000

/** Whether an error says nothing of what was asked: nobody answered, or a control plane that could not. */
const isUnanswered = (error: unknown): boolean =>
  error !== undefined && !(error instanceof ApiProblem && error.status >= 400 && error.status < 500)

/** The files of a conflict, when that is what an answer says. */
export function conflictOf(error: unknown): Conflict | undefined {
  if (!(error instanceof ApiProblem) || error.status !== 409 || error.code !== 'CONFLICT') return undefined
  const { body } = error
  return typeof body === 'object' && body !== null && 'conflicts' in body ? (body as Conflict) : undefined
}

/**
 * What a change set would do, asked again a moment after it changed (`undefined`: nothing to ask). The one before is given up. `again` asks anew
 * for the same change set, which also happens by itself as long as nobody answers.
 */
export function usePlan(
  changes: readonly SentFile[] | undefined,
  base: number,
  again: unknown = 0,
  waitMs: number = WAIT_MS,
): PlanState {
  const [state, setState] = useState<Omit<PlanState, 'pending'> & { readonly key: string }>({
    plan: undefined,
    conflict: undefined,
    error: undefined,
    key: '',
  })
  const [unanswered, setUnanswered] = useState(0)
  const key = useMemo(
    () => (changes === undefined ? '' : JSON.stringify([base, again, unanswered, changes])),
    [base, again, unanswered, changes],
  )
  useEffect(() => {
    if (!isUnanswered(state.error)) return
    const timer = setTimeout(() => setUnanswered((count) => count + 1), AGAIN_MS)
    return () => clearTimeout(timer)
  }, [state])
  const latest = useRef(changes)
  latest.current = changes
  useEffect(() => {
    const sent = latest.current
    if (key === '' || sent === undefined)
      return setState({ plan: undefined, conflict: undefined, error: undefined, key })
    const stop = new AbortController()
    const timer = setTimeout(async () => {
      try {
        const body = { base, changes: sent.map((one) => ({ ...one })) }
        const plan = await ask(api.POST('/api/v1/plan', { body, signal: stop.signal }))
        setState({ plan, conflict: undefined, error: undefined, key })
      } catch (error) {
        if (stop.signal.aborted) return
        const conflict = conflictOf(error)
        setState((before) => ({ plan: before.plan, conflict, error: conflict ? undefined : error, key }))
      }
    }, waitMs)
    return () => {
      clearTimeout(timer)
      stop.abort()
    }
  }, [key, base, waitMs])
  return { plan: state.plan, conflict: state.conflict, error: state.error, pending: state.key !== key }
}
