import { Alert, Button, Code, Group, Radio, Stack, Table, Text } from '@mantine/core'
import { IconGitMerge } from '@tabler/icons-react'
import { useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { formatPath } from '../yaml/index.ts'
import type { Draft } from './drafts.ts'
import { clashKey, mergeTexts, type Pick } from './merge.ts'

export interface ConflictPanelProps {
  readonly draft: Draft
  /** The file as it is now; undefined: it is gone. */
  readonly theirs: string | undefined
  readonly revision: number
  /** The draft on the new base. */
  readonly onResolved: (draft: Draft) => void
}

/** Somebody else changed the file of a draft: brings both together, and asks about what both changed. Nothing is lost whatever is chosen. */
export function ConflictPanel({ draft, theirs, revision, onResolved }: ConflictPanelProps) {
  const { t } = useTranslation('change')
  const [picks, setPicks] = useState<Readonly<Record<string, Pick>>>({})
  const merge = useMemo(
    () => mergeTexts(draft.baseText ?? '', theirs ?? '', draft.text ?? '', picks),
    [draft.baseText, draft.text, theirs, picks],
  )
  const asked = useMemo(() => {
    const first = mergeTexts(draft.baseText ?? '', theirs ?? '', draft.text ?? '')
    return first.kind === 'clash' ? first.clashes : []
  }, [draft.baseText, draft.text, theirs])
  const resolve = (text: string | undefined) =>
    onResolved({
      file: draft.file,
      base: revision,
      baseText: theirs,
      text,
      savedAt: Date.now(),
      ...(draft.text === undefined ? {} : { before: draft.text }),
    })
  const shown = (value: unknown) =>
    value === undefined ? '–' : typeof value === 'string' ? value : JSON.stringify(value)
  return (
    <Alert
      color="orange"
      variant="light"
      icon={<IconGitMerge />}
      title={t('conflict.title', { file: draft.file })}
      role="alert"
      data-conflict={merge.kind}
    >
      <Stack gap="sm">
        <Text size="sm">
          {theirs === undefined
            ? t('conflict.gone')
            : merge.kind === 'merged' && asked.length === 0
              ? t(`conflict.merged.${merge.by}`)
              : merge.kind === 'unreadable'
                ? t('conflict.unreadable', { message: merge.message })
                : t('conflict.clash', { count: asked.length })}
        </Text>
        {asked.length > 0 && (
          <Table fz="xs" withTableBorder>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t('conflict.field')}</Table.Th>
                <Table.Th>{t('conflict.base')}</Table.Th>
                <Table.Th>{t('conflict.theirs')}</Table.Th>
                <Table.Th>{t('conflict.mine')}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {asked.map((clash) => {
                const key = clashKey(clash)
                const pick = (value: Pick) => setPicks({ ...picks, [key]: value })
                return (
                  <Table.Tr key={key}>
                    <Table.Td>
                      {/* An object whose document names no namespace has an empty one in its key. */}
                      <Code>{`${clash.object.replace('//', '/')} ${formatPath(clash.path)}`}</Code>
                    </Table.Td>
                    <Table.Td>{shown(clash.base)}</Table.Td>
                    {(['theirs', 'mine'] as const).map((side) => (
                      <Table.Td key={side}>
                        <Radio
                          size="xs"
                          name={key}
                          label={shown(clash[side])}
                          checked={picks[key] === side}
                          onChange={() => pick(side)}
                          aria-label={`${formatPath(clash.path)}: ${t(`conflict.${side}`)} ${shown(clash[side])}`}
                        />
                      </Table.Td>
                    ))}
                  </Table.Tr>
                )
              })}
            </Table.Tbody>
          </Table>
        )}
        <Group gap="xs">
          {merge.kind === 'merged' && theirs !== undefined && (
            <Button size="xs" onClick={() => resolve(merge.text)}>
              {t('conflict.take')}
            </Button>
          )}
          <Button size="xs" variant="default" onClick={() => resolve(draft.text)}>
            {t('conflict.keepMine')}
          </Button>
          <Button size="xs" variant="default" onClick={() => resolve(theirs)}>
            {t('conflict.keepTheirs')}
          </Button>
        </Group>
      </Stack>
    </Alert>
  )
}
