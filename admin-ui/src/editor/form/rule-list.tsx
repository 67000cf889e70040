import { Badge, Group, Stack, Text, UnstyledButton } from '@mantine/core'
import { IconChevronDown } from '@tabler/icons-react'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { isMap, read, readList, readText } from '../../forms/schema.ts'
import { readSplit, wholePercents } from '../../forms/split.ts'
import { AddButton } from './add-button.tsx'
import classes from './form.module.css'
import { useActiveIn, useFieldLabel, useForm } from './form-context.tsx'
import { ItemActions } from './item-actions.tsx'
import type { LayoutProps } from './layout-context.ts'
import { useLayoutOf } from './layout-context.ts'
import { ObjectForm } from './object-form.tsx'
import { usePages } from './pages.tsx'
import { shareName } from './split-editor.tsx'

const RULES_SHOWN = 40

/** Rules in the order they are tried: each in one line, one of them open. */
export function RuleList({ path, schema, value }: LayoutProps) {
  const { t } = useTranslation('editor')
  const { edit, readOnly, value: document } = useForm()
  const layoutOf = useLayoutOf()
  const items = Array.isArray(value) ? value : []
  const [open, setOpen] = useState<number | undefined>(items.length === 1 ? 0 : undefined)
  const at = useActiveIn(path)
  useEffect(() => {
    // The cursor went into another rule: the form follows.
    if (typeof at === 'number') setOpen(at)
  }, [at])
  const { from, to, pager } = usePages(items.length, RULES_SHOWN, open)
  const item = schema.items
  if (!item) return null
  const host = readText(document, 'spec', 'hosts', 0) ?? ''
  return (
    <Stack gap={8} mt={4}>
      {pager}
      {items.slice(from, to).map((rule, offset) => {
        const index = from + offset
        const at = [...path, index]
        const Layout = layoutOf(at)
        const expanded = open === index
        return (
          <div key={index} className={classes['group']} data-rule={index}>
            <Group justify="space-between" wrap="nowrap" gap="xs">
              <UnstyledButton
                onClick={() => setOpen(expanded ? undefined : index)}
                aria-expanded={expanded}
                style={{ flex: 1, minWidth: 0 }}
              >
                <Group gap={8} wrap="nowrap">
                  <IconChevronDown
                    size={16}
                    style={{ flex: 'none', transform: expanded ? 'none' : 'rotate(-90deg)' }}
                  />
                  <Text size="sm" fw={600} style={{ whiteSpace: 'nowrap' }}>
                    {readText(rule, 'name') ?? t('rule.number', { number: index + 1 })}
                  </Text>
                  <RuleSummary rule={rule} />
                </Group>
              </UnstyledButton>
              {!readOnly && <ItemActions path={path} index={index} count={items.length} />}
            </Group>
            {expanded &&
              (Layout ? (
                <Layout path={at} schema={item} value={rule} />
              ) : (
                <ObjectForm path={at} schema={item} value={rule} />
              ))}
          </div>
        )
      })}
      {to - from > 10 && pager}
      {!readOnly && (
        <AddButton
          onClick={() => {
            const rule = { route: [{ destination: { host } }] }
            edit(items.length === 0 ? [{ op: 'set', path, value: [rule] }] : [{ op: 'append', path, value: rule }])
            setOpen(items.length)
          }}
        >
          {t('rule.add')}
        </AddButton>
      )}
    </Stack>
  )
}

/** What a rule matches and where it leads, in a line. */
function RuleSummary({ rule }: { readonly rule: unknown }) {
  const { t } = useTranslation('editor')
  const labelOf = useFieldLabel()
  const match = read(rule, 'match')
  const conditions = Array.isArray(match) ? match : match === undefined ? [] : [match]
  const when = conditions.map(conditionText).join(` ${t('rule.or')} `)
  const shares = readSplit(readList(rule, 'route'))
  const percents = wholePercents(shares.map(({ percent }) => percent))
  const to = shares
    .map((share) => (shares.length > 1 ? `${shareName(share)} ${percents[share.index]} %` : shareName(share)))
    .join(', ')
  const badges = (['fault', 'mirror', 'mirrors', 'redirect', 'directResponse', 'delegate', 'retries'] as const).filter(
    (name) => read(rule, name) !== undefined,
  )
  return (
    <Group gap={6} wrap="nowrap" style={{ minWidth: 0, overflow: 'hidden' }}>
      <Text size="xs" c="dimmed" truncate>
        {when || t('rule.everything')} → {to || readText(rule, 'svrName') || '–'}
      </Text>
      {badges.map((name) => (
        <Badge key={name} size="xs" variant="light" color={name === 'fault' ? 'red' : 'gray'} style={{ flex: 'none' }}>
          {labelOf(name)}
        </Badge>
      ))}
    </Group>
  )
}

function conditionText(condition: unknown): string {
  if (!isMap(condition)) return String(condition)
  return Object.entries(condition)
    .flatMap(([name, value]) => {
      if (!isMap(value)) return [`${name} ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`]
      const [kind, text] = Object.entries(value)[0] ?? []
      if (kind === 'exact' || kind === 'prefix' || kind === 'regex') return [`${name} ${SIGN[kind]} ${text}`]
      return Object.entries(value).map(([key, one]) => {
        const [how, what] = isMap(one) ? (Object.entries(one)[0] ?? ['present', '']) : ['exact', String(one)]
        return `${key} ${SIGN[how as keyof typeof SIGN] ?? how} ${what}`
      })
    })
    .join(' & ')
}

const SIGN = { exact: '=', prefix: '=^', regex: '~', present: '∃' } as const
