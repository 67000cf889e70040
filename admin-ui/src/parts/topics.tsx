import { Badge, Group } from '@mantine/core'
import {
  IconArrowsSplit2,
  IconBolt,
  IconClockPause,
  IconCopy,
  IconHash,
  IconMessages,
  IconShieldHalf,
} from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import type { Policy } from '../api/schema.ts'

export type Topic = Policy['topic']

export const TOPICS = {
  split: { icon: IconArrowsSplit2, color: 'blue' },
  circuitBreaking: { icon: IconShieldHalf, color: 'grape' },
  fault: { icon: IconBolt, color: 'red' },
  timeoutRetry: { icon: IconClockPause, color: 'indigo' },
  mirror: { icon: IconCopy, color: 'cyan' },
  loadBalancing: { icon: IconHash, color: 'teal' },
  messageRoutes: { icon: IconMessages, color: 'orange' },
} as const

function isTopic(name: string): name is Topic {
  return name in TOPICS
}

/** Signs of the policies something has, each with its word. */
export function TopicBadges({
  topics,
  short = false,
}: {
  readonly topics: readonly string[]
  readonly short?: boolean
}) {
  const { t } = useTranslation()
  return (
    <Group gap={4} wrap="nowrap" component="span">
      {topics.filter(isTopic).map((topic) => {
        const { icon: Icon, color } = TOPICS[topic]
        const label = t(`topic.${topic}`)
        return short ? (
          <Icon
            key={topic}
            size={15}
            role="img"
            aria-label={label}
            title={label}
            color={`var(--mantine-color-${color}-6)`}
          />
        ) : (
          <Badge key={topic} size="sm" variant="light" color={color} leftSection={<Icon size={12} />}>
            {label}
          </Badge>
        )
      })}
    </Group>
  )
}
