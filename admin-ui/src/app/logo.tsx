import { Group, Text } from '@mantine/core'

export function Logo() {
  return (
    <Group gap={10} wrap="nowrap">
      <img src="/icon.svg" width={26} height={26} alt="" />
      <Text fw={700} size="lg" lts={-0.2} visibleFrom="xs">
        meshgate
      </Text>
    </Group>
  )
}
