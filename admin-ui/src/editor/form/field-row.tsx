import { ActionIcon, Group, Text, Tooltip } from '@mantine/core'
import { IconX } from '@tabler/icons-react'
import { type ReactNode, useId } from 'react'
import { useTranslation } from 'react-i18next'
import type { FieldSchema } from '../../forms/schema.ts'
import { BreakableField } from '../../parts/breakable.tsx'
import { formatPath, type Path } from '../../yaml/index.ts'
import { docText, presetText } from '../context-at.ts'
import classes from './form.module.css'
import { useFieldLabel, useForm } from './form-context.tsx'

export interface FieldRowProps {
  readonly name: string
  readonly path: Path
  readonly schema: FieldSchema | undefined
  /** Given when the field can be taken out. */
  readonly onClear?: (() => void) | undefined
  /** Below the label instead of beside it. */
  readonly wide?: boolean
  /** Stands above the control. */
  readonly before?: ReactNode
  /** Gets the id for the control and that of its description. */
  readonly children: (ids: { readonly id: string; readonly describedBy: string; readonly label: string }) => ReactNode
}

/** A field with its name, the name Istio has for it, what it is for and what is wrong with it. */
export function FieldRow({ name, path, schema, onClear, wide = false, before, children }: FieldRowProps) {
  const { t } = useTranslation('editor')
  const { reveal, problemAt, active, readOnly } = useForm()
  const labelOf = useFieldLabel()
  const id = useId()
  const problem = problemAt(path)
  const doc = schema && docText(schema)
  // An item of a list has no name of its own; its place stands above it already.
  const isItem = typeof path.at(-1) === 'number'
  const label = isItem ? t('list.item', { number: Number(path.at(-1)) + 1 }) : labelOf(name)
  const here = active !== undefined && formatPath(active) === formatPath(path)
  return (
    <div
      className={classes['row']}
      data-wide={wide || undefined}
      data-active={here || undefined}
      data-path={formatPath(path)}
      onFocusCapture={() => reveal(path)}
    >
      <div className={classes['label']}>
        <Tooltip label={doc ?? label} multiline maw={360} disabled={!doc}>
          <Text component="label" htmlFor={id} size="sm" fw={550}>
            {label}
          </Text>
        </Tooltip>
        {!isItem && (
          <Text size="xs" c="dimmed" ff="monospace" className={classes['path']}>
            <BreakableField name={name} />
          </Text>
        )}
      </div>
      <div className={classes['control']}>
        <Group gap={4} wrap="nowrap" align="flex-start">
          <div style={{ flex: 1, minWidth: 0 }}>
            {before}
            {children({ id, describedBy: `${id}-doc`, label })}
          </div>
          {onClear && !readOnly && (
            <Tooltip label={t('field.clear')}>
              <ActionIcon
                variant="subtle"
                color="gray"
                mt={3}
                onClick={onClear}
                aria-label={`${t('field.clear')}: ${label}`}
              >
                <IconX size={14} />
              </ActionIcon>
            </Tooltip>
          )}
        </Group>
        <Text id={`${id}-doc`} size="xs" c="dimmed" className={classes['doc']}>
          {schema?.['x-default'] === undefined ? '' : t('field.default', { value: presetText(schema['x-default']) })}
        </Text>
        {problem && (
          <Text size="xs" c="red" role="alert">
            {problem}
          </Text>
        )}
      </div>
    </div>
  )
}
