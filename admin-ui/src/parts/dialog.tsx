import { Modal, type ModalProps } from '@mantine/core'
import { useTranslation } from 'react-i18next'

/** The kit's header is one of the page to those who do not see that it stands in a dialog. */
const PARTS = { header: { role: 'none' } }

/** A dialog whose way out has a name for those who do not see its cross. */
export function Dialog(props: ModalProps) {
  const { t } = useTranslation()
  return <Modal closeButtonProps={{ 'aria-label': t('keys.close') }} attributes={PARTS} {...props} />
}
