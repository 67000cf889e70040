import { ActionIcon, Badge, Code, Group, Tooltip } from '@mantine/core'
import { IconCode } from '@tabler/icons-react'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import type { HeldConfig } from '../api/schema.ts'
import { PlaceLink } from '../parts/place.tsx'
import type { Column } from '../parts/virtual-table.tsx'

/**
 * The columns of the resources of a proxy.
 * @param onShow must stay the same function
 */
export function useConfigColumns(onShow: (one: HeldConfig) => void): readonly Column<HeldConfig>[] {
  const { t } = useTranslation('proxies')
  return useMemo(
    () => [
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
        header: t('content'),
        unseen: true,
        width: '48px',
        render: (row) => (
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={t('show', { name: row.name })}
            onClick={() => onShow(row)}
          >
            <IconCode size={17} />
          </ActionIcon>
        ),
      },
    ],
    [t, onShow],
  )
}
