import { Button, Menu } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { IconCopy } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { notifyProblem } from '../parts/problem.tsx'
import { type DocumentView, documentText } from '../yaml/index.ts'
import { asCurl, asKubectl } from './copy-as.ts'

export interface CopyMenuProps {
  readonly text: string
  readonly view: DocumentView | undefined
  readonly file: string
  /** The whole file as it would be written. */
  readonly raw: string
  readonly base: number
}

/** The document for somewhere else: as YAML, for kubectl, for the API, or its address. */
export function CopyMenu({ text, view, file, raw, base }: CopyMenuProps) {
  const { t } = useTranslation('editor')
  const document = (view ? documentText(text, view.document) : text).replace(/^---[ \t]*\n/, '')
  const copy = async (what: string) => {
    try {
      await navigator.clipboard.writeText(what)
      notifications.show({ message: t('copy.done'), autoClose: 2_000 })
    } catch (error) {
      notifyProblem(error)
    }
  }
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <Button size="xs" variant="default" leftSection={<IconCopy size={15} />}>
          {t('copy.menu')}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => copy(document)}>{t('copy.yaml')}</Menu.Item>
        <Menu.Item onClick={() => copy(asKubectl(document))}>kubectl apply</Menu.Item>
        <Menu.Item onClick={() => copy(asCurl(location.origin, file, raw, base))}>{t('copy.curl')}</Menu.Item>
        <Menu.Item onClick={() => copy(location.href)}>{t('copy.link')}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
