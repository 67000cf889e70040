import { Code, Group, Skeleton, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { queries } from '../api/queries.ts'
import { Copy } from './copy.tsx'
import { ProblemAlert } from './problem.tsx'

/** How a first Envoy is connected: the commands, with the address of this control plane. */
export function FirstProxy() {
  const { t } = useTranslation()
  const { data: about, error } = useQuery(queries.about())
  if (error) return <ProblemAlert error={error} />
  // Not a guess until the answer is there: what is shown is copied.
  if (!about) return <Skeleton h={120} />
  const xds = about.xds ?? '127.0.0.1:18000'
  const commands = [
    `meshgate bootstrap --node sidecar~127.0.0.1~shop.default~default.svc.cluster.local --xds ${xds} > envoy.yaml`,
    'envoy -c envoy.yaml',
  ].join('\n')
  return (
    <Stack gap="xs" align="stretch">
      <Text size="sm" c="dimmed">
        {t('firstProxy.text')}
      </Text>
      <Group wrap="nowrap" align="flex-start" gap="xs">
        <Code
          block
          tabIndex={0}
          ta="left"
          style={{ flex: 1, minWidth: 0, whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}
        >
          {commands}
        </Code>
        <Copy value={commands} />
      </Group>
    </Stack>
  )
}
