import { Autocomplete, Group, Stack, Text, TextInput } from '@mantine/core'
import { type KeyboardEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { alternativesOf } from '../../forms/alternatives.ts'
import { setField } from '../../forms/edits.ts'
import { emptyValue, type Field, fieldsOf } from '../../forms/fields.ts'
import { isMap } from '../../forms/schema.ts'
import { formatPath } from '../../yaml/index.ts'
import { AddButton } from './add-button.tsx'
import { AddField } from './add-field.tsx'
import { AlternativeSelect } from './alternative-select.tsx'
import { FieldRow } from './field-row.tsx'
import classes from './form.module.css'
import { useActiveIn, useFieldLabel, useForm } from './form-context.tsx'
import { ItemActions } from './item-actions.tsx'
import { isAlwaysShown, type LayoutProps, useLayoutOf } from './layout-context.ts'
import { usePages } from './pages.tsx'
import { ScalarControl } from './scalar-control.tsx'
import { MatchControl, PairsControl, PercentControl } from './small-controls.tsx'
import { useStart } from './start.ts'
import { choicesAt, useKeySuggestions } from './suggestions.ts'

export interface ObjectFormProps extends LayoutProps {
  /** Fields somebody else shows. */
  readonly except?: readonly string[]
}

/** Every field of an object that is set or required, and a way to the others. Fields with a layout of their own get that. */
export function ObjectForm({ path, schema, value, except = [] }: ObjectFormProps) {
  const { kind } = useForm()
  const fields = fieldsOf(schema, value, path).filter(({ name }) => !except.includes(name))
  const editable = fields.filter(({ control }) => control !== 'kept')
  const isShown = ({ value: held, required, path: at }: Field) =>
    held !== undefined || required || isAlwaysShown(kind, at)
  const shown = editable.filter(isShown)
  const absent = editable.filter((field) => !isShown(field))
  return (
    <div className={classes[kind === 'Protocol' ? 'dense' : 'fields']}>
      {shown.map((field) => (
        <FieldForm key={field.name} field={field} siblings={fields} />
      ))}
      <AddField path={path} absent={absent} siblings={fields} />
    </div>
  )
}

/** A field with the control its schema asks for. */
export function FieldForm({ field, siblings = [] }: { readonly field: Field; readonly siblings?: readonly Field[] }) {
  const form = useForm()
  const layoutOf = useLayoutOf()
  const labelOf = useFieldLabel()
  const { name, path, schema, value, required, control } = field
  if (!schema) return null
  const set = (next: unknown) => form.edit(setField(form.value, path, next))
  const clear = required || value === undefined ? undefined : () => set(undefined)
  const Layout = layoutOf(path)
  const ways = alternativesOf(field.declared)
  const before = ways.length > 1 && <AlternativeSelect label={labelOf(name)} path={path} value={value} ways={ways} />
  const row = { name, path, schema, onClear: clear, before }
  if (Layout)
    return (
      <FieldRow {...row} wide>
        {() => <Layout path={path} schema={schema} value={value} />}
      </FieldRow>
    )
  switch (control) {
    case 'group':
      return (
        <FieldRow {...row} wide>
          {() => (
            <div className={classes['nested']}>
              <ObjectForm path={path} schema={schema} value={value} />
            </div>
          )}
        </FieldRow>
      )
    case 'list':
      return (
        <FieldRow {...row} wide>
          {() => <ListForm path={path} schema={schema} value={value} />}
        </FieldRow>
      )
    case 'entries':
      return (
        <FieldRow {...row} wide>
          {() => <EntriesForm path={path} schema={schema} value={value} />}
        </FieldRow>
      )
    case 'match':
      return (
        <FieldRow {...row}>
          {({ id, label }) => <MatchControl id={id} label={label} value={value} onChange={set} />}
        </FieldRow>
      )
    case 'pairs':
      return (
        <FieldRow {...row} wide>
          {({ id, label }) => <PairsControl id={id} label={label} value={value} onChange={set} />}
        </FieldRow>
      )
    case 'percent':
      return (
        <FieldRow {...row}>
          {({ id, label }) => <PercentControl id={id} label={label} value={value} onChange={set} />}
        </FieldRow>
      )
    default: {
      const suggestions = choicesAt(form, path, siblings)
      return (
        <FieldRow {...row}>
          {(ids) => (
            <ScalarControl
              control={control}
              {...ids}
              schema={schema}
              value={value}
              onChange={set}
              {...(suggestions ? { suggestions } : {})}
            />
          )}
        </FieldRow>
      )
    }
  }
}

const ITEMS_SHOWN = 20

/** Items of a list, each a card with its number; they can be moved. */
export function ListForm({ path, schema, value }: LayoutProps) {
  const { t } = useTranslation('editor')
  const { edit, readOnly } = useForm()
  const startOf = useStart()
  const items = Array.isArray(value) ? value : []
  const at = useActiveIn(path)
  const { from, to, pager } = usePages(items.length, ITEMS_SHOWN, typeof at === 'number' ? at : undefined)
  const item = schema.items
  if (!item) return null
  const fresh = startOf([...path, items.length]) ?? emptyValue(item)
  const shown = items.slice(from, to).map((one, offset) => ({ one, index: from + offset }))
  return (
    <Stack gap={8} mt={4}>
      {pager}
      {shown.map(({ one, index }) => (
        <div key={index} className={classes['group']}>
          <Group justify="space-between" gap={4} mb={2}>
            <Text size="xs" c="dimmed" ff="monospace">
              {formatPath([...path.slice(-1), index])}
            </Text>
            {!readOnly && <ItemActions path={path} index={index} count={items.length} />}
          </Group>
          <ItemForm path={[...path, index]} schema={item} value={one} />
        </div>
      ))}
      {!readOnly && (
        <AddButton
          onClick={() =>
            edit(items.length === 0 ? [{ op: 'set', path, value: [fresh] }] : [{ op: 'append', path, value: fresh }])
          }
        >
          {t('list.add')}
        </AddButton>
      )}
    </Stack>
  )
}

/** The value of an item or entry: an object, or a value by itself. */
function ItemForm({ path, schema, value }: LayoutProps) {
  const Layout = useLayoutOf()(path)
  if (Layout) return <Layout path={path} schema={schema} value={value} />
  if (schema.properties && !schema.anyOf) {
    const [field] = fieldsOf({ type: 'object', properties: { item: schema } }, { item: value }, [])
    if (field?.control === 'group') return <ObjectForm path={path} schema={schema} value={value} />
  }
  const [field] = fieldsOf(
    { type: 'object', properties: { [String(path.at(-1))]: schema } },
    { [String(path.at(-1))]: value },
    [],
  )
  return field ? <FieldForm field={{ ...field, path, required: true }} /> : null
}

/** Entries of a map whose values are no plain texts: conditions by header name and the like. */
function EntriesForm({ path, schema, value }: LayoutProps) {
  const { t } = useTranslation('editor')
  const { edit, readOnly } = useForm()
  const [fresh, setFresh] = useState('')
  const startOf = useStart()
  const keys = useKeySuggestions(path)
  const map = isMap(value) ? value : {}
  const inner = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined
  if (!inner) return null
  const key = fresh.trim()
  const entry = {
    ...{ size: 'xs', w: 180, value: fresh, placeholder: t('pairs.new') },
    'aria-label': `${formatPath(path)}: ${t('pairs.new')}`,
    onKeyDown: (event: KeyboardEvent) => event.key === 'Enter' && add(),
  }
  const add = () => {
    if (key === '' || Object.hasOwn(map, key)) return
    edit([{ op: 'set', path: [...path, key], value: startOf([...path, key]) ?? emptyValue(inner) }])
    setFresh('')
  }
  return (
    <Stack gap={4} className={classes['nested']}>
      {Object.entries(map).map(([name, one]) => {
        const [field] = fieldsOf({ type: 'object', properties: { [name]: inner } }, { [name]: one }, path)
        return field && <FieldForm key={name} field={field} />
      })}
      {!readOnly && (
        <Group gap={6} wrap="nowrap">
          {keys.length === 0 ? (
            <TextInput {...entry} onChange={({ currentTarget }) => setFresh(currentTarget.value)} />
          ) : (
            <Autocomplete {...entry} data={keys.filter((one) => !Object.hasOwn(map, one))} onChange={setFresh} />
          )}
          <AddButton disabled={key === ''} onClick={add}>
            {t('field.addEntry')}
          </AddButton>
        </Group>
      )}
    </Stack>
  )
}
