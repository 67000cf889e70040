import { ActionIcon, Badge, Code, Group, Stack, Text, Tooltip } from '@mantine/core'
import { IconCode } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type ConfigType, queries } from '../api/queries.ts'
import type { HeldConfig } from '../api/schema.ts'
import { Copy } from '../parts/copy.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { matchesWords } from '../parts/filters.ts'
import { NoMatch } from '../parts/no-match.tsx'
import { PlaceLink } from '../parts/place.tsx'
import { ProblemAlert } from '../parts/problem.tsx'
import { Search } from '../parts/search.tsx'
import { type Column, VirtualTable } from '../parts/virtual-table.tsx'

export interface ProxyConfigProps {
  readonly node: string
  readonly type: ConfigType
  /** Whether it asks for what requests need, when they come. */
  readonly lazy: boolean
  readonly query: string
  readonly onQuery: (query: string) => void
}

/** The resources of one type as a proxy has them, each linked to the lines it comes from. */
export function ProxyConfig({ node, type, lazy, query, onQuery }: ProxyConfigProps) {
  const { t } = useTranslation('proxies')
  const { data, error } = useQuery(queries.proxyConfig(node, type))
  const [shown, setShown] = useState<HeldConfig>()
  const rows = useMemo(
    () => (data ?? []).filter(({ name, places }) => matchesWords(query, name, ...places.map((one) => one.document))),
    [data, query],
  )
  const columns = useMemo(
    (): readonly Column<HeldConfig>[] => [
      {
        key: 'name',
        header: t('resource'),
        width: 'minmax(280px, 3fr)',
        render: ({ name }) => <span title={name}>{name}</span>,
      },
      {
        key: 'acknowledged',
        header: t('state'),
        width: '130px',
        render: ({ acknowledged }) => (
          <Badge variant="light" color={acknowledged ? 'teal' : 'yellow'}>
            {acknowledged ? t('held') : t('onItsWay')}
          </Badge>
        ),
      },
      {
        key: 'version',
        header: t('hash'),
        width: '130px',
        render: ({ version }) => (
          <Code bg="transparent" title={version}>
            {version.slice(0, 12)}
          </Code>
        ),
      },
      {
        key: 'places',
        header: t('from'),
        width: 'minmax(240px, 2fr)',
        render: ({ places }) => (
          <Group gap="xs" wrap="nowrap">
            {places.slice(0, 1).map((place) => (
              <PlaceLink key="first" place={place} />
            ))}
            {places.length > 1 && (
              <Tooltip
                label={places
                  .slice(1, 20)
                  .map((one) => one.document)
                  .join(', ')}
                multiline
                maw={420}
              >
                <Badge variant="default" size="sm" tabIndex={0}>
                  +{places.length - 1}
                </Badge>
              </Tooltip>
            )}
          </Group>
        ),
      },
      {
        key: 'show',
        header: '',
        width: '48px',
        render: (row) => (
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={t('show', { name: row.name })}
            onClick={() => setShown(row)}
          >
            <IconCode size={17} />
          </ActionIcon>
        ),
      },
    ],
    [t],
  )
  const text = shown && JSON.stringify(shown.config, undefined, 2)
  return (
    <Stack gap="sm">
      {error && <ProblemAlert error={error} />}
      <Group>
        <Search value={query} onChange={onQuery} label={t('searchResources')} />
        {data && (
          <Text size="sm" c="dimmed">
            {t('resources', { count: rows.length })}
          </Text>
        )}
      </Group>
      {data && (
        <VirtualTable
          label={t(`tab.${type}`)}
          columns={columns}
          rows={rows}
          rowKey={({ name }) => name}
          empty={
            data.length === 0 ? (
              <Text c="dimmed">{t(lazy ? 'noneAskedFor' : 'noResources')}</Text>
            ) : (
              <NoMatch clear={() => onQuery('')} />
            )
          }
        />
      )}
      <Dialog opened={shown !== undefined} onClose={() => setShown(undefined)} title={shown?.name} size="xl">
        {shown && text && (
          <Stack>
            <Group gap="xs">
              {shown.places.slice(0, 30).map((place) => (
                <PlaceLink key={JSON.stringify(place)} place={place} named />
              ))}
            </Group>
            <Group justify="flex-end">
              <Copy value={text} />
            </Group>
            <Code block tabIndex={0} style={{ maxHeight: '60vh', overflow: 'auto' }}>
              {text}
            </Code>
          </Stack>
        )}
      </Dialog>
    </Stack>
  )
}
