import { Autocomplete, MultiSelect, NumberInput, Select, Switch, TagsInput, TextInput } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { parseDuration } from '../../forms/duration.ts'
import type { Control } from '../../forms/fields.ts'
import type { FieldSchema } from '../../forms/schema.ts'
import { useBuffered } from './buffered.ts'
import { useForm } from './form-context.tsx'

export interface ScalarProps {
  readonly id?: string
  readonly label: string
  readonly describedBy?: string
  readonly schema: FieldSchema | undefined
  readonly value: unknown
  readonly onChange: (value: unknown) => void
  /** Values to choose from beside free text. */
  readonly suggestions?: readonly string[]
  readonly placeholder?: string
}

const common = (props: ScalarProps, readOnly: boolean) => ({
  ...(props.id === undefined ? {} : { id: props.id }),
  'aria-label': props.label,
  'aria-describedby': props.describedBy,
  disabled: readOnly,
  size: 'xs' as const,
})

/** The control of a value that is no map and no list. */
export function ScalarControl({ control, ...props }: ScalarProps & { readonly control: Control }) {
  const { readOnly } = useForm()
  switch (control) {
    case 'number':
      return <NumberControl {...props} />
    case 'toggle':
      return (
        <Switch
          {...common(props, readOnly)}
          size="sm"
          mt={4}
          checked={props.value === true}
          onChange={({ currentTarget }) => props.onChange(currentTarget.checked)}
        />
      )
    case 'choice': {
      const words = (props.schema?.enum ?? []).map(String)
      const now = props.value === undefined ? null : String(props.value)
      return (
        <Select
          {...common(props, readOnly)}
          data={now === null || words.includes(now) ? words : [now, ...words]}
          value={now}
          allowDeselect={false}
          onChange={(next) => next !== null && props.onChange(next)}
        />
      )
    }
    case 'texts':
      return (
        <TagsInput
          {...common(props, readOnly)}
          value={Array.isArray(props.value) ? (props.value as string[]) : []}
          data={[...(props.suggestions ?? [])]}
          limit={50}
          acceptValueOnBlur
          onChange={props.onChange}
        />
      )
    case 'choices': {
      const words = (props.schema?.items?.enum ?? []).map(String)
      const chosen = Array.isArray(props.value) ? (props.value as string[]) : []
      return (
        <MultiSelect
          {...common(props, readOnly)}
          value={chosen}
          data={[...words, ...chosen.filter((one) => !words.includes(one))]}
          onChange={(next) => next.length > 0 && props.onChange(next)}
        />
      )
    }
    case 'fixed':
      return null
    case 'values':
      return (
        <TagsInput
          {...common(props, readOnly)}
          value={(Array.isArray(props.value) ? props.value : props.value === undefined ? [] : [props.value]).map(
            String,
          )}
          acceptValueOnBlur
          onChange={(next) => {
            const values = next.map((text) => plainValue(text, props.value))
            // One value stays one value where no list was written.
            if (values.length > 0)
              props.onChange(values.length === 1 && !Array.isArray(props.value) ? values[0] : values)
          }}
        />
      )
    case 'plain':
      return (
        <TextControl
          duration={false}
          {...props}
          value={props.value === undefined ? undefined : String(props.value)}
          onChange={(next) =>
            // Of an expression digits are always a number, also where a sum stood before.
            props.onChange(plainValue(String(next), props.schema?.format === 'expression' ? undefined : props.value))
          }
        />
      )
    default:
      return <TextControl duration={control === 'duration'} {...props} />
  }
}

/** A text as the value it stands for: a number where one is exact and where numbers were written or nothing was. */
function plainValue(text: string, before: unknown): string | number {
  const written = Array.isArray(before) ? before : before === undefined || before === '' ? [] : [before]
  const numbers = written.every((one) => typeof one === 'number' || /^\d+-\d+$/.test(String(one)))
  return numbers && /^-?\d+$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : text
}

function TextControl({ duration, ...props }: ScalarProps & { readonly duration: boolean }) {
  const { t } = useTranslation('editor')
  const { readOnly } = useForm()
  const buffer = useBuffered(
    props.value === undefined || props.value === null ? '' : String(props.value),
    (text) => (text === '' || (duration && parseDuration(text) === undefined) ? undefined : text),
    props.onChange,
  )
  const shared = {
    ...common(props, readOnly),
    value: buffer.text,
    onFocus: buffer.onFocus,
    onBlur: buffer.onBlur,
    placeholder: props.placeholder ?? (duration ? '300ms, 1.5s, 1h30m' : ''),
    error: buffer.unread ? t('field.notDuration') : undefined,
  }
  return props.suggestions ? (
    <Autocomplete {...shared} data={[...props.suggestions]} limit={50} onChange={buffer.onChange} />
  ) : (
    <TextInput {...shared} onChange={({ currentTarget }) => buffer.onChange(currentTarget.value)} />
  )
}

function NumberControl(props: ScalarProps) {
  const { readOnly } = useForm()
  const { schema } = props
  const whole = schema?.type === 'integer'
  const read = (text: string) => {
    const number = text.trim() === '' ? Number.NaN : Number(text)
    return Number.isNaN(number) || (whole && !Number.isInteger(number)) ? undefined : number
  }
  const buffer = useBuffered(
    props.value === undefined || props.value === null ? '' : String(props.value),
    read,
    props.onChange,
  )
  return (
    <NumberInput
      {...common(props, readOnly)}
      value={buffer.text}
      allowDecimal={!whole}
      min={schema?.minimum ?? 0}
      max={schema?.maximum ?? Number.MAX_SAFE_INTEGER}
      clampBehavior="none"
      placeholder={props.placeholder ?? ''}
      onFocus={buffer.onFocus}
      onBlur={buffer.onBlur}
      onChange={(next) => buffer.onChange(String(next))}
    />
  )
}
