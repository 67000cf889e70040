import {
  Alert,
  Autocomplete,
  Badge,
  Button,
  Card,
  Flex,
  Group,
  Select,
  Stack,
  Text,
  Textarea,
  TextInput,
  Timeline,
} from '@mantine/core'
import { IconCircleCheck, IconCircleX, IconMessageReply, IconRoute } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { queries } from '../api/queries.ts'
import type { Explanation } from '../api/schema.ts'
import { Breakable } from '../parts/breakable.tsx'
import { Empty } from '../parts/empty.tsx'
import { Page } from '../parts/page.tsx'
import { PlaceLinks } from '../parts/place.tsx'
import { byDocument } from '../parts/places.ts'
import { ProblemAlert } from '../parts/problem.tsx'
import { useView } from '../parts/view.ts'
import { headerList } from './headers.ts'

const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS']
const OUTCOMES = {
  endpoints: { color: 'teal', icon: IconCircleCheck },
  answer: { color: 'blue', icon: IconMessageReply },
  none: { color: 'red', icon: IconCircleX },
} as const

/** What is asked: as it stands in the address. */
interface Question {
  readonly node: string
  readonly url: string
  readonly method: string
  readonly headers: string
}

/** The way of a request through a proxy, and the lines that decided each step. The question stands in the address. */
export function ExplainPage() {
  const { t } = useTranslation('explain')
  const { data: proxies } = useQuery(queries.proxies())
  const [view, change] = useView({ node: '', url: '', method: 'GET', headers: '' })
  const known = [...new Set((proxies ?? []).map(({ node }) => node))]
  const node = view.node || known[0] || ''
  const { data, error, isFetching } = useQuery(
    queries.explain({ node, url: view.url, method: view.method, headers: headerList(view.headers) }),
  )
  return (
    <Page title={t('title')} lead={t('lead')}>
      <QuestionForm asked={{ ...view, node }} proxies={known} loading={isFetching} onAsk={change} />
      {error && <ProblemAlert error={error} />}
      {!data && !error && view.url === '' && (
        <Empty icon={IconRoute} title={t('none')}>
          {t('noneHint')}
        </Empty>
      )}
      {data && <Way explanation={data} />}
    </Page>
  )
}

interface QuestionFormProps {
  readonly asked: Question
  /** Nodes that are connected. */
  readonly proxies: readonly string[]
  readonly loading: boolean
  readonly onAsk: (question: Question) => void
}

/** What is written here is asked when the form is sent. */
function QuestionForm({ asked, proxies, loading, onAsk }: QuestionFormProps) {
  const { t } = useTranslation('explain')
  const [draft, setDraft] = useState<Partial<Question>>({})
  const form = { ...asked, ...draft }
  return (
    <Card withBorder>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          onAsk(form)
          setDraft({})
        }}
      >
        <Stack gap="sm">
          <Flex direction={{ base: 'column', sm: 'row' }} gap="sm" align={{ base: 'stretch', sm: 'flex-end' }}>
            <Select
              label={t('method')}
              data={METHODS}
              w={{ sm: 120 }}
              allowDeselect={false}
              value={form.method}
              onChange={(method) => setDraft({ ...draft, method: method ?? 'GET' })}
            />
            <TextInput
              data-search
              label={t('url')}
              flex={1}
              placeholder="http://reviews:9080/path"
              required
              value={form.url}
              onChange={(event) => setDraft({ ...draft, url: event.currentTarget.value })}
            />
            <Autocomplete
              label={t('node')}
              flex={1}
              required
              limit={50}
              data={[...proxies]}
              value={form.node}
              onChange={(value) => setDraft({ ...draft, node: value })}
            />
          </Flex>
          <Textarea
            label={t('headers')}
            placeholder={'x-user: ann\nx-test: slow'}
            autosize
            minRows={2}
            value={form.headers}
            onChange={(event) => setDraft({ ...draft, headers: event.currentTarget.value })}
          />
          <Group justify="flex-end">
            <Button type="submit" loading={loading} leftSection={<IconRoute size={16} />}>
              {t('ask')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Card>
  )
}

/** The steps of the way in their order, and how it ends. */
function Way({ explanation }: { readonly explanation: Explanation }) {
  const { t, i18n } = useTranslation('explain')
  const outcome = OUTCOMES[explanation.outcome]
  const miss = isMiss(explanation)
  return (
    <Stack>
      <Alert
        color={miss ? 'orange' : outcome.color}
        icon={<outcome.icon />}
        title={t(miss ? 'outcome.miss' : `outcome.${explanation.outcome}`)}
        role="status"
      />
      <Card withBorder p="lg">
        <Timeline bulletSize={26} lineWidth={2} active={explanation.steps.length}>
          {explanation.steps.map(({ step, name, text, share, places }, index) => (
            <Timeline.Item
              // biome-ignore lint/suspicious/noArrayIndexKey: steps have no identity but their place
              key={index}
              bullet={<Text size="xs">{index + 1}</Text>}
              title={
                <Group gap="xs">
                  <Text fw={600}>{isStep(step) ? t(`step.${step}`) : step}</Text>
                  <Text ff="monospace" size="sm" style={{ overflowWrap: 'anywhere' }}>
                    <Breakable text={name} />
                  </Text>
                  {share !== undefined && share < 1 && (
                    <Badge variant="light">{Math.round(share * 1_000) / 10} %</Badge>
                  )}
                </Group>
              }
            >
              <Text size="sm" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
                {text[i18n.language === 'zh' ? 'zh' : 'en']}
              </Text>
              <Group gap="2px 16px" mt={4}>
                {byDocument(places).map((lines) => (
                  <PlaceLinks key={JSON.stringify(lines[0])} places={lines} />
                ))}
              </Group>
            </Timeline.Item>
          ))}
        </Timeline>
      </Card>
    </Stack>
  )
}

/** Envoy has no virtual host of this name but the one for all that nobody declared: Istio's REGISTRY_ONLY. */
function isMiss({
  outcome,
  steps,
}: {
  readonly outcome: string
  readonly steps: readonly { name: string }[]
}): boolean {
  return outcome === 'answer' && steps.some(({ name }) => name === 'block_all')
}

const STEPS = ['listener', 'virtual-host', 'hidden', 'route', 'fault', 'mirror', 'cluster', 'endpoints', 'end'] as const

function isStep(step: string): step is (typeof STEPS)[number] {
  return (STEPS as readonly string[]).includes(step)
}
