import { Badge, Button, Card, Checkbox, Group, Stack, Text, Title } from '@mantine/core'
import { IconBasket, IconTrash } from '@tabler/icons-react'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { Empty } from '../parts/empty.tsx'
import { AppLink } from '../parts/link.tsx'
import { Page } from '../parts/page.tsx'
import { Time } from '../parts/time.tsx'
import { useView } from '../parts/view.ts'
import { Applied } from './applied.tsx'
import { type Draft, isChanged } from './drafts.ts'
import { editHref } from './edit-href.ts'
import { Review } from './review.tsx'
import { drafts, useDrafts } from './use-drafts.ts'

/** From drafts to a revision: what they do, whom they hit, why, and then how far they have come. */
export function ReviewPage() {
  const { t } = useTranslation('change')
  const [view, setView] = useView({ applied: '', without: '' })
  const waiting = useDrafts().filter(isChanged)
  const left = useMemo(() => new Set(view.without.split('\n').filter(Boolean)), [view.without])
  const chosen = waiting.filter(({ file }) => !left.has(file))
  const applied = Number(view.applied)
  return (
    <Page
      title={applied > 0 ? t('applied.title', { revision: applied }) : t('title')}
      lead={applied > 0 ? undefined : t('lead')}
    >
      {applied > 0 && <Applied key={applied} revision={applied} />}
      {waiting.length === 0 && applied === 0 && (
        <Empty icon={IconBasket} title={t('empty.title')}>
          {t('empty.lead')}{' '}
          <AppLink href="/rules" underline="always">
            {t('empty.rules')}
          </AppLink>
        </Empty>
      )}
      {waiting.length > 0 && (
        <>
          {applied > 0 && <Title order={2}>{t('more')}</Title>}
          <BasketCard
            waiting={waiting}
            left={left}
            onChoose={(file, on) => {
              const next = new Set(left)
              if (on) next.delete(file)
              else next.add(file)
              setView({ without: [...next].join('\n') })
            }}
          />
          {chosen.length > 0 && (
            <Review
              chosen={chosen}
              onApplied={(revision) => {
                for (const { file } of chosen) drafts.drop(file)
                setView({ applied: String(revision), without: '' })
              }}
            />
          )}
        </>
      )}
    </Page>
  )
}

function BasketCard({
  waiting,
  left,
  onChoose,
}: {
  readonly waiting: readonly Draft[]
  readonly left: ReadonlySet<string>
  readonly onChoose: (file: string, on: boolean) => void
}) {
  const { t } = useTranslation('change')
  return (
    <Card withBorder>
      <Stack gap={6}>
        {waiting.map((draft) => (
          <Group key={draft.file} gap="sm" wrap="nowrap">
            <Checkbox
              checked={!left.has(draft.file)}
              onChange={({ currentTarget }) => onChoose(draft.file, currentTarget.checked)}
              label={
                <Text size="sm" ff="monospace">
                  {draft.file}
                </Text>
              }
            />
            <Badge variant="default" size="sm">
              {t(
                draft.baseText === undefined
                  ? 'draft.new'
                  : draft.text === undefined
                    ? 'draft.deleted'
                    : 'draft.changed',
              )}
            </Badge>
            <Text size="xs" c="dimmed">
              <Time at={new Date(draft.savedAt).toISOString()} /> · {t('draft.base', { revision: draft.base })}
            </Text>
            <Group gap={4} ml="auto" wrap="nowrap">
              {draft.text !== undefined && (
                <AppLink href={editHref(draft)} size="sm">
                  {t('draft.edit')}
                </AppLink>
              )}
              <Button
                size="compact-xs"
                variant="subtle"
                color="gray"
                leftSection={<IconTrash size={13} />}
                onClick={() => drafts.drop(draft.file)}
              >
                {t('draft.drop')}
              </Button>
            </Group>
          </Group>
        ))}
      </Stack>
    </Card>
  )
}
