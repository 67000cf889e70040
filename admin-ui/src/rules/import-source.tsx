import { Button, Card, FileButton, Group, Text, Textarea } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { chosenFiles, type Dropped, droppedFiles } from './dropped.ts'

/** Where documents come from: a field to paste into, which takes files and folders that are dropped on it, too. */
export function ImportSource({
  text,
  onText,
  dropped,
  onDropped,
}: {
  readonly text: string
  readonly onText: (text: string) => void
  readonly dropped: Dropped
  /** Gets files that are still being read; undefined: those that were dropped are not wanted any more. */
  readonly onDropped: (coming: Promise<Dropped> | undefined) => void
}) {
  const { t } = useTranslation('rules')
  const [over, setOver] = useState(false)
  return (
    <Card
      withBorder
      onDragOver={(event) => {
        event.preventDefault()
        setOver(true)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        setOver(false)
        // A text that is dragged is the field's own affair.
        if (event.dataTransfer.files.length === 0) return
        event.preventDefault()
        onDropped(droppedFiles(event.dataTransfer.items))
      }}
      style={over ? { outline: '2px dashed var(--mantine-primary-color-filled)' } : undefined}
    >
      <Textarea
        label={t('import.text')}
        description={t('import.hint')}
        autosize
        minRows={8}
        maxRows={20}
        styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 13 } }}
        value={text}
        onChange={({ currentTarget }) => onText(currentTarget.value)}
      />
      <Group gap="sm" mt="sm">
        <FileButton multiple accept=".yaml,.yml,.json" onChange={(files) => onDropped(chosenFiles(files))}>
          {(props) => (
            <Button {...props} size="xs" variant="default">
              {t('import.choose')}
            </Button>
          )}
        </FileButton>
        {(dropped.files.length > 0 || dropped.leftOut > 0) && (
          <Text size="sm" role="status" data-dropped>
            {t('import.files', { count: dropped.files.length })}
            {dropped.leftOut > 0 && ` · ${t('import.leftOut', { count: dropped.leftOut })}`}{' '}
            <Button size="compact-xs" variant="subtle" onClick={() => onDropped(undefined)}>
              {t('import.forget')}
            </Button>
          </Text>
        )}
      </Group>
    </Card>
  )
}
