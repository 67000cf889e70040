import { Badge, Button, Card, Group, Stack, Text, ThemeIcon, Title } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { Policy, Service } from '../api/schema.ts'
import { Expiry } from '../parts/expiry.tsx'
import { FaultText } from '../parts/fault-text.tsx'
import { documentHref } from '../parts/hrefs.ts'
import { RouterLink } from '../parts/link.tsx'
import { useMayEdit } from '../parts/may-edit.ts'
import { PlaceLink } from '../parts/place.tsx'
import { conditionText, faultFacts } from '../parts/policy-words.ts'
import { TOPICS, type Topic } from '../parts/topics.tsx'
import { SplitBar } from './split-bar.tsx'

export interface PolicyCardProps {
  readonly topic: Topic
  readonly service: Service
  readonly policies: readonly Policy[]
  /** The rule of the service where this would be written, if there is one. */
  readonly home: string | undefined
}

const SHOWN = 4
/** What a rule for each topic begins with. */
const TEMPLATES: Readonly<Record<Topic, string>> = {
  split: 'split',
  fault: 'fault',
  timeoutRetry: 'retry',
  mirror: 'mirror',
  circuitBreaking: 'breaker',
  loadBalancing: 'maglev',
  messageRoutes: 'message',
}

/** The field of a rule that a topic is written in; its part of the form is shown. */
const SECTIONS: Readonly<Record<Topic, string>> = {
  split: 'route',
  fault: 'fault',
  timeoutRetry: 'retries',
  mirror: 'mirrors',
  circuitBreaking: 'connectionPool',
  loadBalancing: 'loadBalancer',
  messageRoutes: 'routes',
}

/** One policy of a service: on or off, what it says, and the way to its form. */
export function PolicyCard({ topic, service, policies, home }: PolicyCardProps) {
  const { t } = useTranslation('services')
  const { t: common } = useTranslation()
  const mayEdit = useMayEdit()
  const { icon: Icon, color } = TOPICS[topic]
  const on = policies.length > 0
  const first = policies[0]
  const editHref = first
    ? documentHref(first.document, first.place.line, SECTIONS[topic])
    : home
      ? documentHref(home, undefined, SECTIONS[topic])
      : `/rules/new?template=${TEMPLATES[topic]}&host=${encodeURIComponent(service.hostname)}`
  return (
    <Card withBorder data-topic={topic} data-on={on}>
      <Group justify="space-between" wrap="nowrap" mb="sm">
        <Group gap="sm" wrap="nowrap">
          <ThemeIcon variant="light" color={on ? color : 'gray'} size={34} radius="md">
            <Icon size={19} stroke={1.6} />
          </ThemeIcon>
          <Title order={2}>{common(`topic.${topic}`)}</Title>
        </Group>
        <Badge variant={on ? 'filled' : 'default'} color={on ? 'teal.9' : 'gray'}>
          {on ? t('on') : t('off')}
        </Badge>
      </Group>
      <Stack gap="sm" style={{ flex: 1 }}>
        {!on && (
          <Text size="sm" c="dimmed">
            {t(`about.${topic}`)}
          </Text>
        )}
        {policies.slice(0, SHOWN).map((policy) => (
          <Entry key={`${policy.document} ${policy.path}`} policy={policy} />
        ))}
        {policies.length > SHOWN && (
          <Text size="xs" c="dimmed">
            {t('more', { count: policies.length - SHOWN })}
          </Text>
        )}
      </Stack>
      {(on || mayEdit) && (
        <Group mt="md" justify="flex-end">
          <Button component={RouterLink} href={editHref} size="xs" variant="default">
            {mayEdit ? (on ? t('edit') : t('add')) : t('look')}
          </Button>
        </Group>
      )}
    </Card>
  )
}

function Entry({ policy }: { readonly policy: Policy }) {
  const { t } = useTranslation('services')
  const { topic, values, match, place, expiresAt } = policy
  const shares = topic === 'split' || topic === 'messageRoutes'
  return (
    <Stack gap={4}>
      {expiresAt && <Expiry at={expiresAt} />}
      {match && (
        <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
          {t('when')} {conditionText(match)}
        </Text>
      )}
      {topic === 'fault' && faultFacts(values) ? (
        <Text size="sm">
          <FaultText values={values} />
        </Text>
      ) : shares ? (
        <SplitBar parts={values.map(({ name, value }) => ({ name, weight: Number(value) }))} />
      ) : (
        <dl style={{ margin: 0 }}>
          {values.slice(0, 8).map(({ name, value }) => (
            <Group key={name} gap="xs" justify="space-between" wrap="nowrap">
              <Text component="dt" size="xs" c="dimmed" ff="monospace" truncate>
                {name}
              </Text>
              <Text component="dd" size="sm" m={0} style={{ overflowWrap: 'anywhere' }}>
                {value}
              </Text>
            </Group>
          ))}
        </dl>
      )}
      <PlaceLink place={place} />
    </Stack>
  )
}
