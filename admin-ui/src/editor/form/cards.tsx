import { ActionIcon, Group, Stack, Text, TextInput, Tooltip, UnstyledButton } from '@mantine/core'
import { IconChevronDown, IconTrash } from '@tabler/icons-react'
import { type ReactNode, useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { setField } from '../../forms/edits.ts'
import { emptyValue } from '../../forms/fields.ts'
import { conditionSummary, fieldSummary, lastField, protocolStart, renameField } from '../../forms/protocol.ts'
import { isMap, read, readText } from '../../forms/schema.ts'
import { formatPath } from '../../yaml/index.ts'
import { AddButton } from './add-button.tsx'
import classes from './form.module.css'
import { useActiveIn, useForm } from './form-context.tsx'
import { ItemActions } from './item-actions.tsx'
import type { LayoutProps } from './layout-context.ts'
import { ObjectForm } from './object-form.tsx'
import { usePages } from './pages.tsx'
import { useStart } from './start.ts'

const CARDS_SHOWN = 40

interface CardProps {
  readonly title: string
  readonly summary: string
  readonly open: boolean
  readonly onToggle: () => void
  readonly actions: ReactNode
  readonly children: ReactNode
}

/** A part of a list in a line, all of it when it is open. */
function Card({ title, summary, open, onToggle, actions, children }: CardProps) {
  return (
    <div className={classes['group']} data-card={title}>
      <Group justify="space-between" wrap="nowrap" gap="xs">
        <UnstyledButton onClick={onToggle} aria-expanded={open} style={{ flex: 1, minWidth: 0 }}>
          <Group gap={8} wrap="nowrap">
            <IconChevronDown size={16} style={{ flex: 'none', transform: open ? 'none' : 'rotate(-90deg)' }} />
            <Text size="sm" fw={600} style={{ whiteSpace: 'nowrap' }}>
              {title}
            </Text>
            <Text size="xs" c="dimmed" ff="monospace" truncate>
              {summary}
            </Text>
          </Group>
        </UnstyledButton>
        {actions}
      </Group>
      {open && children}
    </div>
  )
}

/** Which of several is open: the one that was opened last, or that the cursor went into. */
function useOpen(path: LayoutProps['path'], first: string | undefined) {
  const [open, setOpen] = useState(first)
  const at = useActiveIn(path)
  useEffect(() => {
    if (at !== undefined) setOpen(String(at))
  }, [at])
  return [open, setOpen] as const
}

/** Named fields of frames, each in a line with its type and place. */
export function FieldCards({ path, schema, value }: LayoutProps) {
  const { t } = useTranslation('editor')
  const { edit, readOnly, value: document } = useForm()
  const map = isMap(value) ? value : {}
  const names = Object.keys(map)
  const [open, setOpen] = useOpen(path, undefined)
  const { from, to, pager } = usePages(names.length, CARDS_SHOWN, open === undefined ? undefined : names.indexOf(open))
  const [fresh, setFresh] = useState('')
  const inner = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined
  if (!inner) return null
  const key = fresh.trim()
  const add = () => {
    if (key === '' || Object.hasOwn(map, key)) return
    edit(
      setField(
        document,
        [...path, key],
        protocolStart([...path, key], lastField(document, names)) ?? emptyValue(inner),
      ),
    )
    setFresh('')
    setOpen(key)
  }
  return (
    <Stack gap={6} mt={4}>
      {pager}
      {names.slice(from, to).map((name) => (
        <Card
          key={name}
          title={name}
          summary={fieldSummary(map[name])}
          open={open === name}
          onToggle={() => setOpen(open === name ? undefined : name)}
          actions={
            !readOnly && (
              <Tooltip label={t('field.clear')}>
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  size="sm"
                  aria-label={`${t('field.clear')}: ${name}`}
                  onClick={() => edit([{ op: 'delete', path: names.length === 1 ? path : [...path, name] }])}
                >
                  <IconTrash size={14} />
                </ActionIcon>
              </Tooltip>
            )
          }
        >
          {!readOnly && (
            <FieldNameInput
              name={name}
              taken={names}
              onRename={(next) => {
                edit(renameField(document, path, name, next))
                setOpen(next)
              }}
            />
          )}
          <ObjectForm path={[...path, name]} schema={inner} value={map[name]} />
        </Card>
      ))}
      {!readOnly && (
        <Group gap={6} wrap="nowrap">
          <TextInput
            size="xs"
            w={180}
            value={fresh}
            placeholder={t('pairs.new')}
            aria-label={`${formatPath(path)}: ${t('pairs.new')}`}
            onChange={({ currentTarget }) => setFresh(currentTarget.value)}
            onKeyDown={(event) => event.key === 'Enter' && add()}
          />
          <AddButton disabled={key === '' || Object.hasOwn(map, key)} onClick={add}>
            {t('field.addEntry')}
          </AddButton>
        </Group>
      )}
    </Stack>
  )
}

interface FieldNameInputProps {
  readonly name: string
  readonly taken: readonly string[]
  readonly onRename: (next: string) => void
}

/** The name of a field, written when somebody is done: a half one would be a name that routes do not know. */
function FieldNameInput({ name, taken, onRename }: FieldNameInputProps) {
  const { t } = useTranslation('editor')
  const [typed, setTyped] = useState(name)
  const next = typed.trim()
  const isTaken = next !== name && taken.includes(next)
  const done = () => {
    if (next === '' || isTaken) setTyped(name)
    else if (next !== name) onRename(next)
  }
  return (
    <TextInput
      size="xs"
      w={220}
      px={8}
      mt={4}
      label={t('card.name')}
      description={t('card.nameHint')}
      value={typed}
      error={isTaken && t('card.nameTaken')}
      onChange={({ currentTarget }) => setTyped(currentTarget.value)}
      onBlur={done}
      onKeyDown={(event) => event.key === 'Enter' && done()}
    />
  )
}

/** Layouts that differ by a field, in the order they are tried: each in a line, with what it is known by. */
export function VariantCards({ path, schema, value }: LayoutProps) {
  const { t } = useTranslation('editor')
  const { edit, readOnly } = useForm()
  const startOf = useStart()
  const items = Array.isArray(value) ? value : []
  const [open, setOpen] = useOpen(path, undefined)
  const wanted = open === undefined ? undefined : Number(open)
  const { from, to, pager } = usePages(items.length, CARDS_SHOWN, wanted)
  const item = schema.items
  if (!item) return null
  return (
    <Stack gap={6} mt={4}>
      {pager}
      {items.slice(from, to).map((one, offset) => {
        const index = String(from + offset)
        const side = readText(one, 'from')
        const when = conditionSummary(read(one, 'when'))
        return (
          <Card
            key={index}
            title={readText(one, 'name') ?? t('list.item', { number: Number(index) + 1 })}
            summary={[side, when || t('rule.everything')].filter(Boolean).join(' · ')}
            open={open === index}
            onToggle={() => setOpen(open === index ? undefined : index)}
            actions={!readOnly && <ItemActions path={path} index={Number(index)} count={items.length} />}
          >
            <ObjectForm path={[...path, Number(index)]} schema={item} value={one} />
          </Card>
        )
      })}
      {!readOnly && (
        <AddButton
          onClick={() => {
            edit([{ op: 'append', path, value: startOf([...path, items.length]) ?? emptyValue(item) }])
            setOpen(String(items.length))
          }}
        >
          {t('list.add')}
        </AddButton>
      )}
    </Stack>
  )
}
