import { ActionIcon, Group, Text } from '@mantine/core'
import { IconChevronLeft, IconChevronRight } from '@tabler/icons-react'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'

export interface Pages {
  /** The items to show: from, and up to but without. */
  readonly from: number
  readonly to: number
  /** Leads to the others; nothing where all are shown. */
  readonly pager: ReactNode
}

/**
 * A long list in pages: a form of a thousand rules would be rendered for each change of one.
 * @param wanted an item that must be seen, such as the one the cursor is in
 */
export function usePages(count: number, size: number, wanted: number | undefined): Pages {
  const { t } = useTranslation('editor')
  const [page, setPage] = useState(0)
  const [followed, setFollowed] = useState<number | undefined>(undefined)
  if (wanted !== followed) {
    setFollowed(wanted)
    if (wanted !== undefined) setPage(Math.floor(wanted / size))
  }
  const last = Math.max(0, Math.ceil(count / size) - 1)
  const at = Math.min(page, last)
  const [from, to] = [at * size, Math.min(count, (at + 1) * size)]
  const pager = last > 0 && (
    <Group gap={4} justify="flex-end">
      <ActionIcon
        variant="subtle"
        color="gray"
        disabled={at === 0}
        aria-label={t('pages.before')}
        onClick={() => setPage(at - 1)}
      >
        <IconChevronLeft size={16} />
      </ActionIcon>
      <Text size="xs" c="dimmed" className="number" aria-live="polite">
        {t('pages.range', { from: from + 1, to, count })}
      </Text>
      <ActionIcon
        variant="subtle"
        color="gray"
        disabled={at === last}
        aria-label={t('pages.after')}
        onClick={() => setPage(at + 1)}
      >
        <IconChevronRight size={16} />
      </ActionIcon>
    </Group>
  )
  return { from, to, pager }
}
