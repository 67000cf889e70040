import { Stack } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { setField, setFields } from '../../forms/edits.ts'
import { fieldsOf } from '../../forms/fields.ts'
import { readList } from '../../forms/schema.ts'
import { readSplit } from '../../forms/split.ts'
import { ExpiryField } from './expiry-field.tsx'
import { useForm } from './form-context.tsx'
import type { LayoutProps } from './layout-context.ts'
import { FieldForm, ListForm } from './object-form.tsx'
import { Section } from './section.tsx'

/** Copies of requests to other destinations; their answers are thrown away. */
export function MirrorEditor({ path, schema, value }: LayoutProps) {
  const { t } = useTranslation('editor')
  const { value: document, edit } = useForm()
  const fields = fieldsOf(schema, value, path)
  const field = (name: string) => fields.find((one) => one.name === name)!
  const [mirror, mirrors] = [field('mirror'), field('mirrors')]
  const on = mirror.value !== undefined || mirrors.value !== undefined
  const host = readSplit(readList(value, 'route'))[0]?.host ?? ''
  const toggle = (next: boolean) =>
    edit(
      next
        ? setField(document, mirrors.path, [{ destination: { host }, percentage: { value: 10 } }])
        : setFields(document, path, {
            mirror: undefined,
            mirrors: undefined,
            mirrorPercentage: undefined,
            mirrorPercent: undefined,
          }),
    )
  return (
    <Section title={t('section.mirror')} field="mirrors" on={on} onToggle={toggle}>
      <Stack gap={2}>
        {mirror.value !== undefined && (
          <>
            <FieldForm field={mirror} />
            <FieldForm field={field('mirrorPercentage')} />
            {field('mirrorPercent').value !== undefined && <FieldForm field={field('mirrorPercent')} />}
          </>
        )}
        {mirrors.value !== undefined && <ListForm path={mirrors.path} schema={mirrors.schema!} value={mirrors.value} />}
        <ExpiryField />
      </Stack>
    </Section>
  )
}
