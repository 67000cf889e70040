import { Box, Group, Text } from '@mantine/core'
import type { Diagnostic } from '../api/schema.ts'
import { meaningOfCode } from '../i18n/explained.ts'
import { FilePlace } from './place.tsx'
import { SeverityBadge } from './status.tsx'

/** A complaint: how bad, what, where and what to do. */
export function DiagnosticItem({ diagnostic }: { readonly diagnostic: Diagnostic }) {
  const { severity, message, file, line, column, path, hint, code } = diagnostic
  const meaning = meaningOfCode(code)
  return (
    <Group gap="sm" align="flex-start" wrap="nowrap">
      <SeverityBadge severity={severity} />
      <Box miw={0} style={{ overflowWrap: 'anywhere' }}>
        {meaning && <Text size="sm">{meaning}</Text>}
        <Text size="sm" {...(meaning ? { c: 'dimmed', lang: 'en' } : {})}>
          {message}
        </Text>
        {hint && (
          <Text size="sm" c="dimmed">
            {hint}
          </Text>
        )}
        <Group gap="xs">
          <FilePlace file={file} line={line} column={column} path={path} />
          <Text size="xs" c="dimmed" ff="monospace">
            {code}
          </Text>
        </Group>
      </Box>
    </Group>
  )
}
