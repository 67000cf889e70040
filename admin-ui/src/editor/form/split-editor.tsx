import { ActionIcon, Button, Group, NumberInput, Progress, Slider, Stack, Text, Tooltip } from '@mantine/core'
import { IconChevronDown, IconLock, IconLockOpen, IconTrash } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { readList } from '../../forms/schema.ts'
import {
  addDestination,
  evenShares,
  moveShare,
  nextStep,
  readSplit,
  removeDestination,
  type Share,
  STEPS,
  weightEdits,
  wholePercents,
} from '../../forms/split.ts'
import { AddButton } from './add-button.tsx'
import classes from './form.module.css'
import { useForm } from './form-context.tsx'
import type { LayoutProps } from './layout-context.ts'
import { ObjectForm } from './object-form.tsx'

const COLOURS = ['mesh.7', 'orange.7', 'violet.6', 'green.7', 'pink.6', 'yellow.8', 'cyan.8', 'gray.6']

/** What a share is called: `reviews:8080 · v2`. */
export const shareName = ({ host, subset, port }: Share) =>
  `${host}${port === undefined ? '' : `:${port}`}${subset ? ` · ${subset}` : ''}`

/** Destinations with sliders whose shares always sum to 100. */
export function SplitEditor({ path, schema, value }: LayoutProps) {
  const { t } = useTranslation('editor')
  const { value: document, edit, readOnly } = useForm()
  const [locked, setLocked] = useState<ReadonlySet<number>>(new Set())
  const shares = readSplit(value)
  const percents = wholePercents(shares.map(({ percent }) => percent))
  const write = (next: readonly number[]) => edit(weightEdits(document, path, next))
  const several = shares.length > 1
  const items = readList(document, ...path)
  const first = shares[0]
  const sameHost = shares.every(({ host, port }) => host === first?.host && port === first?.port)
  return (
    <Stack gap={4} className={classes['group']} data-split>
      {several && (
        <Group justify="space-between" px={8} gap={6}>
          <Progress.Root size={10} style={{ flex: 1 }} aria-hidden>
            {shares.map((share) => (
              <Progress.Section
                key={share.index}
                value={percents[share.index]!}
                color={COLOURS[share.index % COLOURS.length]!}
              />
            ))}
          </Progress.Root>
          {!readOnly && (
            <Button size="compact-xs" variant="default" onClick={() => write(evenShares(percents, locked))}>
              {t('split.even')}
            </Button>
          )}
        </Group>
      )}
      {shares.map((share) => (
        <ShareRow
          key={share.index}
          share={share}
          percent={percents[share.index]!}
          several={several}
          label={(sameHost && share.subset) || shareName(share)}
          locked={locked.has(share.index)}
          onLock={() => {
            const next = new Set(locked)
            if (!next.delete(share.index)) next.add(share.index)
            setLocked(next)
          }}
          onMove={(percent) => write(moveShare(percents, share.index, percent, locked))}
          onRemove={() => {
            setLocked(new Set())
            edit(removeDestination(document, path, share.index))
          }}
        >
          {schema.items && (
            <ObjectForm
              path={[...path, share.index]}
              schema={schema.items}
              value={items[share.index]}
              except={several ? ['weight'] : []}
            />
          )}
        </ShareRow>
      ))}
      {!readOnly && (
        <AddButton onClick={() => edit(addDestination(document, path, { host: first?.host ?? '' }))}>
          {t('split.add')}
        </AddButton>
      )}
    </Stack>
  )
}

interface ShareRowProps {
  readonly share: Share
  readonly percent: number
  readonly several: boolean
  /** What tells it from the others; its full name is the title. */
  readonly label: string
  readonly locked: boolean
  readonly onLock: () => void
  readonly onMove: (percent: number) => void
  readonly onRemove: () => void
  readonly children: React.ReactNode
}

function ShareRow({ share, percent, several, label, locked, onLock, onMove, onRemove, children }: ShareRowProps) {
  const { t } = useTranslation('editor')
  const { readOnly } = useForm()
  const [open, setOpen] = useState(share.host === '')
  const name = shareName(share)
  const step = nextStep(percent)
  const off = readOnly || locked
  return (
    <div data-share={name}>
      <div className={classes['share']}>
        <Button
          size="compact-sm"
          variant="subtle"
          color="gray"
          justify="flex-start"
          onClick={() => setOpen(!open)}
          aria-expanded={open}
          aria-label={name}
          title={name}
          leftSection={<IconChevronDown size={14} style={{ transform: open ? 'none' : 'rotate(-90deg)' }} />}
        >
          {label || t('split.unnamed')}
        </Button>
        {several ? (
          <>
            <Slider
              className={classes['slider'] ?? ''}
              value={percent}
              onChange={onMove}
              disabled={off}
              color={COLOURS[share.index % COLOURS.length]!}
              label={(one) => `${one} %`}
              thumbLabel={t('split.shareOf', { name })}
              marks={STEPS.map((one) => ({ value: one }))}
            />
            <NumberInput
              size="xs"
              value={percent}
              min={0}
              max={100}
              suffix=" %"
              allowDecimal={false}
              disabled={off}
              aria-label={t('split.percentOf', { name })}
              onChange={(next) => typeof next === 'number' && onMove(next)}
            />
            <Group gap={2} wrap="nowrap">
              {!readOnly && step !== undefined && (
                <Tooltip label={t('split.stepHint', { percent: step })}>
                  <Button
                    size="compact-sm"
                    variant="light"
                    disabled={off}
                    onClick={() => onMove(step)}
                    aria-label={`${name}: ${t('split.stepHint', { percent: step })}`}
                  >
                    → {step} %
                  </Button>
                </Tooltip>
              )}
              <Tooltip label={locked ? t('split.unlock') : t('split.lock')}>
                <ActionIcon
                  variant={locked ? 'light' : 'subtle'}
                  color="gray"
                  onClick={onLock}
                  disabled={readOnly}
                  aria-pressed={locked}
                  aria-label={`${locked ? t('split.unlock') : t('split.lock')}: ${name}`}
                >
                  {locked ? <IconLock size={15} /> : <IconLockOpen size={15} />}
                </ActionIcon>
              </Tooltip>
              {!readOnly && (
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  onClick={onRemove}
                  aria-label={`${t('list.remove')}: ${name}`}
                >
                  <IconTrash size={15} />
                </ActionIcon>
              )}
            </Group>
          </>
        ) : (
          <Text size="sm" c="dimmed">
            {t('split.all')}
          </Text>
        )}
      </div>
      {open && (
        <div className={classes['nested']} style={{ marginLeft: 22 }}>
          {children}
        </div>
      )}
    </div>
  )
}
