import { Badge, Card, Code, Table, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { type FoundDocument, rowOf } from './import-files.ts'

const MOST_SHOWN = 500

const COLOURS = { new: 'teal', changed: 'blue', same: 'gray', unsupported: 'yellow', broken: 'red' } as const

/** What becomes of each document. */
export function ImportedTable({ documents }: { readonly documents: readonly FoundDocument[] }) {
  const { t } = useTranslation('rules')
  return (
    <Card withBorder>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>#</Table.Th>
            <Table.Th>{t('column.name')}</Table.Th>
            <Table.Th>{t('import.result')}</Table.Th>
            <Table.Th>{t('column.file')}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {documents.slice(0, MOST_SHOWN).map(({ result, message, file, ...one }, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: rows have no state, and several may come from one place
            <Table.Tr key={index} data-import={result}>
              <Table.Td>{rowOf(one).place}</Table.Td>
              <Table.Td>
                {rowOf(one).object}
                {message && (
                  <Text size="xs" c="dimmed">
                    {message}
                  </Text>
                )}
              </Table.Td>
              <Table.Td>
                <Badge variant="light" color={COLOURS[result]}>
                  {t(`import.result.${result}`)}
                </Badge>
              </Table.Td>
              <Table.Td>{file ? <Code>{file}</Code> : '–'}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {documents.length > MOST_SHOWN && <Text size="sm">+{documents.length - MOST_SHOWN}</Text>}
    </Card>
  )
}
