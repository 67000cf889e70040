import { Badge, Code, Skeleton, Table, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { ApiProblem } from '../api/problem.ts'
import { queries } from '../api/queries.ts'
import type { ProxyExchange } from '../api/schema.ts'
import { ProblemAlert } from '../parts/problem.tsx'
import { ClockTime } from '../parts/time.tsx'

const COLOURS = { sent: 'blue', ack: 'teal', nack: 'red' } as const

/** What a proxy was sent last and what it said to it, newest first. */
export function ProxyLog({ node }: { readonly node: string }) {
  const { t } = useTranslation('proxies')
  const { data, error } = useQuery(queries.proxyExchanges(node))
  if (error instanceof ApiProblem && error.status === 404) return <Text c="dimmed">{t('log.gone')}</Text>
  if (error) return <ProblemAlert error={error} />
  if (!data) return <Skeleton h={200} />
  if (data.length === 0) return <Text c="dimmed">{t('log.none')}</Text>
  return (
    <Table.ScrollContainer minWidth={560}>
      <Table aria-label={t('tab.log')}>
        <Table.Thead>
          <Table.Tr>
            {(['log.when', 'type', 'log.event', 'log.nonce', 'log.what'] as const).map((name) => (
              <Table.Th key={name}>{t(name)}</Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {data.map((one) => (
            <Row key={`${one.event} ${one.type} ${one.nonce}`} exchange={one} />
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}

function Row({ exchange: { at, type, event, nonce, resources, removed, message } }: { exchange: ProxyExchange }) {
  const { t } = useTranslation('proxies')
  return (
    <Table.Tr data-event={event}>
      <Table.Td style={{ whiteSpace: 'nowrap' }}>
        <ClockTime at={at} />
      </Table.Td>
      <Table.Td fw={550}>{type.toUpperCase()}</Table.Td>
      <Table.Td>
        <Badge variant="light" color={COLOURS[event]}>
          {t(`log.${event}`)}
        </Badge>
      </Table.Td>
      <Table.Td ff="monospace">{nonce}</Table.Td>
      <Table.Td>
        <Text size="sm">
          {t('resources', { count: resources })}
          {removed > 0 && ` · ${t('log.removed', { count: removed })}`}
        </Text>
        {message && (
          <Code block style={{ whiteSpace: 'pre-wrap' }}>
            {message}
          </Code>
        )}
      </Table.Td>
    </Table.Tr>
  )
}
