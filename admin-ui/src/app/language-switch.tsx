import { SegmentedControl } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { currentLanguage, LANGUAGES, type Language, setLanguage } from '../i18n/index.ts'

const NAMES: Readonly<Record<Language, string>> = { en: 'EN', zh: '中文' }

export function LanguageSwitch() {
  const { t } = useTranslation()
  return (
    <SegmentedControl
      size="xs"
      aria-label={t('language.switch')}
      data={LANGUAGES.map((value) => ({ value, label: NAMES[value] }))}
      value={currentLanguage()}
      onChange={(value) => void setLanguage(value as Language)}
    />
  )
}
