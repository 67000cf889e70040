import { Badge, Button, Group, Skeleton, Stack, Text, Tooltip } from '@mantine/core'
import { IconAlertCircle, IconAlertTriangle, IconFilePlus, IconFileText, IconUpload } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { type ReactNode, useDeferredValue, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import type { Rule } from '../api/schema.ts'
import { isChanged } from '../change/drafts.ts'
import { changeQueries } from '../change/queries.ts'
import { useDrafts } from '../change/use-drafts.ts'
import { DiagnosticItem } from '../parts/diagnostic.tsx'
import { Empty } from '../parts/empty.tsx'
import { FilterRow } from '../parts/filter-row.tsx'
import { matchesWords } from '../parts/filters.ts'
import { documentHref, revisionHref } from '../parts/hrefs.ts'
import { AppLink, RowLink } from '../parts/link.tsx'
import { useMayNot } from '../parts/may-edit.ts'
import { NoMatch } from '../parts/no-match.tsx'
import { Page } from '../parts/page.tsx'
import { ProblemAlert } from '../parts/problem.tsx'
import { Time } from '../parts/time.tsx'
import { useView } from '../parts/view.ts'
import { type Column, VirtualTable } from '../parts/virtual-table.tsx'

const DEFAULTS = { q: '', kind: '', ns: '', problems: '' }
const BROKEN_SHOWN = 20
const NONE: readonly Rule[] = []

/** Every object in force: what it is for, where it stands, what is wrong with it, who changed it. */
export function RulesPage() {
  const { t } = useTranslation('rules')
  const { data, error, refetch } = useQuery(changeQueries.rules())
  const [view, setView, choose] = useView(DEFAULTS)
  const drafts = useDrafts()
  const drafted = useMemo(() => new Set(drafts.filter(isChanged).map(({ file }) => file)), [drafts])
  const all = data?.rules ?? NONE
  const query = useDeferredValue(view.q)
  const shown = useMemo(
    () =>
      all.filter(
        (one) =>
          (view.kind === '' || one.kind === view.kind) &&
          (view.ns === '' || one.namespace === view.ns) &&
          (view.problems === '' || one.errors + (view.problems === 'all' ? one.warnings : 0) > 0) &&
          matchesWords(query, one.kind, one.name, one.namespace, one.file ?? one.path, ...one.hosts),
      ),
    [all, view.kind, view.ns, view.problems, query],
  )
  const kinds = useMemo(() => [...new Set(all.map(({ kind }) => kind))].sort(), [all])
  const namespaces = useMemo(() => [...new Set(all.map(({ namespace }) => namespace))].sort(), [all])
  const problems = useMemo(
    () => [
      { value: 'errors', label: t('filter.errors') },
      { value: 'all', label: t('filter.warnings') },
    ],
    [t],
  )
  const columns = useMemo(
    (): readonly Column<Rule>[] => [
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
  return (
    <Page
      title={t('title')}
      lead={t('lead', { count: all.length })}
      actions={
        <>
          <WriteButton href="/rules/import" variant="default" icon={<IconUpload size={16} />} text={t('import')} />
          <WriteButton href="/rules/new" icon={<IconFilePlus size={16} />} text={t('new')} />
        </>
      }
    >
      {error && <ProblemAlert error={error} retry={() => void refetch()} />}
      {data && data.broken.length > 0 && <Broken data={data.broken} />}
      {!data && !error && <Skeleton h={320} />}
      {data && all.length === 0 && data.broken.length === 0 ? (
        <Empty icon={IconFileText} title={t('empty.title')}>
          <Stack align="center" gap="xs">
            {t('empty.lead')}
            <WriteButton href="/rules/new" text={t('new')} />
          </Stack>
        </Empty>
      ) : (
        data && (
          <Stack gap="sm">
            <FilterRow
              search={t('search')}
              view={view}
              onChoose={choose}
              filters={[
                { name: 'kind', label: t('column.kind'), any: t('filter.kind'), options: kinds },
                { name: 'ns', label: t('column.namespace'), any: t('filter.namespace'), options: namespaces },
                { name: 'problems', label: t('column.problems'), any: t('filter.problems'), options: problems },
              ]}
            >
              <Text size="sm" c="dimmed" className="number">
                {t('shown', { shown: shown.length, total: all.length })}
              </Text>
            </FilterRow>
            <VirtualTable
              label={t('title')}
              columns={columns}
              rows={shown}
              rowKey={({ key }) => key}
              empty={<NoMatch clear={() => setView(DEFAULTS)} />}
            />
          </Stack>
        )
      )}
    </Page>
  )
}

/** A link to a page that writes. Who may only read sees it greyed, with the reason. */
function WriteButton({
  href,
  variant = 'filled',
  icon,
  text,
}: {
  readonly href: string
  readonly variant?: 'filled' | 'default'
  readonly icon?: ReactNode
  readonly text: string
}) {
  const mayNot = useMayNot()
  if (mayNot)
    return (
      <Tooltip label={mayNot} events={{ hover: true, focus: true, touch: true }}>
        <Button variant="default" size="sm" leftSection={icon} data-disabled aria-disabled>
          {text}
        </Button>
      </Tooltip>
    )
  const white = variant === 'filled' ? { c: 'white' } : {}
  return (
    <Button component={AppLink} href={href} underline="never" variant={variant} size="sm" leftSection={icon} {...white}>
      {text}
    </Button>
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

/** Documents that are not in force: they have no row of their own. */
function Broken({ data }: { readonly data: readonly Parameters<typeof DiagnosticItem>[0]['diagnostic'][] }) {
  const { t } = useTranslation('rules')
  return (
    <Stack gap="sm" p="md" style={{ border: '1px solid var(--mantine-color-red-4)', borderRadius: 8 }} role="alert">
      <Text fw={600}>{t('broken', { count: data.length })}</Text>
      {data.slice(0, BROKEN_SHOWN).map((one) => (
        <DiagnosticItem key={JSON.stringify(one)} diagnostic={one} />
      ))}
    </Stack>
  )
}
