import { Paper, Stack, Text, ThemeIcon, Title } from '@mantine/core'
import type { Icon } from '@tabler/icons-react'
import type { ReactNode } from 'react'

export interface EmptyProps {
  readonly icon: Icon
  readonly title: string
  /** What to do so that there is something. */
  readonly children?: ReactNode
}

/** Where there is nothing to show: says why, and what to do. */
export function Empty({ icon: Icon, title, children }: EmptyProps) {
  return (
    <Paper withBorder p="xl">
      <Stack align="center" gap="sm" py="md">
        <ThemeIcon size={44} radius="xl" variant="light">
          <Icon size={24} stroke={1.5} />
        </ThemeIcon>
        <Title order={2} ta="center">
          {title}
        </Title>
        {children && (
          <Text c="dimmed" size="sm" w="100%" maw={640} ta="center" component="div">
            {children}
          </Text>
        )}
      </Stack>
    </Paper>
  )
}
