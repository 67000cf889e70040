import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Plan } from '../api/schema.ts'
import { useMayNot } from '../parts/may-edit.ts'
import { approvalOf, type Missing } from './approval.ts'

/** What a person says to a plan before it is applied. */
export interface Approval {
  readonly reason: string
  readonly setReason: (reason: string) => void
  /** To be typed, because much hangs on them; none for most plans. */
  readonly names: readonly string[]
  /** What was typed in their place. */
  readonly typed: string
  readonly setTyped: (typed: string) => void
  /** The field to fill next; undefined where none is left, or none would help. */
  readonly next: 'reason' | 'names' | undefined
  /** Why the plan cannot be applied, in words. */
  readonly missing: string | undefined
}

const WORDS = {
  errors: 'apply.errors',
  reason: 'apply.reasonNeeded',
  names: 'apply.confirmNeeded',
} as const satisfies Record<Missing, string>

/** The reason for a change and, where much hangs on it, the names typed again. */
export function useApproval(plan: Plan | undefined): Approval {
  const { t } = useTranslation('change')
  const mayNot = useMayNot()
  const [reason, setReason] = useState('')
  const [typed, setTyped] = useState('')
  const { names, next, missing: what } = approvalOf(plan, { reason, typed, barred: mayNot !== undefined })
  const missing = mayNot ?? (what && t(WORDS[what]))
  return { reason, setReason, names, typed, setTyped, next, missing }
}
