import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useEffectEvent, useState } from 'react'
import { api, ask } from '../api/client.ts'
import { ApiProblem } from '../api/problem.ts'
import type { PlanState, SentFile } from './use-plan.ts'
import { answerTo, meaningOf, type Wish } from './wish.ts'

/** Each time the mesh moved on between a plan and its use: after so many in a row a person shall decide. */
const MOST_PLANS = 5

export interface ApplyOptions {
  readonly planning: PlanState
  readonly changes: readonly SentFile[]
  readonly base: number
  readonly reason: string
  /** What is missing beside the plan; nothing is applied while there is something. */
  readonly missing: string | undefined
  /** Makes the plan anew. */
  readonly replan: () => void
  readonly onApplied: (revision: number) => void
}

export interface Apply {
  /** Applies the plan, or remembers the wish until the plan stands. */
  readonly apply: () => void
  /** It is being applied. */
  readonly busy: boolean
  /** It will be applied as soon as the plan stands. */
  readonly wished: boolean
  /** The plan that came is not the one that was looked at. */
  readonly asking: boolean
  readonly failure: unknown
  /** Gives up a wish, a question and a failure. */
  readonly forget: () => void
}

/** Applies a plan. A wish that comes while it is being made is kept, and holds if the plan says what the person saw. */
export function useApply({ planning, changes, base, reason, missing, replan, onApplied }: ApplyOptions): Apply {
  const client = useQueryClient()
  const [wish, setWish] = useState<(Wish & { readonly tries: number }) | undefined>(undefined)
  const [asking, setAsking] = useState(false)
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState<unknown>(undefined)
  const { plan, pending } = planning
  const failed = planning.error !== undefined || planning.conflict !== undefined
  const seen = plan && meaningOf(plan)

  const send = async (tries: number) => {
    if (!plan || busy) return
    setBusy(true)
    setFailure(undefined)
    setAsking(false)
    try {
      const body = { plan: plan.plan, base, changes: changes.map((one) => ({ ...one })), reason: reason.trim() }
      const { id } = await ask(api.POST('/api/v1/apply', { body }))
      for (const queryKey of [['documents'], ['rules'], ['revisions']]) void client.invalidateQueries({ queryKey })
      onApplied(id)
    } catch (problem) {
      const stale = problem instanceof ApiProblem && problem.status === 409
      // What was planned is no longer what would happen: look again, and go on if it means the same.
      if (stale && problem.code === 'PLAN_STALE' && tries < MOST_PLANS) setWish({ seen, tries: tries + 1 })
      else setFailure(problem)
      if (stale) replan()
    } finally {
      setBusy(false)
    }
  }
  const answer = wish && !busy ? answerTo(wish, { plan, pending, failed }) : 'wait'
  const answered = useEffectEvent(() => {
    if (!wish || answer === 'wait') return
    setWish(undefined)
    if (answer === 'ask') setAsking(true)
    if (answer === 'apply' && missing === undefined) void send(wish.tries)
  })
  useEffect(() => {
    if (answer !== 'wait') answered()
  }, [answer])

  return {
    apply() {
      if (missing !== undefined || busy || wish) return
      if (pending) setWish({ seen, tries: 0 })
      else if (plan && !failed) void send(0)
    },
    ...{ busy, asking, failure, wished: wish !== undefined },
    forget() {
      setWish(undefined)
      setAsking(false)
      setFailure(undefined)
    },
  }
}
