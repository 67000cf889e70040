import { Badge, Button, Paper, Stack, Tabs, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { Diagnostic } from '../api/schema.ts'
import { Impact } from '../change/impact.tsx'
import { MeaningList } from '../change/meaning-list.tsx'
import type { PlanState } from '../change/use-plan.ts'
import { DiagnosticItem } from '../parts/diagnostic.tsx'
import { FileDiffs } from '../parts/diff.tsx'
import { ProblemAlert } from '../parts/problem.tsx'
import classes from './editor.module.css'

/** The review has them all. */
const ELSEWHERE_SHOWN = 20

export interface FindingsProps {
  readonly tab: string
  readonly onTab: (tab: string) => void
  readonly found: readonly Diagnostic[]
  /** New ones in other files. */
  readonly elsewhere: readonly Diagnostic[]
  /** Whether the text is no YAML. */
  readonly broken: boolean
  readonly changed: boolean
  readonly planning: PlanState
  readonly onShow: (one: Diagnostic) => void
}

/** What is known of the text below it: complaints, what it changes, whom that hits. */
export function Findings({ tab, onTab, found, elsewhere, broken, changed, planning, onShow }: FindingsProps) {
  const { t } = useTranslation('editor')
  const { plan, error, pending } = planning
  const shown = changed ? plan : undefined
  const count = found.length + elsewhere.length
  return (
    <Paper withBorder>
      <Tabs value={tab} onChange={(next) => next && onTab(next)} keepMounted={false}>
        <Tabs.List>
          <Tabs.Tab value="problems" rightSection={count > 0 && <Badge size="xs">{count}</Badge>}>
            {t('tab.problems')}
          </Tabs.Tab>
          <Tabs.Tab value="diff">{t('tab.diff')}</Tabs.Tab>
          <Tabs.Tab value="impact" rightSection={plan && <Badge size="xs">{plan.proxies.length}</Badge>}>
            {t('tab.impact')}
          </Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="problems" p="md">
          {error !== undefined && <ProblemAlert error={error} />}
          {count === 0 && !broken && error === undefined && (
            <Text size="sm" c="dimmed">
              {changed && !plan ? t('plan.waiting') : t('problems.none')}
            </Text>
          )}
          <Stack gap="sm">
            {found.map((one) => (
              <div key={JSON.stringify(one)} className={classes['problem']}>
                <DiagnosticItem diagnostic={one} />
                <Button size="compact-xs" variant="subtle" onClick={() => onShow(one)}>
                  {t('problems.show')}
                </Button>
              </div>
            ))}
            {elsewhere.length > 0 && (
              <Stack gap="sm" data-elsewhere={elsewhere.length}>
                <Text size="sm" fw={600}>
                  {t('problems.elsewhere')}
                </Text>
                {elsewhere.slice(0, ELSEWHERE_SHOWN).map((one) => (
                  <DiagnosticItem key={JSON.stringify(one)} diagnostic={one} />
                ))}
                {elsewhere.length > ELSEWHERE_SHOWN && (
                  <Text size="sm" c="dimmed">
                    {t('problems.elsewhereMore', { count: elsewhere.length - ELSEWHERE_SHOWN })}
                  </Text>
                )}
              </Stack>
            )}
          </Stack>
        </Tabs.Panel>
        <Tabs.Panel value="diff" p="md">
          {error !== undefined && <ProblemAlert error={error} />}
          {shown ? (
            <Stack gap="sm" data-pending={pending || undefined}>
              <MeaningList meaning={shown.meaning} />
              <FileDiffs files={shown.files} />
            </Stack>
          ) : (
            <Text size="sm" c="dimmed">
              {changed ? t('plan.waiting') : t('plan.same')}
            </Text>
          )}
        </Tabs.Panel>
        <Tabs.Panel value="impact" p="md">
          {error !== undefined && <ProblemAlert error={error} />}
          {shown ? (
            <Impact plan={shown} />
          ) : (
            <Text size="sm" c="dimmed">
              {changed ? t('plan.waiting') : t('plan.same')}
            </Text>
          )}
        </Tabs.Panel>
      </Tabs>
    </Paper>
  )
}
