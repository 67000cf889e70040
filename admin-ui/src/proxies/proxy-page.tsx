import { Alert, Badge, Card, Code, Group, SimpleGrid, Stack, Table, Tabs, Text, Title } from '@mantine/core'
import { IconAlertTriangle } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { queries } from '../api/queries.ts'
import type { Proxy as MeshProxy, ProxyType } from '../api/schema.ts'
import { Copy } from '../parts/copy.tsx'
import { Facts } from '../parts/facts.tsx'
import { Page } from '../parts/page.tsx'
import { PlaceLinks } from '../parts/place.tsx'
import { byDocument } from '../parts/places.ts'
import { ProblemAlert } from '../parts/problem.tsx'
import { StateBadge } from '../parts/status.tsx'
import { Time } from '../parts/time.tsx'
import { useView } from '../parts/view.ts'
import { ProxyConfig } from './proxy-config.tsx'
import { ProxyLoad } from './proxy-load.tsx'
import { ProxyLog } from './proxy-log.tsx'
import { nodeParts, noticesOf, stateOf, TYPES } from './types.ts'

export function ProxyPage() {
  const { t } = useTranslation('proxies')
  const { node } = useParams({ strict: false }) as { node: string }
  const { data, error } = useQuery(queries.proxy(node))
  const [view, change] = useView({ tab: 'status', q: '' })
  const newest = data?.[0]
  const types = TYPES.filter(([type]) => newest?.types.some((one) => one.type === type))
  const tab = ['traffic', 'log', ...types.map(([, name]) => name)].find((name) => name === view.tab) ?? 'status'
  return (
    <Page
      title={nodeParts(node).workload}
      lead={
        <Group gap={4}>
          <Code bg="transparent">{node}</Code>
          <Copy value={node} />
        </Group>
      }
      actions={newest && <StateBadge state={stateOf(newest)} />}
    >
      {error && <ProblemAlert error={error} />}
      {newest && (
        <Tabs value={tab} onChange={(next) => change({ tab: next ?? 'status', q: '' })} keepMounted={false}>
          <Tabs.List mb="md">
            <Tabs.Tab value="status">{t('tab.status')}</Tabs.Tab>
            {types.map(([, name]) => (
              <Tabs.Tab key={name} value={name}>
                {t(`tab.${name}`)}
              </Tabs.Tab>
            ))}
            <Tabs.Tab value="traffic">{t('tab.traffic')}</Tabs.Tab>
            <Tabs.Tab value="log">{t('tab.log')}</Tabs.Tab>
          </Tabs.List>
          <Tabs.Panel value="status">
            <Stack>
              <ProxyStatus proxy={newest} />
              {data.length > 1 && <Text c="dimmed">{t('streams', { count: data.length })}</Text>}
            </Stack>
          </Tabs.Panel>
          {TYPES.map(([, name]) => (
            <Tabs.Panel key={name} value={name}>
              <ProxyConfig
                node={node}
                type={name}
                lazy={newest.onDemand !== undefined}
                query={view.q}
                onQuery={(q) => change({ q })}
              />
            </Tabs.Panel>
          ))}
          <Tabs.Panel value="traffic">
            <ProxyLoad node={node} />
          </Tabs.Panel>
          <Tabs.Panel value="log">
            <ProxyLog node={node} />
          </Tabs.Panel>
        </Tabs>
      )}
    </Page>
  )
}

function ProxyStatus({ proxy }: { readonly proxy: MeshProxy }) {
  const { t } = useTranslation('proxies')
  const refused = proxy.types.filter(({ rejected }) => rejected)
  const {
    node,
    cluster,
    locality,
    userAgent,
    mode,
    peer,
    identities,
    connectedAt,
    disconnectedAt,
    connected,
    onDemand,
  } = proxy
  return (
    <>
      {refused.map((one) => (
        <Rejection key={one.type} type={one} />
      ))}
      {noticesOf(proxy).map((notice) => (
        <Alert key={notice} color="yellow" icon={<IconAlertTriangle />} title={t('notice')}>
          {notice}
        </Alert>
      ))}
      <SimpleGrid cols={{ base: 1, xl: 2 }}>
        <Card withBorder>
          <Title order={2} mb="sm">
            {t('about')}
          </Title>
          <Facts
            facts={[
              [t('role'), nodeParts(node).role],
              [t('cluster'), cluster],
              [t('peer'), peer],
              [t('locality'), locality],
              [t('version'), userAgent],
              [t('mode'), t(`mode.${mode}`)],
              [t('identities'), identities?.join(', ')],
              [t('onDemand'), onDemand && t('onDemandOf', { ...onDemand, count: onDemand.clusters })],
              [t('connectedAt'), <Time key="at" at={connectedAt} long />],
              [t('disconnectedAt'), connected ? undefined : <Time key="gone" at={disconnectedAt} long />],
            ]}
          />
        </Card>
        <Card withBorder>
          <Title order={2} mb="sm">
            {t('types')}
          </Title>
          <Table.ScrollContainer minWidth={560}>
            <Table>
              <Table.Thead>
                <Table.Tr>
                  {(['type', 'state', 'asked', 'sent', 'acked'] as const).map((name) => (
                    <Table.Th key={name}>{t(name)}</Table.Th>
                  ))}
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {proxy.types.map((one) => (
                  <TypeRow key={one.type} type={one} />
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
          <Text size="xs" c="dimmed" mt="xs">
            {t('ackHint')}
          </Text>
        </Card>
      </SimpleGrid>
    </>
  )
}

function TypeRow({ type: { type, state, subscribed, sent, acked } }: { readonly type: ProxyType }) {
  const { t } = useTranslation('proxies')
  const exchange = (one: typeof sent) =>
    one ? (
      <Text size="sm" component="span">
        <Badge variant="default" size="sm" ff="monospace" mr={6}>
          {one.nonce}
        </Badge>
        <Time at={one.at} />
      </Text>
    ) : (
      '–'
    )
  return (
    <Table.Tr>
      <Table.Td fw={550}>{type.toUpperCase()}</Table.Td>
      <Table.Td>
        <StateBadge state={state} />
      </Table.Td>
      <Table.Td>{subscribed === '*' ? t('everything') : t('names', { count: Number(subscribed) })}</Table.Td>
      <Table.Td>{exchange(sent)}</Table.Td>
      <Table.Td>{exchange(acked)}</Table.Td>
    </Table.Tr>
  )
}

/** What a proxy refuses, in its own words, and the lines that brought it about. */
function Rejection({ type: { type, rejected } }: { readonly type: ProxyType }) {
  const { t } = useTranslation('proxies')
  if (!rejected) return null
  return (
    <Alert color="red" icon={<IconAlertTriangle />} title={t('refused', { type: type.toUpperCase() })}>
      <Stack gap={6}>
        <Code block style={{ whiteSpace: 'pre-wrap' }}>
          {rejected.message}
        </Code>
        <Group gap="2px 16px">
          {byDocument(rejected.places).map((lines) => (
            <PlaceLinks key={JSON.stringify(lines[0])} places={lines} />
          ))}
        </Group>
        <Text size="xs">
          {rejected.resources.join(', ')} · <Time at={rejected.at} />
        </Text>
      </Stack>
    </Alert>
  )
}
