import { Badge } from '@mantine/core'
import {
  IconAlertCircle,
  IconAlertTriangle,
  IconCircleCheck,
  IconCircleDashed,
  IconClockHour4,
  IconInfoCircle,
  IconPlugOff,
} from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'

const STATES = {
  SYNCED: { color: 'teal', icon: IconCircleCheck },
  STALE: { color: 'yellow', icon: IconClockHour4 },
  NACK: { color: 'red', icon: IconAlertTriangle },
  'NOT SENT': { color: 'gray', icon: IconCircleDashed },
  gone: { color: 'gray', icon: IconPlugOff },
} as const

export type SyncState = keyof typeof STATES

export const STATE_NAMES = Object.keys(STATES) as readonly SyncState[]

/** The same as a small sign with a name, where there is no room for the word. */
export function StateMark({ state }: { readonly state: SyncState }) {
  const { t } = useTranslation()
  const { color, icon: Icon } = STATES[state]
  const label = t(`state.${state}`)
  return (
    <Icon
      size={17}
      role="img"
      aria-label={label}
      title={label}
      color={`var(--mantine-color-${color}-6)`}
      style={{ verticalAlign: 'middle' }}
    />
  )
}

/** Whether a proxy has what it shall have: colour, shape and word. */
export function StateBadge({ state }: { readonly state: SyncState }) {
  const { t } = useTranslation()
  const { color, icon: Icon } = STATES[state]
  return (
    <Badge color={color} variant="light" miw="max-content" leftSection={<Icon size={13} />} data-state={state}>
      {t(`state.${state}`)}
    </Badge>
  )
}

const SEVERITIES = {
  error: { color: 'red', icon: IconAlertCircle },
  warning: { color: 'yellow', icon: IconAlertTriangle },
  info: { color: 'blue', icon: IconInfoCircle },
} as const

/** How bad a complaint is: colour, shape and word. */
export function SeverityBadge({ severity }: { readonly severity: keyof typeof SEVERITIES }) {
  const { t } = useTranslation()
  const { color, icon: Icon } = SEVERITIES[severity]
  return (
    <Badge color={color} variant="light" leftSection={<Icon size={13} />} style={{ flex: 'none' }}>
      {t(`severity.${severity}`)}
    </Badge>
  )
}
