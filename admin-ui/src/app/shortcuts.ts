import { useRouter } from '@tanstack/react-router'
import { useEffect } from 'react'
import { areas } from './routes.ts'

/** How long after `g` the second key may come, ms. */
const SECOND_KEY_MS = 1_500

/** Keys that lead to a page by themselves. */
const PAGES: Readonly<Record<string, string>> = { n: '/rules/new', b: '/changes/new' }

/** Where a letter is for what has the focus: fields that take text, and lists one chooses from by letters. What is only ticked takes none. */
const TYPING =
  'input:not([type=checkbox], [type=radio], [type=file]), textarea, select, [contenteditable], [role=dialog], [role=menu], [role=listbox]'

/** `g` and a letter go to a page, `/` to the search field of the page, `?` lists all keys. None works while one types. */
export function useShortcuts(onList: () => void): void {
  const router = useRouter()
  useEffect(() => {
    let since = Number.NEGATIVE_INFINITY
    const onKey = (event: KeyboardEvent) => {
      const target = event.target instanceof HTMLElement ? event.target : undefined
      if (target?.closest(TYPING) || event.ctrlKey || event.metaKey || event.altKey) return
      if (event.timeStamp - since < SECOND_KEY_MS) {
        since = Number.NEGATIVE_INFINITY
        const item = areas.find(({ nav }) => nav?.key === event.key)?.nav
        if (item) router.history.push(item.to)
      } else if (event.key === '?') onList()
      else if (event.key in PAGES) router.history.push(PAGES[event.key]!)
      else if (event.key === 'g') since = event.timeStamp
      else if (event.key === '/') {
        const field = document.querySelector<HTMLInputElement>('main [data-search]')
        if (!field) return
        event.preventDefault()
        field.focus()
      }
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [router, onList])
}
