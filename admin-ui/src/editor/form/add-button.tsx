import { Button } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import type { ReactNode } from 'react'

export interface AddButtonProps {
  readonly onClick: () => void
  readonly disabled?: boolean
  readonly children: ReactNode
}

/** Puts one more item, entry or field behind those that are there. */
export function AddButton({ onClick, disabled = false, children }: AddButtonProps) {
  return (
    <Button
      size="compact-xs"
      variant="subtle"
      w="fit-content"
      leftSection={<IconPlus size={13} />}
      disabled={disabled}
      onClick={onClick}
    >
      {children}
    </Button>
  )
}
