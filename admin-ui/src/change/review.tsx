import { Stack } from '@mantine/core'
import { useMemo, useState } from 'react'
import { ProblemAlert } from '../parts/problem.tsx'
import { ApplyCard } from './apply-card.tsx'
import { ConflictPanel } from './conflict-panel.tsx'
import { type Draft, sentFile } from './drafts.ts'
import { Planned } from './planned.tsx'
import { useApply } from './use-apply.ts'
import { useApproval } from './use-approval.ts'
import { drafts } from './use-drafts.ts'
import { conflictOf, usePlan } from './use-plan.ts'

/** What chosen drafts do, whom they hit, and the step that writes them. */
export function Review({
  chosen,
  onApplied,
}: {
  readonly chosen: readonly Draft[]
  readonly onApplied: (revision: number) => void
}) {
  const changes = useMemo(() => chosen.map(sentFile), [chosen])
  // The oldest base: whatever changed in one of the files since then is a conflict.
  const base = Math.min(...chosen.map((one) => one.base))
  const [round, setRound] = useState(0)
  const replan = () => setRound((now) => now + 1)
  const planning = usePlan(changes, base, round, 0)
  const { plan, error, pending } = planning
  const approval = useApproval(plan)
  const { reason, missing } = approval
  const applying = useApply({ planning, changes, base, reason, missing, replan, onApplied })
  const { failure, forget } = applying
  const conflict = planning.conflict ?? conflictOf(failure)
  return (
    <Stack gap="lg">
      {conflict?.conflicts?.map(({ file, theirs }) => {
        const draft = chosen.find((one) => one.file === file)
        return (
          draft && (
            <ConflictPanel
              key={file}
              draft={draft}
              theirs={theirs}
              revision={conflict.revision ?? base}
              onResolved={(next) => {
                drafts.put(next)
                forget()
                replan()
              }}
            />
          )
        )
      })}
      {error !== undefined && <ProblemAlert error={error} retry={replan} />}
      {failure !== undefined && !conflictOf(failure) && <ProblemAlert error={failure} />}
      {plan && <Planned plan={plan} pending={pending} />}
      <ApplyCard files={chosen.length} planning={planning} approval={approval} applying={applying} />
    </Stack>
  )
}
