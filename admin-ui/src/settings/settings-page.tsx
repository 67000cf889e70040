import { Alert, Anchor, Badge, Button, Card, Code, Group, Stack, Table, Tabs, Text, Title } from '@mantine/core'
import { IconInfoCircle } from '@tabler/icons-react'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { queries } from '../api/queries.ts'
import type { AuditEntry } from '../api/schema.ts'
import { Facts } from '../parts/facts.tsx'
import { Page } from '../parts/page.tsx'
import { ProblemAlert } from '../parts/problem.tsx'
import { Time } from '../parts/time.tsx'
import { useView } from '../parts/view.ts'
import { type Column, VirtualTable } from '../parts/virtual-table.tsx'
import { Tokens } from './tokens.tsx'

export function SettingsPage() {
  const { t } = useTranslation('settings')
  const { data: session } = useQuery(queries.session())
  const [view, change] = useView({ tab: 'about' })
  const admin = session?.role === 'admin'
  return (
    <Page title={t('title')}>
      <Tabs value={view.tab} onChange={(tab) => change({ tab: tab ?? 'about' })} keepMounted={false}>
        <Tabs.List mb="md">
          {(['about', 'users', 'tokens', 'audit'] as const).map((tab) => (
            <Tabs.Tab key={tab} value={tab}>
              {t(`tab.${tab}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="about">
          <About />
        </Tabs.Panel>
        <Tabs.Panel value="users">{admin ? <Users /> : <NeedsAdmin open={session?.via === 'open'} />}</Tabs.Panel>
        <Tabs.Panel value="tokens">
          {session?.via === 'session' ? <Tokens session={session} /> : <NeedsAdmin open={session?.via === 'open'} />}
        </Tabs.Panel>
        <Tabs.Panel value="audit">{admin ? <Audit /> : <NeedsAdmin open={session?.via === 'open'} />}</Tabs.Panel>
      </Tabs>
    </Page>
  )
}

/** Why something is not shown, and how to get there. */
function NeedsAdmin({ open }: { readonly open: boolean }) {
  const { t } = useTranslation('settings')
  return (
    <Alert icon={<IconInfoCircle />} title={t(open ? 'needsUsers' : 'needsAdmin')}>
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{t(open ? 'needsUsersHint' : 'needsAdminHint')}</Text>
        {open && <Code>meshgate user add NAME --role admin</Code>}
      </Stack>
    </Alert>
  )
}

function About() {
  const { t } = useTranslation('settings')
  const { data, error } = useQuery(queries.about())
  if (error) return <ProblemAlert error={error} />
  return (
    <Card withBorder maw={720}>
      <Title order={2} mb="sm">
        meshgate
      </Title>
      <Facts
        facts={[
          [t('version'), data?.version],
          [t('node'), data?.node],
          [t('xds'), data?.xds],
          [t('folder'), data?.folder],
          [t('objects'), data?.objects],
          [
            t('api'),
            <Anchor key="api" href="/openapi.json" size="sm">
              OpenAPI
            </Anchor>,
          ],
          [
            t('metrics'),
            <Anchor key="metrics" href="/metrics" size="sm">
              Prometheus
            </Anchor>,
          ],
        ]}
      />
    </Card>
  )
}

function Users() {
  const { t } = useTranslation('settings')
  const { t: common } = useTranslation()
  const { data, error } = useQuery(queries.users())
  return (
    <Stack>
      {error && <ProblemAlert error={error} />}
      <Card withBorder padding={0} maw={820}>
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('user')}</Table.Th>
              <Table.Th>{t('role')}</Table.Th>
              <Table.Th>{t('created')}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {data?.map(({ name, role, created }) => (
              <Table.Tr key={name}>
                <Table.Td fw={550}>{name}</Table.Td>
                <Table.Td>
                  <Badge variant="light">{common(`role.${role}`)}</Badge>
                </Table.Td>
                <Table.Td>
                  <Time at={created} />
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Card>
      <Text size="sm" c="dimmed">
        {t('usersHint')} <Code>meshgate user add | remove | passwd NAME</Code>
      </Text>
    </Stack>
  )
}

const OUTCOME = { done: 'teal', refused: 'red', failed: 'yellow' } as const

function Audit() {
  const { t } = useTranslation('settings')
  const { data, error, fetchNextPage, hasNextPage, isFetching } = useInfiniteQuery(queries.audit())
  const rows = useMemo(() => data?.pages.flat() ?? [], [data])
  const columns = useMemo(
    (): readonly Column<AuditEntry>[] => [
      { key: 'at', header: t('at'), width: '150px', render: ({ at }) => <Time at={at} /> },
      { key: 'who', header: t('user'), width: 'minmax(100px, 1fr)', render: ({ who }) => who || '–' },
      { key: 'peer', header: t('peer'), width: '150px', render: ({ peer }) => peer },
      { key: 'action', header: t('action'), width: 'minmax(240px, 3fr)', render: ({ action }) => action },
      {
        key: 'outcome',
        header: t('outcome'),
        width: '120px',
        render: ({ outcome }) => (
          <Badge variant="light" color={OUTCOME[outcome]}>
            {t(`outcome.${outcome}`)}
          </Badge>
        ),
      },
      {
        key: 'detail',
        header: t('detail'),
        width: '120px',
        render: ({ detail, times }) => `${detail}${times > 1 ? ` ×${times}` : ''}`,
      },
    ],
    [t],
  )
  return (
    <Stack>
      {error && <ProblemAlert error={error} />}
      {data && (
        <VirtualTable
          label={t('tab.audit')}
          columns={columns}
          rows={rows}
          rowKey={({ id }) => String(id)}
          empty={<Text c="dimmed">{t('noAudit')}</Text>}
        />
      )}
      {hasNextPage && (
        <Group>
          <Button variant="default" loading={isFetching} onClick={() => void fetchNextPage()}>
            {t('older')}
          </Button>
        </Group>
      )}
    </Stack>
  )
}
