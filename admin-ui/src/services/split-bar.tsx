import { Group, Progress, Stack, Text } from '@mantine/core'

const COLORS = ['blue.8', 'teal.8', 'grape.8', 'orange.9', 'cyan.9', 'pink.8'] as const

/** Shares of destinations as a bar and as text. */
export function SplitBar({ parts }: { readonly parts: readonly { readonly name: string; readonly weight: number }[] }) {
  const sum = parts.reduce((total, { weight }) => total + weight, 0)
  const percent = (weight: number) => (sum === 0 ? 0 : (weight / sum) * 100)
  return (
    <Stack gap={4}>
      <Progress.Root size={10} aria-hidden>
        {parts.map(({ name, weight }, index) => (
          <Progress.Section key={name} value={percent(weight)} color={COLORS[index % COLORS.length]!} />
        ))}
      </Progress.Root>
      {parts.map(({ name, weight }, index) => (
        <Group key={name} gap="xs" justify="space-between" wrap="nowrap">
          <Group gap={6} wrap="nowrap" miw={0}>
            <span
              aria-hidden
              style={{
                width: 9,
                height: 9,
                borderRadius: 2,
                flex: 'none',
                background: `var(--mantine-color-${COLORS[index % COLORS.length]!.replace('.', '-')})`,
              }}
            />
            <Text size="sm" truncate title={name}>
              {name}
            </Text>
          </Group>
          <Text size="sm" fw={600} className="number" flex="none">
            {Math.round(percent(weight) * 10) / 10} %
          </Text>
        </Group>
      ))}
    </Stack>
  )
}
