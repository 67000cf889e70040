import { Code, Group, Stack, Text } from '@mantine/core'
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
import { VirtualTable } from '../parts/virtual-table.tsx'
import { useConfigColumns } from './use-config-columns.tsx'

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
  const columns = useConfigColumns(setShown)
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
      <ShownConfig shown={shown} onClose={() => setShown(undefined)} />
    </Stack>
  )
}

/** One resource as JSON, with the lines it comes from. */
function ShownConfig({ shown, onClose }: { readonly shown: HeldConfig | undefined; readonly onClose: () => void }) {
  const text = shown && JSON.stringify(shown.config, undefined, 2)
  return (
    <Dialog opened={shown !== undefined} onClose={onClose} title={shown?.name} size="xl">
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
  )
}
