import { Badge, Group } from '@mantine/core'
import { IconAlertCircle, IconAlertTriangle } from '@tabler/icons-react'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import type { Rule } from '../api/schema.ts'
import { documentHref, revisionHref } from '../parts/hrefs.ts'
import { RowLink } from '../parts/link.tsx'
import { Time } from '../parts/time.tsx'
import type { Column } from '../parts/virtual-table.tsx'

/**
 * The columns of the list of objects.
 * @param drafted files that have drafts
 */
export function useRuleColumns(drafted: ReadonlySet<string>): readonly Column<Rule>[] {
  const { t } = useTranslation('rules')
  return useMemo(
    () => [
      {
        key: 'kind',
        header: t('column.kind'),
        width: '150px',
        render: ({ kind }) => <span className="quiet">{kind}</span>,
      },
      {
        key: 'name',
        header: t('column.name'),
        width: 'minmax(150px, 1.4fr)',
        render: ({ key, name, namespace, file }) => (
          <Group gap={6} wrap="nowrap">
            <RowLink href={documentHref(key)}>{name}</RowLink>
            <span className="quiet small">{namespace}</span>
            {file !== undefined && drafted.has(file) && (
              <Badge size="xs" color="orange" variant="light">
                {t('draft')}
              </Badge>
            )}
          </Group>
        ),
      },
      {
        key: 'hosts',
        header: t('column.hosts'),
        width: 'minmax(140px, 1.6fr)',
        render: ({ hosts }) => hosts.join(', '),
      },
      {
        key: 'file',
        header: t('column.file'),
        width: 'minmax(120px, 1fr)',
        render: ({ file, path, line }) => (
          <span className="quiet mono">
            {file ?? path}:{line}
          </span>
        ),
      },
      {
        key: 'problems',
        header: t('column.problems'),
        width: '100px',
        render: ({ errors, warnings }) => <Counts errors={errors} warnings={warnings} />,
      },
      {
        key: 'changed',
        header: t('column.changed'),
        width: '188px',
        render: ({ changed }) =>
          changed ? (
            <RowLink href={revisionHref(changed.revision)}>
              #{changed.revision} · <Time at={changed.at} />
            </RowLink>
          ) : (
            '–'
          ),
      },
    ],
    [t, drafted],
  )
}

function Counts({ errors, warnings }: { readonly errors: number; readonly warnings: number }) {
  const { t } = useTranslation('rules')
  if (errors + warnings === 0) return <span className="quiet">{t('fine')}</span>
  return (
    <Group gap={8} wrap="nowrap">
      {errors > 0 && (
        <Badge
          color="red"
          variant="light"
          leftSection={<IconAlertCircle size={13} />}
          aria-label={t('errors', { count: errors })}
        >
          {errors}
        </Badge>
      )}
      {warnings > 0 && (
        <Badge
          color="yellow"
          variant="light"
          leftSection={<IconAlertTriangle size={13} />}
          aria-label={t('warnings', { count: warnings })}
        >
          {warnings}
        </Badge>
      )}
    </Group>
  )
}
