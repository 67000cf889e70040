import { Stack } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { Balancing } from './balancing-editor.tsx'
import { Breaker } from './breaker-editor.tsx'
import type { LayoutProps } from './layout-context.ts'
import { ObjectForm } from './object-form.tsx'
import { Section } from './section.tsx'

/** What happens to traffic after routing: circuit breaking, load balancing, and the rest. */
export function PolicyEditor({ path, schema, value }: LayoutProps) {
  const { t } = useTranslation('editor')
  return (
    <Stack gap={0}>
      <Breaker path={path} schema={schema} value={value} />
      <Balancing path={path} schema={schema} value={value} />
      <Section title={t('section.more')} field="…">
        <ObjectForm
          path={path}
          schema={schema}
          value={value}
          except={['connectionPool', 'outlierDetection', 'loadBalancer']}
        />
      </Section>
    </Stack>
  )
}
