import { ActionIcon, Code, Table, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconHelp } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { Dialog } from '../parts/dialog.tsx'

/** What can stand in a query, and what it means. */
const TERMS = [
  ['cart', 'word'],
  ['ns:shop', 'ns'],
  ['kind:gateway', 'kind'],
  ['policy:fault', 'policy'],
  ['failing', 'failing'],
  ['degraded', 'degraded'],
  ['healthy', 'healthy'],
  ['idle', 'idle'],
  ['rate>10', 'rate'],
  ['failed>=1', 'failed'],
  ['p99>250', 'time'],
  ['!idle', 'not'],
  ['failing rate>10', 'and'],
  ['failing or idle', 'or'],
] as const

/** The words of finding and hiding, behind a button. */
export function QueryHelp() {
  const { t } = useTranslation('topology')
  const [opened, { open, close }] = useDisclosure()
  return (
    <>
      <ActionIcon variant="subtle" color="gray" size="lg" aria-label={t('query.help')} onClick={open}>
        <IconHelp size={18} stroke={1.6} />
      </ActionIcon>
      <Dialog opened={opened} onClose={close} size="lg" title={t('query.help')}>
        <Text size="sm" mb="sm">
          {t('query.lead')}
        </Text>
        <Table verticalSpacing={4}>
          <Table.Tbody>
            {TERMS.map(([term, what]) => (
              <Table.Tr key={term}>
                <Table.Td w={170}>
                  <Code>{term}</Code>
                </Table.Td>
                <Table.Td>{t(`query.${what}`)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Dialog>
    </>
  )
}
