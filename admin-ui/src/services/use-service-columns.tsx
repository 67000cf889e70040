import { type ReactNode, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import type { Service, ServiceFigures } from '../api/schema.ts'
import { FailedText } from '../parts/failed-text.tsx'
import { serviceHref } from '../parts/hrefs.ts'
import { RowLink } from '../parts/link.tsx'
import { type Topic, TopicBadges } from '../parts/topics.tsx'
import { milliseconds, perSecond } from '../parts/traffic-text.ts'
import type { Column } from '../parts/virtual-table.tsx'

/**
 * The columns of the list of services.
 * @param traffic what each host got in a window of so many seconds
 */
export function useServiceColumns(
  topics: ReadonlyMap<string, ReadonlySet<Topic>>,
  traffic: ReadonlyMap<string, ServiceFigures>,
  seconds: number,
): readonly Column<Service>[] {
  const { t } = useTranslation('services')
  const { t: change } = useTranslation('change')
  return useMemo(() => {
    const figure = (name: 'rate' | 'failed' | 'p99', shown: (one: ServiceFigures) => ReactNode): Column<Service> => ({
      key: name,
      header: change(`figures.${name}`),
      width: '90px',
      right: true,
      render: ({ hostname }) => {
        const one = traffic.get(hostname)
        return one ? shown(one) : '–'
      },
    })
    return [
      {
        key: 'hostname',
        header: t('service'),
        width: 'minmax(260px, 4fr)',
        render: ({ hostname, namespace }) => (
          <RowLink href={serviceHref(namespace, hostname)} title={hostname}>
            {hostname}
          </RowLink>
        ),
      },
      { key: 'namespace', header: t('namespace'), width: '120px', render: ({ namespace }) => namespace },
      {
        key: 'ports',
        header: t('ports'),
        width: 'minmax(90px, 1fr)',
        render: ({ ports }) => ports.map(({ number, protocol }) => `${number} ${protocol}`).join(', '),
      },
      {
        key: 'endpoints',
        header: t('endpoints'),
        width: '100px',
        right: true,
        render: ({ ports, endpointsKnown }) =>
          endpointsKnown ? Math.max(0, ...ports.map(({ endpoints }) => endpoints.length)) : t('notAsked'),
      },
      figure('rate', (one) => perSecond({ ...one, seconds })),
      figure('failed', (one) => <FailedText {...one} />),
      figure('p99', (one) => milliseconds(one.p99Ms)),
      {
        key: 'policies',
        header: t('policies'),
        width: 'minmax(110px, 1fr)',
        render: ({ hostname }) => <TopicBadges short topics={[...(topics.get(hostname) ?? [])]} />,
      },
    ]
  }, [t, change, topics, traffic, seconds])
}
