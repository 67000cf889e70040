import { Badge, Button, Group, Menu, ScrollArea, Text, TextInput } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { choose } from '../../forms/edits.ts'
import { emptyValue, type Field } from '../../forms/fields.ts'
import type { Path } from '../../yaml/index.ts'
import { docText } from '../context-at.ts'
import { useFieldLabel, useForm } from './form-context.tsx'
import { useStart } from './start.ts'

interface AddFieldProps {
  /** The object. */
  readonly path: Path
  /** Its fields that can be chosen. */
  readonly absent: readonly Field[]
  /** All its fields: choosing one takes out those that cannot stand beside it. */
  readonly siblings: readonly Field[]
}

/** A menu of the fields an object does not have, with what each is for; a search among many. */
export function AddField({ path: object, absent, siblings }: AddFieldProps) {
  const { t } = useTranslation('editor')
  const { value: document, edit, readOnly } = useForm()
  const startOf = useStart()
  const labelOf = useFieldLabel()
  const [wanted, setWanted] = useState('')
  const word = wanted.trim().toLowerCase()
  if (readOnly || absent.length === 0) return null
  const found = absent.filter(
    ({ name }) => name.toLowerCase().includes(word) || labelOf(name).toLowerCase().includes(word),
  )
  const isSet = (name: string) => siblings.some((one) => one.name === name && one.value !== undefined)
  return (
    <Menu position="bottom-start" width={360} shadow="md" onClose={() => setWanted('')}>
      <Menu.Target>
        <Button size="compact-xs" variant="subtle" leftSection={<IconPlus size={13} />} w="fit-content" ml={4} mt={4}>
          {t('field.add')}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {absent.length > 8 && (
          <TextInput
            size="xs"
            m={4}
            placeholder={t('field.search')}
            aria-label={t('field.search')}
            value={wanted}
            onChange={({ currentTarget }) => setWanted(currentTarget.value)}
          />
        )}
        <ScrollArea.Autosize mah={320}>
          {found.map(({ name, path, schema, excludes }) => {
            const gone = excludes.filter(isSet)
            return (
              <Menu.Item
                key={name}
                onClick={() =>
                  edit(
                    choose(document, object, [name, ...gone], String(path.at(-1)), startOf(path) ?? emptyValue(schema)),
                  )
                }
              >
                <Group gap={6} wrap="nowrap">
                  <Text size="sm">{labelOf(name)}</Text>
                  <Text size="xs" c="dimmed" ff="monospace">
                    {name}
                  </Text>
                  {schema?.['x-deprecated'] !== undefined && (
                    <Badge size="xs" color="gray">
                      {t('field.deprecated')}
                    </Badge>
                  )}
                  {schema?.['x-unsupported'] !== undefined && (
                    <Badge size="xs" color="yellow">
                      {t('field.unsupported')}
                    </Badge>
                  )}
                </Group>
                <Text size="xs" c="dimmed" lineClamp={2}>
                  {gone.length > 0 ? t('field.replaces', { fields: gone.join(', ') }) : schema && docText(schema)}
                </Text>
              </Menu.Item>
            )
          })}
        </ScrollArea.Autosize>
      </Menu.Dropdown>
    </Menu>
  )
}
