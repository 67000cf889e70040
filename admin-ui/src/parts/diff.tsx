import { Badge, Box, Card, Code, Group, Stack, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { ChangedFile } from '../api/schema.ts'
import styles from './diff.module.css'

const COLORS = { added: 'teal', changed: 'blue', deleted: 'red' } as const

/** What changed in files, as unified diffs. Lines carry + and −, not colour alone. */
export function FileDiffs({ files }: { readonly files: readonly ChangedFile[] }) {
  const { t } = useTranslation()
  return (
    <Stack gap="md">
      {files.map(({ file, change, diff, withheld }) => (
        <Card withBorder key={file} padding={0}>
          <Group gap="xs" p="xs" className={styles['title'] ?? ''}>
            <Code bg="transparent">{file}</Code>
            <Badge size="sm" variant="light" color={COLORS[change]}>
              {t(`diff.${change}`)}
            </Badge>
          </Group>
          {diff === undefined ? (
            <Text size="sm" c="dimmed" p="sm">
              {t(`diff.withheld.${withheld ?? 'binary'}`)}
            </Text>
          ) : (
            <UnifiedDiff text={diff} />
          )}
        </Card>
      ))}
    </Stack>
  )
}

const KINDS: Readonly<Record<string, string>> = { '+': 'added', '-': 'removed', '@': 'hunk' }

function UnifiedDiff({ text }: { readonly text: string }) {
  // The names of the files stand above.
  const lines = text.split('\n').filter((line, index) => index > 1 || !/^(---|\+\+\+) /.test(line))
  if (lines.at(-1) === '') lines.pop()
  return (
    <Box component="pre" className={styles['diff'] ?? ''} tabIndex={0}>
      {lines.map((line, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines have no identity but their place
        <div key={index} className={styles[KINDS[line[0] ?? ''] ?? 'kept']}>
          {line === '' ? ' ' : line}
        </div>
      ))}
    </Box>
  )
}
