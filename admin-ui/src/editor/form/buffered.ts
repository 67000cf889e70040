import { useEffect, useRef, useState } from 'react'

/**
 * The text of a field while somebody types: what can be read is written at once, what cannot stays in the field. When they leave it shows the
 * document again. `read` answers undefined for a text that says nothing yet.
 */
export function useBuffered<Value>(
  shown: string,
  read: (text: string) => Value | undefined,
  commit: (value: Value) => void,
): {
  readonly text: string
  readonly onChange: (text: string) => void
  readonly onFocus: () => void
  readonly onBlur: () => void
  readonly unread: boolean
} {
  const [typed, setTyped] = useState<string | undefined>(undefined)
  const focused = useRef(false)
  // biome-ignore lint/correctness/useExhaustiveDependencies: it runs because of what is shown
  useEffect(() => {
    // Undo, or the other view, changed the document below the field.
    if (!focused.current) setTyped(undefined)
  }, [shown])
  const text = typed ?? shown
  return {
    text,
    unread: typed !== undefined && typed !== '' && read(typed) === undefined,
    onChange(next) {
      setTyped(next)
      const value = read(next)
      if (value !== undefined) commit(value)
    },
    onFocus() {
      focused.current = true
    },
    onBlur() {
      focused.current = false
      if (typed === undefined || read(typed) !== undefined || typed === '') setTyped(undefined)
    },
  }
}
