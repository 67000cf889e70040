import { Stack, Text, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { serviceOf } from '../../forms/balance.ts'
import { readMap, readText } from '../../forms/schema.ts'
import { MaglevResult } from '../../parts/maglev-result.tsx'
import type { Path } from '../../yaml/index.ts'
import { useForm } from './form-context.tsx'

/** What the table of a policy does to keys, with the endpoints there are now and the size as it stands in the form. */
export function MaglevField({ path, size }: { readonly path: Path; readonly size: number | undefined }) {
  const { t } = useTranslation('editor')
  const { value, hosts } = useForm()
  const [keys, setKeys] = useState('')
  const host = readText(readMap(value, 'spec'), 'host') ?? ''
  const hostname = serviceOf(host, readText(readMap(value, 'metadata'), 'namespace') ?? 'default', hosts)
  // spec.subsets[2].trafficPolicy…
  const subset = path[1] === 'subsets' ? readText(readMap(value, ...path.slice(0, 3)), 'name') : ''
  if (hostname === undefined)
    return (
      <Text size="xs" c="dimmed" px={8}>
        {t('balance.noService', { host })}
      </Text>
    )
  return (
    <Stack gap={6} px={8} mt={6} data-maglev>
      <TextInput
        size="xs"
        label={t('balance.tryKeys')}
        placeholder="player-1 player-2"
        value={keys}
        onChange={({ currentTarget }) => setKeys(currentTarget.value)}
      />
      <MaglevResult hostname={hostname} size={size} subset={subset ?? ''} keys={keys} />
    </Stack>
  )
}
