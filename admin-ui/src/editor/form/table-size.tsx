import { Button, Group, Stack, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import {
  chooseAlgorithm,
  LARGEST_TABLE,
  primeAtLeast,
  TABLE_SIZES,
  tableCost,
  tableSizeProblem,
} from '../../forms/balance.ts'
import { FieldRow } from './field-row.tsx'
import { useForm } from './form-context.tsx'
import type { LayoutProps } from './layout-context.ts'
import { ScalarControl } from './scalar-control.tsx'

/** The Maglev table: primes to choose from, what they cost, and what is wrong with another number. */
export function TableSize({ path, size }: { readonly path: LayoutProps['path']; readonly size: number | undefined }) {
  const { t } = useTranslation('editor')
  const { value: document, edit, readOnly } = useForm()
  const shown = size ?? 65_537
  const problem = tableSizeProblem(shown)
  const { bytes } = tableCost(shown, 0)
  const set = (next: number | undefined) => edit(chooseAlgorithm(document, path, 'maglev', next))
  return (
    <FieldRow
      name="tableSize"
      path={[...path, 'consistentHash', 'maglev', 'tableSize']}
      schema={{ type: 'integer', description: t('balance.tableDoc'), 'x-default': '4093 / 65537' }}
      onClear={size === undefined ? undefined : () => set(undefined)}
    >
      {(ids) => (
        <Stack gap={4}>
          <Group gap={6}>
            <div style={{ width: 120 }}>
              <ScalarControl
                control="number"
                {...ids}
                schema={{ type: 'integer', minimum: 2, maximum: LARGEST_TABLE }}
                value={size}
                placeholder={t('balance.byItself')}
                onChange={(next) => set(Number(next))}
              />
            </div>
            {!readOnly &&
              TABLE_SIZES.map((one) => (
                <Button
                  key={one}
                  size="compact-xs"
                  variant={one === shown ? 'light' : 'default'}
                  onClick={() => set(one)}
                >
                  {one}
                </Button>
              ))}
          </Group>
          <Text size="xs" c={problem ? 'red' : 'dimmed'}>
            {problem === 'notPrime'
              ? t('balance.notPrime', { prime: primeAtLeast(shown) })
              : problem === 'tooLarge'
                ? t('balance.tooLarge')
                : t('balance.cost', {
                    kilobytes: Math.round(bytes / 1_024),
                    endpoints: Math.max(1, Math.floor(shown / 100)),
                  })}
          </Text>
        </Stack>
      )}
    </FieldRow>
  )
}
