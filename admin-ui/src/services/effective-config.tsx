import { Card, Code, Stack, Table, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { Policy, Service } from '../api/schema.ts'
import { AppLink } from '../parts/link.tsx'
import { DocumentLink, PlaceLink } from '../parts/place.tsx'
import { conditionText } from '../parts/policy-words.ts'
import { TopicBadges } from '../parts/topics.tsx'

/** Which rules decide about a service, in order, with the lines; Explain tells it for one request. */
export function EffectiveConfig({
  policies,
  service,
}: {
  readonly policies: readonly Policy[]
  readonly service: Service
}) {
  const { t } = useTranslation('services')
  const port = service.ports[0]
  const url = `http://${service.hostname}${port && port.number !== 80 ? `:${port.number}` : ''}/`
  return (
    <Stack>
      <Text size="sm" c="dimmed">
        {t('effectiveHint')}{' '}
        <AppLink href={`/explain?url=${encodeURIComponent(url)}`} size="sm" underline="always">
          {t('explainRequest')}
        </AppLink>
      </Text>
      {policies.length === 0 ? (
        <Text>{t('noRules')}</Text>
      ) : (
        <Card withBorder padding={0}>
          <Table.ScrollContainer minWidth={720}>
            <Table>
              <Table.Thead>
                <Table.Tr>
                  {(['policy', 'document', 'field', 'when', 'place'] as const).map((name) => (
                    <Table.Th key={name}>{t(name === 'when' ? 'condition' : name)}</Table.Th>
                  ))}
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {policies.map((policy) => (
                  <Table.Tr key={`${policy.document} ${policy.path}`}>
                    <Table.Td>
                      <TopicBadges topics={[policy.topic]} />
                    </Table.Td>
                    <Table.Td>
                      <DocumentLink document={policy.document} line={policy.place.line} />
                    </Table.Td>
                    <Table.Td>
                      <Code bg="transparent">{policy.path}</Code>
                    </Table.Td>
                    <Table.Td>{policy.match ? conditionText(policy.match) : t('always')}</Table.Td>
                    <Table.Td>
                      <PlaceLink place={policy.place} />
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        </Card>
      )}
    </Stack>
  )
}
