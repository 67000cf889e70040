import { Alert, Anchor, Group, Stack, Text } from '@mantine/core'
import { IconInfoCircle } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { keptFields } from '../../forms/fields.ts'
import { readMap, schemaAt, writtenKey } from '../../forms/schema.ts'
import { formatPath } from '../../yaml/index.ts'
import classes from './form.module.css'
import { useForm } from './form-context.tsx'
import { FrameTrial } from './frame-trial.tsx'
import { LayoutProvider } from './layout-context.ts'
import { LAYOUTS } from './layouts.ts'
import { ObjectForm } from './object-form.tsx'
import { Section } from './section.tsx'

const HEAD = ['apiVersion', 'kind', 'metadata', 'spec']

/** A whole document as a form. */
export function DocumentForm() {
  const { t } = useTranslation('editor')
  const { kind, value, schema } = useForm()
  const metadata = schemaAt(schema, ['metadata'])
  const spec = schemaAt(schema, ['spec'])
  const specKey = writtenKey(value, 'spec')
  return (
    <LayoutProvider value={LAYOUTS}>
      <Stack gap={0} className={classes['form']} p="xs">
        {kind === 'Protocol' && <FrameTrial />}
        <Section title={t('section.spec')} field="spec">
          {spec ? (
            <ObjectForm path={[specKey]} schema={spec} value={readMap(value, 'spec')} />
          ) : (
            <ObjectForm path={[]} schema={schema} value={value} except={HEAD} />
          )}
        </Section>
        {metadata && (
          <Section title={t('section.metadata')} field="metadata">
            <ObjectForm path={['metadata']} schema={metadata} value={readMap(value, 'metadata')} />
          </Section>
        )}
        <Kept />
      </Stack>
    </LayoutProvider>
  )
}

/** What no control shows: it stays in the text as it is. */
function Kept() {
  const { t } = useTranslation('editor')
  const { value, schema, goTo } = useForm()
  const kept = keptFields(schema, value)
  if (kept.length === 0) return null
  return (
    <Alert variant="light" color="gray" icon={<IconInfoCircle size={18} />} title={t('kept.title')} mt="md" data-kept>
      <Text size="sm" mb={6}>
        {t('kept.lead')}
      </Text>
      <Stack gap={2}>
        {kept.slice(0, 50).map(({ path, reason }) => (
          <Group key={formatPath(path)} gap={8}>
            <Anchor component="button" type="button" size="xs" ff="monospace" onClick={() => goTo(path)}>
              {formatPath(path)}
            </Anchor>
            <Text size="xs" c="dimmed">
              {t(`kept.${reason}`)}
            </Text>
          </Group>
        ))}
        {kept.length > 50 && <Text size="xs">{t('kept.more', { count: kept.length - 50 })}</Text>}
      </Stack>
    </Alert>
  )
}
