import { Button, Group, NumberInput, Text } from '@mantine/core'
import { IconArrowsLeftRight } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { queries } from '../api/queries.ts'
import { FileDiffs } from '../parts/diff.tsx'
import { Page } from '../parts/page.tsx'
import { ProblemAlert } from '../parts/problem.tsx'
import { useView } from '../parts/view.ts'

/** What differs between any two revisions. */
export function ComparePage() {
  const { t } = useTranslation('history')
  const [view, change] = useView({ from: '', to: '' })
  const from = Number(view.from)
  const to = Number(view.to)
  const { data, error, isFetching } = useQuery(queries.revisionDiff(to, from))
  const field = (name: 'from' | 'to') => (
    <NumberInput
      label={t(name)}
      min={name === 'from' ? 0 : 1}
      w={130}
      value={view[name] === '' ? '' : Number(view[name])}
      onChange={(value) => change({ [name]: String(value) })}
    />
  )
  return (
    <Page
      title={t('compare')}
      lead={view.from && view.to ? t('compareLead', { from: view.from, to: view.to }) : t('compareWhich')}
    >
      <Group align="flex-end">
        {field('from')}
        <Button
          variant="default"
          leftSection={<IconArrowsLeftRight size={16} />}
          onClick={() => change({ from: view.to, to: view.from })}
        >
          {t('swap')}
        </Button>
        {field('to')}
      </Group>
      {error && <ProblemAlert error={error} />}
      {data && !isFetching && data.length === 0 && <Text c="dimmed">{t('noDifference')}</Text>}
      {data && <FileDiffs files={data} />}
    </Page>
  )
}
