import { Badge, Tooltip } from '@mantine/core'
import { IconBolt, IconPlugConnectedX } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { useLiveState } from '../api/live.ts'

export function LiveBadge() {
  const { t } = useTranslation()
  const state = useLiveState()
  const Icon = state === 'live' ? IconBolt : IconPlugConnectedX
  return (
    <Tooltip label={t(`live.hint.${state}`)} multiline maw={280}>
      <Badge
        size="lg"
        variant="light"
        color={state === 'live' ? 'teal' : 'orange'}
        leftSection={<Icon size={14} />}
        role="status"
        data-live={state}
        tabIndex={0}
        style={{ flex: 'none' }}
      >
        {t(`live.${state}`)}
      </Badge>
    </Tooltip>
  )
}
