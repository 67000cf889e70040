import { Button, Group, SegmentedControl, Stack, Text, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { setField } from '../../forms/edits.ts'
import { type Scope, scopedFault } from '../../forms/fault.ts'
import { readText } from '../../forms/schema.ts'
import classes from './form.module.css'
import { useForm } from './form-context.tsx'
import type { LayoutProps } from './layout-context.ts'

/** Which requests shall meet the fault: the first question, so that it never meets more than was meant. */
export function FaultScope({ path, onDone }: { readonly path: LayoutProps['path']; readonly onDone: () => void }) {
  const { t } = useTranslation('editor')
  const { value: document, edit } = useForm()
  const [scope, setScope] = useState<'header' | 'path' | 'all'>('header')
  const [header, setHeader] = useState('x-test')
  const [text, setText] = useState('')
  const http = path.slice(0, -1)
  const index = Number(path.at(-1))
  const named = readText(document, ...path, 'name') ?? t('rule.number', { number: index + 1 })
  const fault = { abort: { httpStatus: 503, percentage: { value: 100 } } }
  const ready = scope === 'all' || (text.trim() !== '' && (scope === 'path' || header.trim() !== ''))
  const start = () => {
    const narrow: Scope =
      scope === 'header' ? { headers: { [header.trim()]: text.trim() } } : { uriPrefix: text.trim() }
    edit(
      scope === 'all'
        ? setField(document, [...path, 'fault'], { delay: { fixedDelay: '2s', percentage: { value: 10 } } })
        : scopedFault(document, http, index, narrow, fault),
    )
    onDone()
  }
  return (
    <Stack gap={8} className={classes['nested']} py={4}>
      <Text size="sm">{t('fault.which')}</Text>
      <SegmentedControl
        size="xs"
        value={scope}
        onChange={(next) => setScope(next as typeof scope)}
        aria-label={t('fault.which')}
        data={(['header', 'path', 'all'] as const).map((one) => ({ value: one, label: t(`fault.scope.${one}`) }))}
      />
      {scope !== 'all' && (
        <Group gap={6}>
          {scope === 'header' && (
            <TextInput
              size="xs"
              w={140}
              value={header}
              aria-label={t('fault.header')}
              onChange={({ currentTarget }) => setHeader(currentTarget.value)}
            />
          )}
          <TextInput
            size="xs"
            value={text}
            placeholder={scope === 'path' ? '/api' : t('fault.headerValue')}
            aria-label={scope === 'path' ? t('fault.scope.path') : t('fault.headerValue')}
            onChange={({ currentTarget }) => setText(currentTarget.value)}
            onKeyDown={(event) => event.key === 'Enter' && ready && start()}
          />
        </Group>
      )}
      <Text size="xs" c="dimmed">
        {scope === 'all' ? t('fault.allHint', { rule: named }) : t('fault.scopeHint', { rule: named })}
      </Text>
      <Group gap={8}>
        <Button size="xs" disabled={!ready} onClick={start}>
          {t('fault.start')}
        </Button>
        {!ready && (
          <Text size="xs" c="dimmed">
            {t(scope === 'path' ? 'fault.needPath' : 'fault.needHeader')}
          </Text>
        )}
      </Group>
    </Stack>
  )
}
