import { Text } from '@mantine/core'
import { failedShare, isFailing, type Window } from './traffic-text.ts'

/** The share of requests that failed, in red where it is worth a look. */
export function FailedText(figures: Pick<Window, 'requests' | 'failed'>) {
  const failing = isFailing(figures)
  return (
    <Text span inherit {...(failing && { c: 'red', fw: 600 })} data-failing={failing || undefined}>
      {failedShare(figures)}
    </Text>
  )
}
