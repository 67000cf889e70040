import { ActionIcon, CopyButton, Tooltip } from '@mantine/core'
import { IconCheck, IconCopy } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'

/** A button that puts a text into the clipboard, and says that it did. */
export function Copy({ value, label }: { readonly value: string; readonly label?: string }) {
  const { t } = useTranslation()
  return (
    <CopyButton value={value}>
      {({ copied, copy }) => {
        const text = copied ? t('copied') : (label ?? t('copy'))
        return (
          <Tooltip label={text}>
            <ActionIcon variant="subtle" color="gray" aria-label={text} onClick={copy}>
              {copied ? <IconCheck size={16} /> : <IconCopy size={16} />}
            </ActionIcon>
          </Tooltip>
        )
      }}
    </CopyButton>
  )
}
