import { CloseButton, TextInput } from '@mantine/core'
import { IconSearch } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'

export interface SearchProps {
  readonly value: string
  readonly onChange: (value: string) => void
  readonly label: string
}

/** The search field of a page; `/` jumps into it. */
export function Search({ value, onChange, label }: SearchProps) {
  const { t } = useTranslation()
  return (
    <TextInput
      data-search
      type="search"
      aria-label={label}
      placeholder={label}
      w={{ base: '100%', xs: 300 }}
      leftSection={<IconSearch size={16} />}
      rightSection={value !== '' && <CloseButton size="sm" aria-label={t('clear')} onClick={() => onChange('')} />}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  )
}
