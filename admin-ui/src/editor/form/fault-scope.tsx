import { Button, Group, SegmentedControl, Stack, Text, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type Aim, beginFault, isAimed } from '../../forms/fault.ts'
import { readText } from '../../forms/schema.ts'
import classes from './form.module.css'
import { useForm } from './form-context.tsx'
import type { LayoutProps } from './layout-context.ts'

/** Which requests shall meet the fault: the first question, so that it never meets more than was meant. */
export function FaultScope({ path, onDone }: { readonly path: LayoutProps['path']; readonly onDone: () => void }) {
  const { t } = useTranslation('editor')
  const { value: document, edit } = useForm()
  const [scope, setScope] = useState<Aim['scope']>('header')
  const [header, setHeader] = useState('x-test')
  const [text, setText] = useState('')
  const named = readText(document, ...path, 'name') ?? t('rule.number', { number: Number(path.at(-1)) + 1 })
  const aim = { scope, header, text }
  const ready = isAimed(aim)
  const start = () => {
    edit(beginFault(document, path, aim))
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
