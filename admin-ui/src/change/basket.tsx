import { Button } from '@mantine/core'
import { IconBasket } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { AppLink } from '../parts/link.tsx'
import { isChanged } from './drafts.ts'
import { useDrafts } from './use-drafts.ts'

/** Drafts that wait, on every page. */
export function Basket() {
  const { t } = useTranslation('change')
  const count = useDrafts().filter(isChanged).length
  if (count === 0) return null
  return (
    <Button
      component={AppLink}
      href="/changes/new"
      size="xs"
      variant="light"
      underline="never"
      style={{ flex: 'none' }}
      leftSection={<IconBasket size={16} />}
      data-basket={count}
    >
      {t('basket', { count })}
    </Button>
  )
}
