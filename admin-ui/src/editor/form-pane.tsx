import { Alert, Button, Paper, Select, Text } from '@mantine/core'
import { IconAlertTriangle } from '@tabler/icons-react'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { explained } from '../i18n/explained.ts'
import { documentNames } from './documents-of-file.ts'
import classes from './editor.module.css'
import { DocumentForm } from './form/document-form.tsx'
import { FormProvider, type FormState } from './form/form-context.tsx'
import type { OpenDocument } from './use-document.ts'

export interface FormPaneProps {
  readonly opened: OpenDocument
  /** Its number in the file, from 0. */
  readonly document: number
  /** Undefined where the document has no form, or not yet. */
  readonly form: FormState | undefined
  /** Whether the kind of the document has a schema. */
  readonly known: boolean
  readonly onDocument: (document: number) => void
  /** Shows a place of the text that a person has to look at. */
  readonly onPlace: (offset: number) => void
}

/** So few are read faster than they are searched. */
const FEW = 8
const MOST_NAMES = 100

/** One document of the file as a form, the choice between them, and why there is none. */
export function FormPane({ opened, document, form, known, onDocument, onPlace }: FormPaneProps) {
  const { t } = useTranslation('editor')
  const broken = opened.view?.error
  const names = useMemo(() => documentNames(opened.open), [opened.open])
  return (
    <Paper withBorder className={classes['form']} data-pane="form">
      {opened.open.count > 1 && (
        <Select
          size="xs"
          m="xs"
          aria-label={t('document.choose')}
          data={names}
          searchable={names.length > FEW}
          limit={MOST_NAMES}
          value={String(document)}
          allowDeselect={false}
          onChange={(next) => next !== null && onDocument(Number(next))}
        />
      )}
      {broken && (
        <Alert
          color="red"
          variant="light"
          icon={<IconAlertTriangle size={18} />}
          title={t('broken.title')}
          m="xs"
          role="alert"
          data-broken
        >
          <Text size="sm">{explained(`yaml.${broken.code}`, broken.message)}</Text>
          <Button size="compact-xs" variant="default" mt={6} onClick={() => onPlace(broken.position?.offset ?? 0)}>
            {t('broken.show', { line: broken.position?.line ?? 1 })}
          </Button>
        </Alert>
      )}
      {form ? (
        <FormProvider value={form}>
          <DocumentForm />
        </FormProvider>
      ) : (
        <Text size="sm" c="dimmed" p="md">
          {opened.kind === ''
            ? t('form.noKind')
            : known
              ? t('form.loading')
              : t('form.unknownKind', { kind: opened.kind })}
        </Text>
      )}
    </Paper>
  )
}
