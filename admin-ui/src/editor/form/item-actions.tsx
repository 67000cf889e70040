import { ActionIcon, Group, Tooltip } from '@mantine/core'
import { IconArrowDown, IconArrowUp, IconTrash } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { formatPath, type Path } from '../../yaml/index.ts'
import { useForm } from './form-context.tsx'

interface ItemActionsProps {
  /** The list. */
  readonly path: Path
  readonly index: number
  /** How many items the list has. */
  readonly count: number
}

/** Buttons that move an item of a list up and down, and take it out. */
export function ItemActions({ path, index, count }: ItemActionsProps) {
  const { t } = useTranslation('editor')
  const { edit } = useForm()
  const at = [...path, index]
  const actions = [
    {
      name: t('list.up'),
      icon: IconArrowUp,
      off: index === 0,
      run: () => edit([{ op: 'move', path: at, value: index - 1 }]),
    },
    {
      name: t('list.down'),
      icon: IconArrowDown,
      off: index === count - 1,
      run: () => edit([{ op: 'move', path: at, value: index + 1 }]),
    },
    { name: t('list.remove'), icon: IconTrash, off: false, run: () => edit([{ op: 'delete', path: at }]) },
  ]
  return (
    <Group gap={2}>
      {actions.map(({ name, icon: Icon, off, run }) => (
        <Tooltip key={name} label={name}>
          <ActionIcon
            variant="subtle"
            color="gray"
            size="sm"
            disabled={off}
            onClick={(event) => {
              event.stopPropagation()
              run()
            }}
            aria-label={`${name}: ${formatPath([...path.slice(-1), index])}`}
          >
            <Icon size={14} />
          </ActionIcon>
        </Tooltip>
      ))}
    </Group>
  )
}
