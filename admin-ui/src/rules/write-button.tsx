import { Button, Tooltip } from '@mantine/core'
import type { ReactNode } from 'react'
import { AppLink } from '../parts/link.tsx'
import { useMayNot } from '../parts/may-edit.ts'

/** A link to a page that writes. Who may only read sees it greyed, with the reason. */
export function WriteButton({
  href,
  variant = 'filled',
  icon,
  text,
}: {
  readonly href: string
  readonly variant?: 'filled' | 'default'
  readonly icon?: ReactNode
  readonly text: string
}) {
  const mayNot = useMayNot()
  if (mayNot)
    return (
      <Tooltip label={mayNot} events={{ hover: true, focus: true, touch: true }}>
        <Button variant="default" size="sm" leftSection={icon} data-disabled aria-disabled>
          {text}
        </Button>
      </Tooltip>
    )
  const white = variant === 'filled' ? { c: 'white' } : {}
  return (
    <Button component={AppLink} href={href} underline="never" variant={variant} size="sm" leftSection={icon} {...white}>
      {text}
    </Button>
  )
}
