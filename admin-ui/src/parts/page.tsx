import { Group, Stack, Text, Title } from '@mantine/core'
import { useDocumentTitle } from '@mantine/hooks'
import { type ReactNode, useEffect } from 'react'
import { Breakable } from './breakable.tsx'
import { pageTitle } from './page-title.ts'

export interface PageProps {
  readonly title: string
  /** One line under the title. */
  readonly lead?: ReactNode
  /** Stands at the right of the title. */
  readonly actions?: ReactNode
  readonly children: ReactNode
}

/** The frame of every page: one title, which is also that of the window. */
export function Page({ title, lead, actions, children }: PageProps) {
  useDocumentTitle(`${title} · meshgate`)
  useEffect(() => pageTitle.set(title), [title])
  return (
    <Stack gap="lg" maw={1480} mx="auto">
      <Group justify="space-between" align="flex-end" gap="sm">
        <div style={{ minWidth: 0 }}>
          <Title order={1} style={{ overflowWrap: 'anywhere' }}>
            <Breakable text={title} />
          </Title>
          {lead && (
            <Text c="dimmed" size="sm" component="div">
              {lead}
            </Text>
          )}
        </div>
        {actions && <Group gap="xs">{actions}</Group>}
      </Group>
      {children}
    </Stack>
  )
}
