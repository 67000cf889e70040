import { Alert, Stack } from '@mantine/core'
import { IconAlertTriangle } from '@tabler/icons-react'
import { useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { setField } from '../../forms/edits.ts'
import { readFault, stopsEverything } from '../../forms/fault.ts'
import { read, schemaAt, writtenPath } from '../../forms/schema.ts'
import { ExpiryField } from './expiry-field.tsx'
import { FaultAbort, FaultDelay } from './fault-parts.tsx'
import { FaultScope } from './fault-scope.tsx'
import classes from './form.module.css'
import { useForm } from './form-context.tsx'
import type { LayoutProps } from './layout-context.ts'
import { Section } from './section.tsx'

/** A fault of a rule: first which requests, then what happens to them, then for how long. */
export function FaultEditor({ path, schema, value }: LayoutProps) {
  const { t } = useTranslation('editor')
  const { value: document, edit } = useForm()
  const at = writtenPath(document, [...path, 'fault'])
  const raw = read(value, String(at.at(-1)))
  const on = raw !== undefined
  const [scoping, setScoping] = useState(false)
  const parts = useRef<HTMLDivElement>(null)
  const added = useRef(false)
  useEffect(() => {
    if (!on || !added.current) return
    // The button that added it is gone, and the focus with it: what comes next is how it fails, and when that ends.
    added.current = false
    parts.current?.querySelector<HTMLElement>('input, button')?.focus()
  }, [on])
  const part = { at, schema: schemaAt(schema, ['fault']), fault: readFault(raw) }
  return (
    <Section
      title={t('section.fault')}
      field="fault"
      on={on || scoping}
      onToggle={(next) => {
        if (!next && on) edit(setField(document, at, undefined))
        setScoping(next && !on)
      }}
    >
      {scoping && !on && (
        <FaultScope
          path={path}
          onDone={() => {
            added.current = true
            setScoping(false)
          }}
        />
      )}
      {on && (
        <Stack gap={4}>
          {stopsEverything(raw) && (
            <Alert color="red" variant="light" icon={<IconAlertTriangle size={18} />} py={6} mx={8}>
              {t('fault.everything')}
            </Alert>
          )}
          <div className={classes['nested']} ref={parts}>
            <FaultDelay {...part} />
            <FaultAbort {...part} />
            <ExpiryField />
          </div>
        </Stack>
      )}
    </Section>
  )
}
