import { Alert, Anchor, Group, SegmentedControl, Stack, Table, Text, Textarea } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, ask } from '../../api/client.ts'
import type { DecodedFrames } from '../../api/schema.ts'
import { readMap, readText } from '../../forms/schema.ts'
import { problemText } from '../../parts/problem.tsx'
import type { Path } from '../../yaml/index.ts'
import classes from './form.module.css'
import { useForm } from './form-context.tsx'
import { Section } from './section.tsx'

type Frame = DecodedFrames['frames'][number]

/** Somebody types the document, or the bytes. */
const SETTLED_MS = 300

/** Bytes of somebody's traffic, and what the document as it stands here makes of them: each field with its offsets. */
export function FrameTrial() {
  const { t } = useTranslation('editor')
  const { value } = useForm()
  const kept = `meshgate.frames.${readText(value, 'metadata', 'namespace') ?? ''}/${readText(value, 'metadata', 'name') ?? ''}`
  const [hex, setHex] = useState(() => sessionStorage.getItem(kept) ?? '')
  const [from, setFrom] = useState<'client' | 'upstream'>('client')
  const [asked] = useDebouncedValue(JSON.stringify({ document: value, hex, from }), SETTLED_MS)
  const { data, error } = useQuery({
    queryKey: ['frames', asked],
    enabled: hex.trim() !== '',
    retry: false,
    gcTime: 0,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) =>
      ask(api.POST('/api/v1/protocols/decode', { body: JSON.parse(asked) as never, signal })) as Promise<DecodedFrames>,
  })
  const write = (text: string) => {
    setHex(text)
    try {
      sessionStorage.setItem(kept, text)
    } catch {
      // No room: it is there as long as the page is.
    }
  }
  const shown = hex.trim() === '' ? undefined : data
  return (
    <Section title={t('frames.title')} field="decode">
      <Stack gap={6} px={8}>
        <Textarea
          size="xs"
          label={t('frames.hex')}
          description={t('frames.hint')}
          placeholder="00000018 4152 01 00 000003e9 …"
          autosize
          minRows={2}
          maxRows={8}
          spellCheck={false}
          classNames={{ input: classes['hex'] ?? '' }}
          value={hex}
          onChange={({ currentTarget }) => write(currentTarget.value)}
        />
        {(shown?.sided || from === 'upstream') && (
          <SegmentedControl
            size="xs"
            w="fit-content"
            aria-label={t('frames.from')}
            data={(['client', 'upstream'] as const).map((side) => ({ value: side, label: t(`frames.${side}`) }))}
            value={from}
            onChange={(side) => setFrom(side as typeof from)}
          />
        )}
        <div role="status" className={classes['frames']} data-frames={shown?.frames.length ?? ''}>
          {error && hex.trim() !== '' ? (
            <Text size="sm" c="red">
              {problemText(error)}
            </Text>
          ) : (
            shown && <Frames frames={shown} />
          )}
        </div>
      </Stack>
    </Section>
  )
}

function Frames({ frames: { errors, frames, stopped, cut } }: { readonly frames: DecodedFrames }) {
  const { t } = useTranslation('editor')
  return (
    <Stack gap="sm">
      {errors.length > 0 && (
        <Alert color="yellow" variant="light" py={6} title={t('frames.noCodec')}>
          {errors.map(({ path, message }) => (
            <Text key={`${path.join('.')} ${message}`} size="xs">
              {path.join('.')}: {message}
            </Text>
          ))}
        </Alert>
      )}
      {frames.map((frame) => (
        <FrameTable key={frame.at} frame={frame} />
      ))}
      {cut && (
        <Text size="xs" c="dimmed">
          {t('frames.cut', { count: frames.length })}
        </Text>
      )}
      {stopped && (
        <Text size="sm" c={stopped.error === undefined ? 'dimmed' : 'red'}>
          {stopped.error === undefined
            ? t('frames.needs', { at: stopped.at, needs: stopped.needs ?? 0 })
            : t('frames.broken', { at: stopped.at, error: t(`frames.error.${stopped.error as 'malformed'}`) })}
        </Text>
      )}
    </Stack>
  )
}

function FrameTable({ frame }: { readonly frame: Frame }) {
  const { t } = useTranslation('editor')
  const { at, length, kind, id, status, timeoutMs, error, more, problem, fields } = frame
  const words = [
    kind,
    id !== undefined && `id ${id}`,
    status !== undefined && `status ${status}`,
    timeoutMs !== undefined && `timeout ${timeoutMs} ms`,
    error && t('frames.isError'),
    more && t('frames.more'),
  ].filter(Boolean)
  return (
    <div data-frame={at}>
      <Group gap={8}>
        <Text size="xs" fw={600}>
          {t('frames.frame', { at, length })}
        </Text>
        <Text size="xs">{words.join(' · ')}</Text>
        {problem && (
          <Text size="xs" c="red">
            {t(`frames.error.${problem as 'malformed'}`)}
          </Text>
        )}
      </Group>
      <Table className={classes['frame'] ?? ''} verticalSpacing={1} horizontalSpacing={6} fz="xs" layout="fixed">
        <Table.Thead>
          <Table.Tr>
            <Table.Th w={68}>{t('frames.place')}</Table.Th>
            <Table.Th>{t('frames.field')}</Table.Th>
            <Table.Th>{t('frames.bytes')}</Table.Th>
            <Table.Th>{t('frames.value')}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {fields.map(({ name, start, end, hex, value, label, role, expected }) => (
            <Table.Tr key={`${start} ${name}`} data-field={name === undefined ? '?' : shownName(name, role)}>
              <Table.Td className="number">
                {start}–{end}
              </Table.Td>
              <Table.Td>{name === undefined ? '?' : <FieldName name={name} role={role} />}</Table.Td>
              <Table.Td ff="monospace">{hex}</Table.Td>
              <Table.Td>
                {name === undefined ? (
                  <Text span inherit c="dimmed">
                    {t('frames.unnamed', { count: end - start })}
                  </Text>
                ) : (
                  [value, label].filter((one) => one !== undefined).join(' ')
                )}
                {expected !== undefined && (
                  <Text span inherit c="red">
                    {' '}
                    {t('frames.expected', { expected })}
                  </Text>
                )}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  )
}

/** What it is to the codec stands behind a name of its own: `player (length)` is the length of the player. */
const shownName = (name: string, role: string | undefined) => (role === undefined ? name : `${name} (${role})`)

/** A field of a frame, leading to its line where it has one. */
function FieldName({ name, role }: { readonly name: string; readonly role: string | undefined }) {
  const { value, goTo } = useForm()
  const path = placeOfField(value, name)
  const shown = shownName(name, role)
  if (!path) return shown
  return (
    <Anchor component="button" type="button" fz="xs" onClick={() => goTo(path)}>
      {shown}
    </Anchor>
  )
}

/** Where the document speaks of a field; undefined of one that it has by itself, as padding, or that only a variant has. */
function placeOfField(document: unknown, name: string): Path | undefined {
  const places: readonly Path[] = [
    ['spec', 'fields', name],
    ['spec', 'message', name],
    ['spec', 'frame', name],
  ]
  return places.find((place) => Object.hasOwn(readMap(document, ...place.slice(0, -1)), name))
}
