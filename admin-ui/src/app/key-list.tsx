import { Group, Kbd, Stack, Table, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { NavItem } from '../parts/area.ts'
import { Dialog } from '../parts/dialog.tsx'

export interface KeyListProps {
  readonly items: readonly NavItem[]
  readonly opened: boolean
  readonly onClose: () => void
}

/** Every key there is: `?` shows it. Those of the editor work in the editor only. */
export function KeyList({ items, opened, onClose }: KeyListProps) {
  const { t } = useTranslation()
  const parts = [
    {
      title: t('keys.anywhere'),
      keys: [
        [['?'], t('keys.list')],
        [['Ctrl', 'K'], t('keys.palette')],
        [['/'], t('keys.search')],
        [['n'], t('keys.newRule')],
        [['b'], t('keys.basket')],
        [['Esc'], t('keys.close')],
      ],
    },
    { title: t('keys.pages'), keys: items.map(({ key, label }) => [['g', key], t(label)]) },
    {
      title: t('keys.editor'),
      keys: [
        [['Ctrl', 'S'], t('keys.review')],
        [['Ctrl', 'Enter'], t('keys.apply')],
        [['Ctrl', 'Space'], t('keys.complete')],
        [['Ctrl', 'F'], t('keys.find')],
        [['Ctrl', 'Z'], t('keys.undo')],
        [['Esc', 'Tab'], t('keys.leave')],
      ],
    },
  ] as const
  return (
    <Dialog opened={opened} onClose={onClose} size="lg" title={t('keys.title')}>
      <Stack>
        {parts.map(({ title, keys }) => (
          <div key={title}>
            <Text fw={600} size="sm">
              {title}
            </Text>
            <Table verticalSpacing={4}>
              <Table.Tbody>
                {keys.map(([names, what]) => (
                  <Table.Tr key={String(what)}>
                    <Table.Td w={150}>
                      <Group gap={4}>
                        {(names as readonly string[]).map((name) => (
                          <Kbd key={name} size="sm">
                            {name}
                          </Kbd>
                        ))}
                      </Group>
                    </Table.Td>
                    <Table.Td>{what as string}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </div>
        ))}
        <Text size="xs" c="dimmed">
          {t('keys.hint')}
        </Text>
      </Stack>
    </Dialog>
  )
}
