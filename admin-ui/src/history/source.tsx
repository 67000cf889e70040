import { Badge } from '@mantine/core'
import { IconArrowBackUp, IconFile, IconHourglassOff, IconWorldUp } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import type { Revision } from '../api/schema.ts'

const ICONS = { api: IconWorldUp, files: IconFile, rollback: IconArrowBackUp, expiry: IconHourglassOff } as const
export const SOURCES = ['api', 'files', 'rollback', 'expiry'] as const

/** Where a revision came from. */
export function SourceBadge({ source }: { readonly source: Revision['source'] }) {
  const { t } = useTranslation('history')
  const Icon = ICONS[source]
  return (
    <Badge variant="light" color={source === 'rollback' ? 'orange' : 'gray'} leftSection={<Icon size={13} />}>
      {t(`source.${source}`)}
    </Badge>
  )
}
