import { useEffect } from 'react'

/**
 * Brings the part of the form for a field (`fault`, `connectionPool`) into sight, once, and gives the focus to its first control;
 * of a list of rules that of the first.
 */
export function useShownSection(field: string): void {
  useEffect(() => {
    if (field === '') return
    const parts = [...document.querySelectorAll<HTMLElement>('[data-section]')]
    const part = parts.find(({ dataset }) => dataset['section']?.split(', ').includes(field))
    part?.scrollIntoView({ block: 'center' })
    part?.querySelector<HTMLElement>('input, button')?.focus({ preventScroll: true })
  }, [field])
}
