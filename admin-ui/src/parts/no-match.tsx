import { Button } from '@mantine/core'
import { IconFilterOff } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { Empty } from './empty.tsx'

/** Where filters leave nothing. */
export function NoMatch({ clear }: { readonly clear: () => void }) {
  const { t } = useTranslation()
  return (
    <Empty icon={IconFilterOff} title={t('noMatch.title')}>
      <Button variant="default" size="xs" onClick={clear}>
        {t('noMatch.clear')}
      </Button>
    </Empty>
  )
}
