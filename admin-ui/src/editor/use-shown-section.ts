import { useEffect } from 'react'

/** How many frames the form has to come up. */
const FRAMES = 60

/**
 * Brings the part of the form for a field (`fault`, `connectionPool`) into sight, once, and gives the focus to its first control.
 * @param rule which rule of a list the part is looked for in, and opened if it is not; the first, if there is a list and none is given
 */
export function useShownSection(field: string, rule: number | undefined): void {
  // biome-ignore lint/correctness/useExhaustiveDependencies: the rule that the address means, not those the cursor goes to later
  useEffect(() => {
    if (field === '') return
    let left = FRAMES
    let frame = requestAnimationFrame(look)
    function look() {
      const list = document.querySelector(`[data-rule="${rule ?? 0}"]`)
      const parts = [...(list ?? document).querySelectorAll<HTMLElement>('[data-section]')]
      const part = parts.find(({ dataset }) => dataset['section']?.split(', ').includes(field))
      if (part) {
        part.scrollIntoView({ block: 'center' })
        part.querySelector<HTMLElement>('input, button')?.focus({ preventScroll: true })
        return
      }
      list?.querySelector<HTMLElement>('button[aria-expanded=false]')?.click()
      if (--left > 0) frame = requestAnimationFrame(look)
    }
    return () => cancelAnimationFrame(frame)
  }, [field])
}
