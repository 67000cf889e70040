import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Plan } from '../api/schema.ts'
import { useMayNot } from '../parts/may-edit.ts'
import { dangerousNames } from './blast-radius.ts'

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

/** The reason for a change and, where much hangs on it, the names typed again. */
export function useApproval(plan: Plan | undefined): Approval {
  const { t } = useTranslation('change')
  const mayNot = useMayNot()
  const [reason, setReason] = useState('')
  const [typed, setTyped] = useState('')
  const broken = plan !== undefined && plan.newErrors.length > 0
  // What has errors cannot be applied: there is nothing to confirm.
  const names = plan && !broken ? dangerousNames(plan.meaning) : []
  const confirmed = names.every((name) => typed.split(/[\s,]+/).includes(name))
  const next = mayNot !== undefined ? undefined : reason.trim() === '' ? 'reason' : confirmed ? undefined : 'names'
  const missing =
    mayNot ??
    (broken
      ? t('apply.errors')
      : next === 'reason'
        ? t('apply.reasonNeeded')
        : next === 'names'
          ? t('apply.confirmNeeded')
          : undefined)
  return { reason, setReason, names, typed, setTyped, next, missing }
}
