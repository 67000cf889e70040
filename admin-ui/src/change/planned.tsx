import { Alert, Card, Stack, Title } from '@mantine/core'
import { IconAlertTriangle } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import type { Plan } from '../api/schema.ts'
import { DiagnosticItem } from '../parts/diagnostic.tsx'
import { FileDiffs } from '../parts/diff.tsx'
import { Impact } from './impact.tsx'
import { MeaningList } from './meaning-list.tsx'

const MOST_ERRORS = 20

/** What a plan says: its meaning, errors it would bring, whom it hits, what is written. Paler while the next one is made. */
export function Planned({ plan, pending }: { readonly plan: Plan; readonly pending: boolean }) {
  const { t } = useTranslation('change')
  return (
    <div style={{ opacity: pending ? 0.6 : 1 }} data-planned={pending ? undefined : plan.plan}>
      <Stack gap="lg">
        <Card withBorder>
          <Title order={2} mb="sm">
            {t('section.meaning')}
          </Title>
          <MeaningList meaning={plan.meaning} />
        </Card>
        {plan.newErrors.length > 0 && (
          <Alert
            color="red"
            variant="light"
            icon={<IconAlertTriangle />}
            title={t('newErrors', { count: plan.newErrors.length })}
            role="alert"
          >
            <Stack gap="sm">
              {plan.newErrors.slice(0, MOST_ERRORS).map((one) => (
                <DiagnosticItem key={JSON.stringify(one)} diagnostic={one} />
              ))}
            </Stack>
          </Alert>
        )}
        <Card withBorder>
          <Title order={2} mb="sm">
            {t('section.impact')}
          </Title>
          <Impact plan={plan} />
        </Card>
        <section>
          <Title order={2} mb="sm">
            {t('section.diff')}
          </Title>
          <FileDiffs files={plan.files} />
        </section>
      </Stack>
    </div>
  )
}
