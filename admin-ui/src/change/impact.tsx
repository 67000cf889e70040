import { Badge, Code, Group, Stack, Table, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { Plan } from '../api/schema.ts'
import { proxyHref, serviceHref } from '../parts/hrefs.ts'
import { AppLink } from '../parts/link.tsx'
import { blastRadius, namespaceOf } from './blast-radius.ts'

const SHOWN = 40

/** Who is hit by a change: proxies, services, and what differs on the wire for each class of proxies. */
export function Impact({ plan }: { readonly plan: Plan }) {
  const { t } = useTranslation('change')
  const { sidecars, gateways, others, total } = blastRadius(plan.proxies)
  return (
    <Stack gap="sm">
      <Text size="sm" data-impact>
        {total === 0 ? t('impact.none') : t('impact.proxies', { count: total, sidecars, gateways: gateways + others })}
      </Text>
      {plan.services.length > 0 && (
        <Group gap={6}>
          <Text size="sm" c="dimmed">
            {t('impact.services')}
          </Text>
          {plan.services.slice(0, SHOWN).map((host) => (
            <AppLink key={host} href={serviceHref(namespaceOf(host), host)} size="sm">
              {host}
            </AppLink>
          ))}
          {plan.services.length > SHOWN && <Text size="sm">+{plan.services.length - SHOWN}</Text>}
        </Group>
      )}
      {plan.callers.length > 0 && (
        <Text size="sm" data-callers={plan.callers.length}>
          {t('impact.callers', { count: plan.callers.length })}{' '}
          <Text span size="sm" c="dimmed">
            {plan.callers.slice(0, SHOWN).join(', ')}
            {plan.callers.length > SHOWN && ` +${plan.callers.length - SHOWN}`}
          </Text>
        </Text>
      )}
      {plan.classes.map(({ class: key, nodes, proxies, types }) => (
        <Stack key={key} gap={4}>
          <Group gap={6}>
            <Badge variant="default">{t('impact.class', { count: proxies })}</Badge>
            {nodes.slice(0, 6).map((node) => (
              <AppLink key={node} href={proxyHref(node)} size="xs" ff="monospace">
                {node}
              </AppLink>
            ))}
            {nodes.length > 6 && <Text size="xs">+{proxies - 6}</Text>}
          </Group>
          <Table withRowBorders={false} verticalSpacing={2} fz="xs">
            <Table.Tbody>
              {types.flatMap(({ type, added, changed, removed }) =>
                (
                  [
                    ['+', added],
                    ['~', changed],
                    ['−', removed],
                  ] as const
                )
                  .filter(([, names]) => names.length > 0)
                  .map(([sign, names]) => (
                    <Table.Tr key={`${type}${sign}`}>
                      <Table.Td w={70}>
                        <Code>{type.toUpperCase()}</Code>
                      </Table.Td>
                      <Table.Td w={90}>{t(`impact.${WORDS[sign]}`, { count: names.length })}</Table.Td>
                      <Table.Td style={{ overflowWrap: 'anywhere' }}>
                        {names.slice(0, 8).join(', ')}
                        {names.length > 8 && ` +${names.length - 8}`}
                      </Table.Td>
                    </Table.Tr>
                  )),
              )}
            </Table.Tbody>
          </Table>
        </Stack>
      ))}
    </Stack>
  )
}

const WORDS = { '+': 'added', '~': 'changed', '−': 'removed' } as const
