import { Group, Switch, Text, Title } from '@mantine/core'
import { type ReactNode, useId } from 'react'
import classes from './form.module.css'
import { useForm } from './form-context.tsx'

export interface SectionProps {
  readonly title: string
  /** Name of the field, as Istio has it. */
  readonly field: string
  /** Given for what can be on or off. */
  readonly on?: boolean
  readonly onToggle?: (on: boolean) => void
  readonly actions?: ReactNode
  readonly children?: ReactNode
}

/** A part of a form with a title of its own, and a switch where the part can be off. */
export function Section({ title, field, on, onToggle, actions, children }: SectionProps) {
  const { readOnly } = useForm()
  const id = useId()
  return (
    <section className={classes['section']} aria-labelledby={id} data-section={field}>
      <Group justify="space-between" mb={on === false ? 0 : 6} px={8} gap="xs">
        <Group gap={8} align="baseline">
          <Title order={2} id={id} fz="sm" fw={650}>
            {title}
          </Title>
          <Text size="xs" c="dimmed" ff="monospace">
            {field}
          </Text>
        </Group>
        <Group gap="xs">
          {actions}
          {onToggle && (
            <Switch
              size="sm"
              checked={on === true}
              disabled={readOnly}
              onChange={({ currentTarget }) => onToggle(currentTarget.checked)}
              aria-label={title}
            />
          )}
        </Group>
      </Group>
      {on !== false && children}
    </section>
  )
}
