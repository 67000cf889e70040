import { Badge } from '@mantine/core'
import { IconHourglass } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { useNow } from './time.tsx'
import { countdown } from './time-text.ts'

/** How long something still lasts, second by second. */
export function Expiry({ at }: { readonly at: string }) {
  const { t } = useTranslation()
  const left = Date.parse(at) - useNow()
  return (
    <Badge variant="light" color="orange" leftSection={<IconHourglass size={12} />} title={at}>
      {left > 0 ? t('endsIn', { left: countdown(left) }) : t('ending')}
    </Badge>
  )
}
